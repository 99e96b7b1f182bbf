"""The database of a memory: SQLite in WAL mode, the truth about which entries there are."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ttom_pl.memory.entry import AdapterSpec, Entry
from ttom_pl.memory.errors import DamagedDatabaseError, MemoryBusyError, MemoryWriteError

VERSION = 1
_TIMEOUT = 60.0  # seconds to wait for other processes
_REFUSED = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_SCHEMA = """
CREATE TABLE state (generation INTEGER NOT NULL);
INSERT INTO state VALUES (0);
CREATE TABLE snapshots (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
CREATE TABLE entries (
    label INTEGER PRIMARY KEY AUTOINCREMENT,
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
    extra TEXT NOT NULL
);
CREATE INDEX entries_group ON entries (fingerprint, spec_digest, dimension);
CREATE INDEX entries_size ON entries (nbytes);
CREATE INDEX entries_hits ON entries (hits, last_used);
CREATE INDEX entries_last_used ON entries (last_used);
CREATE INDEX entries_created ON entries (created);
CREATE INDEX entries_saved ON entries (iterations_saved, last_used);
CREATE TABLE lookups (at REAL NOT NULL, entry TEXT, iterations_saved INTEGER NOT NULL);
"""


class Group(NamedTuple):
    """Entries that can answer each other's keys."""

    fingerprint: str
    spec_digest: str
    dimension: int

    @classmethod
    def of(cls, entry: Entry) -> "Group":
        """Return the group of an entry."""
        return cls(entry.fingerprint, entry.spec.digest, entry.key.size)


def to_row(entry: Entry, file: str) -> dict[str, Any]:
    """Return the columns of an entry."""
    row = {each.name: getattr(entry, each.name) for each in fields(Entry)}
    row |= {"key": entry.key.astype("<f4").tobytes(), "layout": json.dumps(entry.layout)}
    row |= {"extra": json.dumps(entry.extra)}
    row |= {"spec": json.dumps(asdict(entry.spec)), "parents": json.dumps(entry.parents)}
    return row | {"file": file, "spec_digest": entry.spec.digest, "dimension": entry.key.size}


def from_row(row: sqlite3.Row) -> Entry:
    """Return the entry of a row."""
    data = {each.name: row[each.name] for each in fields(Entry)}
    data |= {"key": np.frombuffer(row["key"], "<f4").astype(np.float32), "layout": json.loads(row["layout"])}
    data |= {"extra": json.loads(row["extra"])}
    data |= {"spec": AdapterSpec.from_dict(json.loads(row["spec"])), "parents": tuple(json.loads(row["parents"]))}
    return Entry(**data)


def insert_row(connection: sqlite3.Connection, row: dict[str, Any]) -> int:
    """Insert a row and return its label, which no other row of this database ever gets."""
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    label = connection.execute(f"INSERT INTO entries ({names}) VALUES ({values})", row).lastrowid
    assert label is not None
    return label


class Database:
    """A connection that translates SQLite's errors and hands out transactions; for one thread.

    Args:
        path: the file; it is created, without tables, where it is missing.
        durable: whether a committed transaction must survive a power cut.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, timeout=_TIMEOUT, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        try:
            with self._translated():
                self._enter_wal_mode()
                self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that sees one state of the database throughout."""
        with self._transaction("DEFERRED") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that no other process writes beside; an exception rolls it back."""
        with self._transaction("IMMEDIATE") as connection:
            yield connection

    def version(self) -> int:
        """Return the version of the schema; 0 where there are no tables."""
        with self._translated():
            return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def create_schema(self) -> None:
        """Create the tables; call it in a writing transaction."""
        for statement in filter(str.strip, _SCHEMA.split(";")):
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA user_version = {VERSION}")

    def check(self) -> None:
        """Read the whole database.

        Raises:
            DamagedDatabaseError: if it does not hold together.
        """
        with self._translated():
            answer = self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if answer != "ok":
            raise DamagedDatabaseError(self.path.parent, f"damaged ({answer})")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        with self._translated():
            self._connection.execute(f"BEGIN {kind}")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise DamagedDatabaseError(self.path.parent, f"damaged ({error})") from error
            if code in _REFUSED:
                raise MemoryWriteError(self.path, error) from error
            if code == sqlite3.SQLITE_BUSY:
                raise MemoryBusyError(self.path, _TIMEOUT) from error
            raise

    def _enter_wal_mode(self) -> None:
        """Switch to WAL mode; SQLite does not wait for other processes here, so this does."""
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                if self._connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return


__all__ = ["VERSION", "Database", "Group", "from_row", "insert_row", "to_row"]
