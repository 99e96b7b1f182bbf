"""Where things go in the frame: ways, sizes, relations, and the search for places."""
