"""The records of a memory: database rows, adapter files and indices, changed together or not at all."""

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.memory import leftovers
from ttom_pl.memory.database import schema
from ttom_pl.memory.database.connection import Database
from ttom_pl.memory.database.find_rows import find_row
from ttom_pl.memory.database.row_seals import BrokenRowError, from_row, to_row
from ttom_pl.memory.database.schema import EntryGroup
from ttom_pl.memory.entry import AdapterTensors, Entry
from ttom_pl.memory.errors import CorruptEntryError, DamagedDatabaseError, MemoryStoreError
from ttom_pl.memory.files import AdapterFiles, encode, file_name
from ttom_pl.memory.search.by_group import GroupSearch

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
    added: list[tuple[EntryGroup, int, NDArray[np.float32]]] = field(default_factory=list)
    removed: list[tuple[EntryGroup, int]] = field(default_factory=list)
    lookups: list[dict[str, Any]] = field(default_factory=list)

    def add(self, entry: Entry, adapter: AdapterTensors) -> int:
        """Add an entry and return its label."""
        return self.add_file(entry, self._write(entry, adapter))

    def add_file(self, entry: Entry, file: str) -> int:
        """Add an entry whose adapter file is there already, and return its label."""
        label = schema.insert_entry(self.connection, entry, file)
        self.added.append((EntryGroup.of(entry), label, entry.key))
        return label

    def replace(self, row: sqlite3.Row, entry: Entry, adapter: AdapterTensors) -> None:
        """Replace the entry of a row and its adapter, but not its key."""
        schema.change_entry(self.connection, row, **to_row(entry, self._write(entry, adapter)))
        self._forget(row["file"])

    def remove(self, row: sqlite3.Row, *, keep_file: bool = False) -> None:
        """Remove the entry of a row."""
        self.connection.execute("DELETE FROM entries WHERE label = ?", (row["label"],))
        if not keep_file:
            self._forget(row["file"])
        self.removed.append((EntryGroup(row["fingerprint"], row["spec_digest"], row["dimension"]), row["label"]))

    def _forget(self, file: str) -> None:
        """Note that a file goes, so that whoever finds it after a kill knows that nobody misses it."""
        schema.insert(self.connection, "removed", {"file": file})
        self.obsolete.append(file)

    def _write(self, entry: Entry, adapter: AdapterTensors) -> str:
        name = file_name(entry.id, self.generation)
        self.written.append(name)
        if name in self.obsolete:  # the same entry twice in one change
            self.obsolete.remove(name)
            self.connection.execute("DELETE FROM removed WHERE file = ?", (name,))
        self.files.write(name, encode(entry, adapter, self.lookups))
        return name


class Records:
    """The truth of a memory.

    An adapter's file is complete before its row is committed, and goes after its row is gone. Files are written while
    the process holds the database's write lock: a kill leaves at most a file without a row. Those that were to go are
    noted in the database and do; any other may be what a lost database knew, and is adopted with the lookups that its
    header names, so that a prompt whose write is taken up is not written once more. Every change of entries
    increments the database's generation, by which processes notice each other's changes; a file's name tells the
    generation in which it was written.

    Args:
        folder: the folder of the memory.
        durable: whether an acknowledged change must survive a power cut.
        read_only: look at what is there without changing a byte.

    Raises:
        DamagedDatabaseError: if there are adapters, but no database that knows them.
        FileNotFoundError: if there is no memory and none may be made.
    """

    def __init__(self, folder: Path, *, durable: bool, read_only: bool = False) -> None:
        self.folder = folder
        self.read_only = read_only
        self.files = AdapterFiles(folder, durable=durable, read_only=read_only)
        self.search = GroupSearch(folder)
        self._gone: list[str] = []
        if read_only and not (folder / DATABASE).is_file():
            if self.files.names():
                raise DamagedDatabaseError(folder, "missing")
            raise FileNotFoundError(f"there is no memory in {str(folder)!r}; give the folder that holds {DATABASE}")
        self.database = Database(folder / DATABASE, durable=durable, read_only=read_only)
        try:
            self._open()
        except BaseException:
            self.database.close()
            raise

    @contextmanager
    def writing(self) -> Iterator[Change]:
        """Open a transaction; files and indices follow when it is committed, an exception undoes it."""
        with self.database.lock:
            change = None
            try:
                with self.database.writing() as connection:
                    generation = schema.read_state(connection).generation + 1
                    schema.change_state(connection, generation=generation)
                    connection.executemany("DELETE FROM removed WHERE file = ?", [(name,) for name in self._gone])
                    change = Change(connection, self.files, generation)
                    yield change
            except BaseException:
                if change is not None:
                    self._discard(change.written)
                raise
            self._gone = list(filter(self._remove, change.obsolete))
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
        except BrokenRowError as error:
            raise DamagedDatabaseError(self.folder, f"damaged (entry {row['id']!r}: {error})") from error

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
        """Take a damaged entry out of the memory with a warning; return False if it has changed since it was read.

        A memory that may only be read keeps it.
        """
        if self.read_only:
            with self.database.reading() as connection:
                current = find_row(connection, row["id"])
            if current is None or current["file"] != row["file"]:
                return False
            warnings.warn(f"entry {row['id']!r} is damaged and stays, as the memory may only be read", stacklevel=3)
            return True
        with self.writing() as change:
            current = find_row(change.connection, row["id"])
            if current is None or current["file"] != row["file"]:
                return False
            change.remove(current, keep_file=True)
        self.files.quarantine(row["file"])
        warnings.warn(
            f"entry {row['id']!r} ({row['prompt']!r}) is quarantined and no longer in the memory: {error}", stacklevel=3
        )
        return True

    def close(self) -> None:
        """Save snapshots of the indices and close the database."""
        with self.database.lock:
            try:
                if self.search.unsaved and not self.read_only:
                    with self.database.writing() as connection:
                        self.search.save(connection)
                    with self.database.writing() as connection:
                        self.search.tidy(self.search.leftovers(connection))
            except (MemoryStoreError, OSError, RuntimeError) as error:
                warnings.warn(f"the next opening of {self.folder} has to rebuild its index: {error}", stacklevel=3)
            finally:
                self.database.close()

    def _open(self) -> None:
        if self.read_only:
            with self.database.reading() as connection:
                if self._version(connection) == 0:
                    raise DamagedDatabaseError(self.folder, "empty")
            return
        with self.database.writing() as connection:
            version = self._version(connection)
            if version == 0:
                if self.files.names():
                    raise DamagedDatabaseError(self.folder, "missing or empty")
                schema.create(connection)
            elif version < schema.VERSION:
                schema.upgrade(connection)
            if leftovers.orphans(self.files, connection) & leftovers.too_young(self.files, connection):
                raise DamagedDatabaseError(self.folder, "older than its adapter files")
            leftovers.collect(self.files, connection)
            self.search.tidy(self.search.leftovers(connection))

    def _version(self, connection: sqlite3.Connection) -> int:
        version = schema.read_version(connection)
        if version > schema.VERSION:
            raise ValueError(f"the memory {self.folder} has version {version} and needs a newer ttom_pl")
        return version

    def _remove(self, name: str) -> bool:
        """Remove a file, and return whether it is gone; one that stays is tried again at the next opening."""
        try:
            self.files.remove(name)
        except OSError:
            return False
        return True

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


__all__ = ["DATABASE", "Change", "Records", "memory_folder"]
