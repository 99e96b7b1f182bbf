"""What a damaged database still tells for certain: rows whose seal holds."""

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ttom_pl.memory.database import schema
from ttom_pl.memory.database.header import mend_header
from ttom_pl.memory.database.read_only import copy_database
from ttom_pl.memory.database.row_seals import is_sealed, sealed, to_row
from ttom_pl.memory.entry import Entry

COUNTS = ("hits", "iterations_saved", "last_used")
"""What the row of an entry knows and its adapter file does not: the uses since that was written."""
_BROKEN = (sqlite3.Error, OSError, ValueError, LookupError, TypeError, OverflowError)
"""What reading a damaged database may raise: SQLite even fails to decode its own messages."""
_UNKNOWN = schema.State(schema.VERSION, 0, 0, 0)
_NEW = {"blended": "[]", "mark": None}  # columns of lookups that the first version had not


@dataclass
class Salvaged:
    """What was saved from a database.

    Attributes:
        rows: rows of entries as they were found, by id and by file.
        lookups: rows of lookups in their order.
        forgotten: names of adapter files that were to go.
        state: the state of the memory; zeros where it is lost.
    """

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    lookups: list[dict[str, Any]] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    state: schema.State = _UNKNOWN

    def counts(self, entry: Entry, file: str) -> Mapping[str, Any]:
        """Return the counts of an entry's uses as far as they are certain, those of its adapter file otherwise.

        They are if the row, with all else from the file, agrees with its seal.
        """
        row = self.rows.get(file) or self.rows.get(entry.id)
        if row is None:
            return {}
        counts = {name: row[name] for name in COUNTS}
        with suppress(ValueError, TypeError, OverflowError):
            whole = sealed(to_row(entry, file) | {"label": row["label"]} | counts)
            if (whole["seal"] == row["seal"]) if "seal" in row else _are_counts(entry, counts):
                return counts
        return {}


def salvage(path: Path) -> Salvaged:
    """Return what can still be read of a database, which stays as it is.

    Args:
        path: the file, whole or damaged or missing.
    """
    saved = Salvaged()
    if not path.is_file():
        return saved
    with tempfile.TemporaryDirectory(prefix="ttom-memory-") as folder, suppress(*_BROKEN):
        copy = copy_database(path, Path(folder))
        mend_header(copy)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.text_factory = lambda data: data.decode(errors="replace")
            connection.row_factory = sqlite3.Row
            with suppress(*_BROKEN):
                saved.state = schema.read_state(connection)
            with suppress(*_BROKEN):
                for row in _rows(connection, "entries"):
                    saved.rows |= {name: dict(row) for name in (row["id"], row["file"])}
            with suppress(*_BROKEN):
                lookups = {row[0]: dict(row) for row in _rows(connection, "lookups", "rowid, *") if _is_lookup(row)}
                saved.lookups = [_NEW | lookups[number] for number in sorted(lookups)]
            with suppress(*_BROKEN):
                saved.forgotten = {row["file"] for row in _rows(connection, "removed") if is_sealed(row)}
    return saved


def _are_counts(entry: Entry, counts: Mapping[str, Any]) -> bool:
    """Whether counts of uses can be later than those of an entry's file; the first version had no seals."""
    return all(
        isinstance(counts[name], int | float) and getattr(entry, name) <= counts[name] < 2**53 for name in COUNTS
    )


def _is_lookup(row: sqlite3.Row) -> bool:
    at, entry, saved = row["at"], row["entry"], row["iterations_saved"]
    sound = isinstance(at, float) and isinstance(saved, int) and isinstance(entry, str | None)
    return sound and is_sealed(row)


def _rows(connection: sqlite3.Connection, table: str, columns: str = "*") -> Iterator[sqlite3.Row]:
    """Iterate over the rows of a table from both ends, to get around a place where it cannot be read."""
    for order in ("ASC", "DESC"):
        try:
            yield from connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid {order}")
        except (sqlite3.Error, UnicodeDecodeError):
            continue
        else:
            return


__all__ = ["COUNTS", "Salvaged", "salvage"]
