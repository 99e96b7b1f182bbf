"""The tables of a memory: how they are made, changed, brought up to date and checked."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import Any, NamedTuple

from ttom_pl.memory.database.row_seals import BrokenRowError, from_row, is_sealed, sealed, to_row
from ttom_pl.memory.entry import Entry

VERSION = 2
_SCHEMA = """
CREATE TABLE state (
    version INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    label INTEGER NOT NULL,
    lookups INTEGER NOT NULL,
    seal TEXT NOT NULL
);
CREATE TABLE snapshots (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, seal TEXT NOT NULL);
CREATE TABLE removed (file TEXT PRIMARY KEY, seal TEXT NOT NULL);
CREATE TABLE entries (
    label INTEGER PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    spec_digest TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    key_text TEXT NOT NULL,
    key BLOB NOT NULL,
    prompt TEXT NOT NULL,
    layout TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    spec TEXT NOT NULL,
    loss_before REAL,
    loss_after REAL,
    iterations INTEGER NOT NULL,
    iterations_saved INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    merged INTEGER NOT NULL,
    weight REAL NOT NULL,
    created REAL NOT NULL,
    last_used REAL NOT NULL,
    parents TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    nbytes INTEGER NOT NULL,
    extra TEXT NOT NULL,
    seal TEXT NOT NULL
);
CREATE INDEX entries_group ON entries (fingerprint, spec_digest, dimension);
CREATE INDEX entries_size ON entries (nbytes);
CREATE INDEX entries_hits ON entries (hits, last_used);
CREATE INDEX entries_last_used ON entries (last_used);
CREATE INDEX entries_created ON entries (created);
CREATE INDEX entries_saved ON entries (iterations_saved, last_used);
CREATE TABLE lookups (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    entry TEXT,
    iterations_saved INTEGER NOT NULL,
    blended TEXT NOT NULL,
    mark TEXT UNIQUE,
    seal TEXT NOT NULL
);
"""


class EntryGroup(NamedTuple):
    """Entries that can answer each other's keys."""

    fingerprint: str
    spec_digest: str
    dimension: int

    @classmethod
    def of(cls, entry: Entry) -> "EntryGroup":
        """Return the group of an entry."""
        return cls(entry.fingerprint, entry.spec.digest, entry.key.size)


class State(NamedTuple):
    """What is known of a memory as a whole.

    Attributes:
        version: version of the tables.
        generation: number of changes of entries so far.
        label: the greatest label that an entry ever had.
        lookups: number of lookups that are recorded.
    """

    version: int
    generation: int
    label: int
    lookups: int


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """Insert a row, or replace the one of the same primary key."""
    values = sealed(row)
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({places})", values)


def insert_entry(connection: sqlite3.Connection, entry: Entry, file: str) -> int:
    """Insert the row of an entry and return its label, which no other entry of this memory ever gets."""
    label = read_state(connection).label + 1
    change_state(connection, label=label)
    values = sealed(to_row(entry, file) | {"label": label})
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO entries ({names}) VALUES ({places})", values)
    return label


def change_entry(connection: sqlite3.Connection, row: sqlite3.Row, **changes: Any) -> None:
    """Change columns of the row of an entry.

    Raises:
        BrokenRowError: if the row is not as it was written, which a new seal would hide.
    """
    if not is_sealed(row):
        raise BrokenRowError(f"the row of entry {row['id']!r} is not as it was written")
    values = sealed(dict(row) | changes)
    assignments = ", ".join(f"{name} = :{name}" for name in (*changes, "seal"))
    connection.execute(f"UPDATE entries SET {assignments} WHERE label = :label", values)


def read_state(connection: sqlite3.Connection) -> State:
    """Return the state of a memory.

    Raises:
        BrokenRowError: if it is not as it was written.
    """
    rows = connection.execute("SELECT * FROM state").fetchall()
    if len(rows) != 1 or not is_sealed(rows[0]):
        raise BrokenRowError("its state is not as it was written")
    if "version" not in rows[0].keys():  # noqa: SIM118  # the first version
        return State(1, rows[0]["generation"], 0, 0)
    return State(*(rows[0][name] for name in State._fields))


def read_version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 where there are none.

    Raises:
        BrokenRowError: if what the database says of it does not agree.
    """
    named = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0 == named:
        return 0
    version = read_state(connection).version
    if version != named:
        raise BrokenRowError("it names two versions")
    return version


def change_state(connection: sqlite3.Connection, **changes: int) -> State:
    """Change the state of a memory and return it."""
    state = read_state(connection)._replace(**changes)
    assignments = ", ".join(f"{name} = :{name}" for name in (*State._fields, "seal"))
    connection.execute(f"UPDATE state SET {assignments}", sealed(state._asdict()))
    return state


def create(connection: sqlite3.Connection) -> None:
    """Create the tables; call it in a writing transaction."""
    for statement in filter(str.strip, _SCHEMA.split(";")):
        connection.execute(statement)
    insert(connection, "state", State(VERSION, 0, 0, 0)._asdict())
    connection.execute(f"PRAGMA user_version = {VERSION}")


def upgrade(connection: sqlite3.Connection) -> None:
    """Turn the tables of version 1, which had neither seals nor marks, into those of now; in a writing transaction.

    Raises:
        BrokenRowError: if a row cannot be read.
    """
    generation = read_state(connection).generation
    snapshots = connection.execute("SELECT name, sha256 FROM snapshots").fetchall()
    sequence = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'entries'").fetchone()
    for name in "group size hits last_used created saved".split():
        connection.execute(f"DROP INDEX entries_{name}")
    connection.execute("DROP TABLE state")
    connection.execute("DROP TABLE snapshots")
    connection.execute("ALTER TABLE entries RENAME TO old_entries")
    connection.execute("ALTER TABLE lookups RENAME TO old_lookups")
    create(connection)
    label = sequence[0] if sequence else 0
    for row in connection.execute("SELECT * FROM old_entries ORDER BY label"):
        insert(connection, "entries", to_row(from_row(row), row["file"]) | {"label": row["label"]})
        label = max(label, row["label"])
    number = 0
    for row in connection.execute("SELECT * FROM old_lookups ORDER BY rowid"):
        number += 1
        insert(connection, "lookups", dict(row) | {"number": number, "blended": "[]", "mark": None})
    for row in snapshots:
        insert(connection, "snapshots", dict(row))
    connection.execute("DROP TABLE old_entries")
    connection.execute("DROP TABLE old_lookups")
    change_state(connection, generation=generation, label=label, lookups=number)


def faults(connection: sqlite3.Connection) -> list[str]:
    """Return what is wrong with tables and rows, but for those of the entries."""
    if read_version(connection) < VERSION:  # without seals there is nothing to compare with
        return []
    state, faults = read_state(connection), []
    if _tables(connection) != _expected_tables():
        faults.append("its tables are not those of a memory")
    numbers = [row["number"] for row in connection.execute("SELECT * FROM lookups ORDER BY number") if is_sealed(row)]
    if numbers != list(range(1, state.lookups + 1)):
        faults.append("lookups are missing or not as they were written")
    if connection.execute("SELECT coalesce(max(label), 0) > ? FROM entries", (state.label,)).fetchone()[0]:
        faults.append("a label is greater than all that were given")
    others = [row for table in ("snapshots", "removed") for row in connection.execute(f"SELECT * FROM {table}")]
    if not all(map(is_sealed, others)):
        faults.append("a row of the snapshots or of removed files is not as it was written")
    return faults


def _tables(connection: sqlite3.Connection) -> set[tuple[Any, ...]]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name <> 'sqlite_sequence'"
    return {tuple(row) for row in connection.execute(query)}


@cache
def _expected_tables() -> set[tuple[Any, ...]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        create(connection)
        return _tables(connection)


__all__ = [
    "VERSION",
    "EntryGroup",
    "State",
    "change_entry",
    "change_state",
    "create",
    "faults",
    "insert",
    "insert_entry",
    "read_state",
    "read_version",
    "upgrade",
]
