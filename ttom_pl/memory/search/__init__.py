"""Search over the keys of a memory: an index for each group of entries that can answer each other."""
