"""The database of a memory: one SQLite file, opened, looked at, checked and saved from damage."""
