"""Just enough English: the words, phrases and clauses of a description of a video."""
