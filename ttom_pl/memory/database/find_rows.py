"""Rows of entries, found by what they are known by."""

import sqlite3

from ttom_pl.memory.errors import EntryNotFoundError


def find_row(connection: sqlite3.Connection, entry_id: str) -> sqlite3.Row | None:
    """Return the row of an entry, or None."""
    row: sqlite3.Row | None = connection.execute("SELECT * FROM entries WHERE id = ?", (entry_id,)).fetchone()
    return row


def get_row(connection: sqlite3.Connection, entry_id: str) -> sqlite3.Row:
    """Return the row of an entry.

    Raises:
        EntryNotFoundError: if there is none of this id.
    """
    row = find_row(connection, entry_id)
    if row is None:
        raise EntryNotFoundError(entry_id)
    return row


def row_labelled(connection: sqlite3.Connection, label: int) -> sqlite3.Row:
    """Return the row of a label that is known to be there."""
    row: sqlite3.Row = connection.execute("SELECT * FROM entries WHERE label = ?", (label,)).fetchone()
    return row


__all__ = ["find_row", "get_row", "row_labelled"]
