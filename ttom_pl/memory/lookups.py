"""The record of lookups: which entry answered a prompt, and what it saved; each prompt counts once."""

import json
import sqlite3
from collections.abc import Sequence

from ttom_pl.memory.database.schema import change_entry, change_state, insert, read_state
from ttom_pl.memory.history import Lookup

_MOST = 1 << 53  # what JSON and floating-point numbers hold exactly


def record(connection: sqlite3.Connection, lookup: Lookup, blended: Sequence[str], mark: str | None) -> None:
    """Count a lookup, in the entries that answered it and in the history; call it in a writing transaction.

    Args:
        connection: the database.
        lookup: the lookup.
        blended: ids of other entries that were used with the one of the lookup; those that are gone are ignored.
        mark: names the prompt; what was recorded under it before is taken back.

    Raises:
        ValueError: if the iterations saved are no count.
    """
    if not 0 <= lookup.iterations_saved <= _MOST:
        raise ValueError(f"iterations saved by a lookup must be from 0 to 2**53, got {lookup.iterations_saved:.6g}")
    number = _take_back(connection, mark)
    if number is None:
        number = read_state(connection).lookups + 1
        change_state(connection, lookups=number)
    if lookup.entry is not None:
        _count(connection, lookup.entry, 1, lookup.iterations_saved, lookup.at)
        for other in blended:
            _count(connection, other, 1, 0, lookup.at)
    row = {"number": number, "at": lookup.at, "entry": lookup.entry, "iterations_saved": lookup.iterations_saved}
    insert(connection, "lookups", row | {"blended": json.dumps(list(blended)), "mark": mark})


def is_marked(connection: sqlite3.Connection, mark: str) -> bool:
    """Whether a lookup was recorded under a mark."""
    return connection.execute("SELECT 1 FROM lookups WHERE mark = ?", (mark,)).fetchone() is not None


def history(connection: sqlite3.Connection) -> list[Lookup]:
    """Return the lookups, the oldest first."""
    return [
        Lookup(*row) for row in connection.execute("SELECT at, entry, iterations_saved FROM lookups ORDER BY rowid")
    ]


def _take_back(connection: sqlite3.Connection, mark: str | None) -> int | None:
    """Undo what was counted under a mark, and return its number; None where there is nothing."""
    row = connection.execute("SELECT * FROM lookups WHERE mark = ?", (mark,)).fetchone()
    if row is None:
        return None
    if row["entry"] is not None:
        _count(connection, row["entry"], -1, -row["iterations_saved"], None)
        for other in json.loads(row["blended"]):
            _count(connection, other, -1, 0, None)
    return int(row["number"])


def _count(connection: sqlite3.Connection, entry_id: str, hits: int, saved: int, at: float | None) -> None:
    row = connection.execute("SELECT * FROM entries WHERE id = ?", (entry_id,)).fetchone()
    if row is None:
        return
    changes = {"hits": _bounded(row["hits"] + hits), "iterations_saved": _bounded(row["iterations_saved"] + saved)}
    change_entry(connection, row, **changes, **({} if at is None else {"last_used": at}))


def _bounded(count: int) -> int:
    return min(max(count, 0), _MOST)


__all__ = ["history", "is_marked", "record"]
