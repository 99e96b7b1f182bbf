"""The records of a memory: database rows, adapter files and indices, changed together or not at all."""

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.memory.database import VERSION, Database, Group, from_row, insert_row, to_row
from ttom_pl.memory.entry import Adapter, Entry
from ttom_pl.memory.errors import CorruptEntryError, DamagedDatabaseError, EntryNotFoundError, MemoryStoreError
from ttom_pl.memory.files import AdapterFiles, encode, file_name, generation_of
from ttom_pl.memory.search import GroupSearch

DATABASE = "memory.sqlite"
_PAGE = 200  # rows read at once


@dataclass
class Change:
    """A writing transaction, and what goes with it outside the database."""

    connection: sqlite3.Connection
    files: AdapterFiles
    generation: int
    written: list[str] = field(default_factory=list)
    obsolete: list[str] = field(default_factory=list)
    added: list[tuple[Group, int, NDArray[np.float32]]] = field(default_factory=list)
    removed: list[tuple[Group, int]] = field(default_factory=list)

    def add(self, entry: Entry, adapter: Adapter) -> int:
        """Add an entry and return its label."""
        label = insert_row(self.connection, to_row(entry, self._write(entry, adapter)))
        self.added.append((Group.of(entry), label, entry.key))
        return label

    def replace(self, row: sqlite3.Row, entry: Entry, adapter: Adapter) -> None:
        """Replace the entry of a row and its adapter, but not its key."""
        values = to_row(entry, self._write(entry, adapter))
        assignments = ", ".join(f"{name} = :{name}" for name in values)
        self.connection.execute(f"UPDATE entries SET {assignments} WHERE id = :id", values)
        self.obsolete.append(row["file"])

    def remove(self, row: sqlite3.Row, *, keep_file: bool = False) -> None:
        """Remove the entry of a row."""
        self.connection.execute("DELETE FROM entries WHERE label = ?", (row["label"],))
        self.obsolete += [] if keep_file else [row["file"]]
        self.removed.append((Group(row["fingerprint"], row["spec_digest"], row["dimension"]), row["label"]))

    def _write(self, entry: Entry, adapter: Adapter) -> str:
        name = file_name(entry.id, self.generation)
        self.written.append(name)
        self.obsolete = [each for each in self.obsolete if each != name]  # the same entry twice in one change
        self.files.write(name, encode(entry, adapter))
        return name


class Records:
    """The truth of a memory.

    An adapter's file is complete before its row is committed, and goes after its row is gone. Files are written while
    the process holds the database's write lock: a kill leaves at most a file without a row, and whoever holds the lock
    knows every such file to be left over. Every change of entries increments the database's generation, by which
    processes notice each other's changes; a file's name tells the generation in which it was written.

    Args:
        folder: the folder of the memory.
        durable: whether an acknowledged change must survive a power cut.

    Raises:
        DamagedDatabaseError: if there are adapters, but no database that knows them.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self.files = AdapterFiles(folder, durable=durable)
        self.search = GroupSearch(folder)
        self.database = Database(folder / DATABASE, durable=durable)
        try:
            self._open()
        except BaseException:
            self.database.close()
            raise

    @contextmanager
    def writing(self) -> Iterator[Change]:
        """Open a transaction; files and indices follow when it is committed, an exception undoes it."""
        change = None
        try:
            with self.database.writing() as connection:
                connection.execute("UPDATE state SET generation = generation + 1")
                change = Change(connection, self.files, _generation(connection))
                yield change
        except BaseException:
            if change is not None:
                self._discard(change.written)
            raise
        for name in change.obsolete:
            self.files.remove(name)
        self.search.publish(change.generation, change.added, change.removed)

    def rows(self) -> Iterator[sqlite3.Row]:
        """Iterate over the rows in the order of insertion, without a transaction that lasts."""
        last = 0
        while True:
            with self.database.reading() as connection:
                query = "SELECT * FROM entries WHERE label > ? ORDER BY label LIMIT ?"
                page = connection.execute(query, (last, _PAGE)).fetchall()
            if not page:
                return
            yield from page
            last = page[-1]["label"]

    def entry(self, row: sqlite3.Row) -> Entry:
        """Return the entry of a row.

        Raises:
            DamagedDatabaseError: if the row does not hold one, as at the end of a truncated database.
        """
        try:
            return from_row(row)
        except (ValueError, TypeError, KeyError) as error:
            raise DamagedDatabaseError(self.folder, f"damaged (entry {row['id']}: {error})") from error

    def read(self, row: sqlite3.Row) -> dict[str, Tensor]:
        """Return the adapter of a row.

        Raises:
            CorruptEntryError: if its file is missing or damaged.
        """
        stored, tensors = self.files.read(row["file"])
        if (stored.id, stored.content_hash) != (row["id"], row["content_hash"]):
            raise CorruptEntryError(f"adapter file {row['file']} cannot be used: it is not the one of its entry")
        return tensors

    def quarantine(self, row: sqlite3.Row, error: CorruptEntryError) -> bool:
        """Take a damaged entry out of the memory with a warning; return False if it has changed since it was read."""
        with self.writing() as change:
            current = find_row(change.connection, row["id"])
            if current is None or current["file"] != row["file"]:
                return False
            change.remove(current, keep_file=True)
        self.files.quarantine(row["file"])
        warnings.warn(
            f"entry {row['id']} ({row['prompt']!r}) is quarantined and no longer in the memory: {error}", stacklevel=3
        )
        return True

    def orphans(self, connection: sqlite3.Connection) -> set[str]:
        """Return the files that killed processes left without a row; call it in a writing transaction.

        Raises:
            DamagedDatabaseError: if a file is younger than the database: an old copy of it must have been restored.
        """
        orphans = self.files.names() - {row[0] for row in connection.execute("SELECT file FROM entries")}
        if any(generation_of(name) > _generation(connection) + 1 for name in orphans):
            raise DamagedDatabaseError(self.folder, "older than its adapter files")
        return orphans | self.files.unfinished()

    def close(self) -> None:
        """Save snapshots of the indices and close the database."""
        try:
            if self.search.unsaved:
                with self.database.writing() as connection:
                    self.search.save(connection)
        except (MemoryStoreError, OSError, RuntimeError) as error:
            warnings.warn(f"the next opening of {self.folder} has to rebuild its index: {error}", stacklevel=3)
        finally:
            self.database.close()

    def _open(self) -> None:
        with self.database.writing() as connection:
            version = self.database.version()
            if version > VERSION:
                raise ValueError(f"the memory {self.folder} has version {version} and needs a newer ttom_pl")
            if version == 0:
                if self.files.names():
                    raise DamagedDatabaseError(self.folder, "missing or empty")
                self.database.create_schema()
            for name in self.orphans(connection):
                self.files.remove(name)

    def _discard(self, names: list[str]) -> None:
        """Remove the files of a transaction that failed, except where it was committed before the exception came."""
        with suppress(Exception), self.database.reading() as connection:
            for name in names:
                if connection.execute("SELECT 1 FROM entries WHERE file = ?", (name,)).fetchone() is None:
                    self.files.remove(name)


def memory_folder(path: Path) -> Path | None:
    """Return the folder of the memory in ``path``, which may itself be that of a run; None where there is none.

    A folder of adapters counts also when its database is gone, so that whoever opens it hears of the repair.
    """
    for folder in (path, path / "memory"):
        if (folder / DATABASE).is_file() or (folder / "adapters").is_dir():
            return folder
    return None


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


def _generation(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT generation FROM state").fetchone()[0])


__all__ = ["DATABASE", "Change", "Records", "find_row", "get_row", "memory_folder", "row_labelled"]
