"""What is wrong with a memory on disk, and the way back from the adapter files alone."""

import shutil
import sqlite3
import time
from dataclasses import dataclass, replace
from pathlib import Path

from ttom_pl.memory import leftovers
from ttom_pl.memory.database import schema
from ttom_pl.memory.database.connection import Database
from ttom_pl.memory.database.find_rows import find_row
from ttom_pl.memory.database.raw_bytes import copy
from ttom_pl.memory.database.salvage import COUNTS, Salvaged, salvage
from ttom_pl.memory.entry import Entry
from ttom_pl.memory.errors import CorruptEntryError, DamagedDatabaseError
from ttom_pl.memory.files import AdapterFiles, generation_of, id_of
from ttom_pl.memory.rows_and_files import DATABASE, Records

_PATIENCE = 2.0  # seconds in which another process must have finished a write


@dataclass(frozen=True)
class VerifyReport:
    """What a check of a memory has found.

    Attributes:
        entries: number of sound entries.
        damaged: entries whose adapter file is missing or damaged; ids, or names of files where the id is not known.
        orphans: names of files that belong to no entry, left over by killed processes.
        database: what is wrong with the database, or None.
        repaired: whether all of it has been put right.
        index: names of snapshots of the index that are damaged.
    """

    entries: int
    damaged: tuple[str, ...]
    orphans: tuple[str, ...]
    database: str | None
    repaired: bool
    index: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.damaged and not self.orphans and self.database is None and not self.index


def check(records: Records, repair: bool) -> VerifyReport:
    """Read everything of a memory whose database holds together, and check it.

    Args:
        records: the memory's.
        repair: quarantine entries whose file is damaged or missing, adopt or quarantine files that belong to no entry,
            and remove damaged snapshots of the index.

    Raises:
        DamagedDatabaseError: if the database does not hold together, or says of an entry what its file does not.
    """
    records.database.check()
    entries, damaged = 0, []
    for row in records.rows():
        entry = records.entry(row)
        try:
            stored, _ = records.files.read(row["file"])
            if (stored.id, stored.content_hash) != (entry.id, entry.content_hash):
                raise CorruptEntryError(f"adapter file {row['file']} cannot be used: it is not the one of its entry")
        except CorruptEntryError as error:
            with records.database.reading() as connection:
                current = find_row(connection, row["id"])
            if current is None or current["file"] != row["file"]:
                continue  # changed by another process in the meantime
            damaged.append(row["id"])
            if repair:
                records.quarantine(row, error)
            continue
        group = (entry.fingerprint, row["spec_digest"], row["dimension"])
        if _facts(entry) != _facts(stored) or group != schema.EntryGroup.of(entry):
            raise DamagedDatabaseError(records.folder, f"damaged (entry {entry.id}: its adapter file says otherwise)")
        entries += 1
    orphans, index = beside(records, repair)
    return VerifyReport(entries, tuple(damaged), tuple(sorted(orphans)), None, repair, tuple(sorted(index)))


def rebuild(folder: Path) -> VerifyReport:
    """Rebuild the database from the headers of the adapter files; the old one is kept as ``memory.sqlite.damaged``.

    What the old one still tells for certain about uses is kept. Killed half-way, it can be run again. No other process
    may have the memory open.

    Args:
        folder: the folder of the memory.
    """
    files = AdapterFiles(folder, durable=True)
    saved = salvage(folder / DATABASE)
    newest: dict[str, tuple[str, Entry]] = {}
    damaged: list[str] = []
    unfinished = files.unfinished() | (saved.forgotten & files.names())
    superseded = set()
    names = sorted(files.names() - unfinished, key=generation_of)
    for name in names:
        try:
            entry, _ = files.read(name)
            if entry.id != id_of(name):
                raise CorruptEntryError(f"adapter file {name} is that of entry {entry.id!r}")
        except CorruptEntryError:
            files.quarantine(name)
            damaged.append(name)
            continue
        if entry.id in newest:
            superseded.add(newest[entry.id][0])
        newest[entry.id] = (name, entry)
    _replace_database(folder, list(newest.values()), max(map(generation_of, names), default=0), saved)
    for name in unfinished:
        files.remove(name)
    for name in superseded:
        files.quarantine(name)
    orphans = tuple(sorted(unfinished | superseded))
    return VerifyReport(len(newest), tuple(damaged), orphans, "it has been rebuilt", repaired=True)


def _facts(entry: Entry) -> dict[str, object]:
    """Return what the row and the file of an entry agree on: all but the counts of its uses."""
    return {name: value for name, value in entry.to_dict().items() if name not in COUNTS}


def beside(records: Records, repair: bool) -> tuple[set[str], set[str]]:
    """Return the files that belong to no entry, and the damaged snapshots.

    Raises:
        DamagedDatabaseError: if the database is older than the files.
    """
    if not records.read_only:
        with records.database.writing() as connection:
            orphans, index = _strays(records, connection), records.search.damaged(connection)
            if repair:
                leftovers.collect(records.files, connection)
                records.search.tidy(records.search.leftovers(connection) | index)
        return orphans, index
    deadline = time.monotonic() + _PATIENCE
    while True:
        with records.database.reading() as connection:
            orphans, index = _strays(records, connection), records.search.damaged(connection)
        if not orphans or records.database.alone or time.monotonic() > deadline:
            return orphans, index
        time.sleep(0.1)


def _strays(records: Records, connection: sqlite3.Connection) -> set[str]:
    orphans = leftovers.orphans(records.files, connection)
    if orphans & leftovers.too_young(records.files, connection):
        raise DamagedDatabaseError(records.folder, "older than its adapter files")
    gone = leftovers.forgotten(records.files, connection)
    return orphans | gone | records.files.unfinished() | records.search.leftovers(connection)


def _replace_database(folder: Path, entries: list[tuple[str, Entry]], generation: int, saved: Salvaged) -> None:
    path, fresh = folder / DATABASE, folder / f"{DATABASE}.rebuilt"
    _remove_with_log(fresh)
    database = Database(fresh, durable=True)
    with database.writing() as connection:
        schema.create(connection)
        for name, entry in sorted(entries, key=lambda named: (named[1].created, named[0])):
            schema.insert_entry(connection, replace(entry, **saved.counts(entry, name)), name)
        for number, row in enumerate(saved.lookups, start=1):
            known = {name: value for name, value in row.items() if name not in ("rowid", "seal")}
            schema.insert(connection, "lookups", known | {"number": number})
        state = schema.read_state(connection)
        labels, generation = max(state.label, saved.state.label), max(generation, saved.state.generation)
        schema.change_state(connection, generation=generation, label=labels, lookups=len(saved.lookups))
    database.close()
    if path.exists():
        copy(path, folder / f"{DATABASE}.damaged")
    _remove_with_log(path)  # its log must not be replayed into the new one
    fresh.replace(path)
    shutil.rmtree(folder / "index", ignore_errors=True)


def _remove_with_log(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


__all__ = ["VerifyReport", "beside", "check", "rebuild"]
