"""What is wrong with a memory on disk, and the way back from the adapter files alone."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ttom_pl.memory.database import Database, insert_row, to_row
from ttom_pl.memory.entry import Entry
from ttom_pl.memory.errors import CorruptEntryError
from ttom_pl.memory.files import AdapterFiles, generation_of
from ttom_pl.memory.records import DATABASE, Records, find_row


@dataclass(frozen=True)
class VerifyReport:
    """What a check of a memory has found.

    Attributes:
        entries: number of sound entries.
        damaged: entries whose adapter file is missing or damaged; ids, or names of files where the id is not known.
        orphans: names of files that belong to no entry, left over by killed processes.
        database: what is wrong with the database, or None.
        repaired: whether all of it has been put right.
    """

    entries: int
    damaged: tuple[str, ...]
    orphans: tuple[str, ...]
    database: str | None
    repaired: bool

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.damaged and not self.orphans and self.database is None


def check(records: Records, repair: bool) -> VerifyReport:
    """Read everything of a memory whose database holds together, and check it.

    Args:
        records: the memory's.
        repair: quarantine entries whose file is damaged or missing and remove files that belong to no entry.

    Raises:
        DamagedDatabaseError: if the database does not hold together.
    """
    records.database.check()
    entries, damaged = 0, []
    for row in records.rows():
        try:
            records.read(row)
        except CorruptEntryError as error:
            with records.database.reading() as connection:
                current = find_row(connection, row["id"])
            if current is None or current["file"] != row["file"]:
                continue  # changed by another process in the meantime
            damaged.append(row["id"])
            if repair:
                records.quarantine(row, error)
            continue
        entries += 1
    with records.database.writing() as connection:
        orphans = records.orphans(connection)
        for name in orphans if repair else ():
            records.files.remove(name)
    return VerifyReport(entries, tuple(damaged), tuple(sorted(orphans)), None, repair)


def rebuild(folder: Path) -> VerifyReport:
    """Rebuild the database from the headers of the adapter files; the old one is kept as ``memory.sqlite.damaged``.

    Killed half-way, it can be run again. No other process may have the memory open.

    Args:
        folder: the folder of the memory.
    """
    files = AdapterFiles(folder, durable=True)
    newest: dict[str, tuple[str, Entry]] = {}
    damaged, orphans = [], files.unfinished()
    names = sorted(files.names(), key=generation_of)
    for name in names:
        try:
            entry, _ = files.read(name)
        except CorruptEntryError:
            files.quarantine(name)
            damaged.append(name)
            continue
        if entry.id in newest:
            orphans.add(newest[entry.id][0])
        newest[entry.id] = (name, entry)
    _replace_database(folder, list(newest.values()), max(map(generation_of, names), default=0))
    for name in orphans:
        files.remove(name)
    return VerifyReport(len(newest), tuple(damaged), tuple(sorted(orphans)), "it has been rebuilt", repaired=True)


def _replace_database(folder: Path, entries: list[tuple[str, Entry]], generation: int) -> None:
    path, fresh = folder / DATABASE, folder / f"{DATABASE}.rebuilt"
    _remove_with_log(fresh)
    database = Database(fresh, durable=True)
    with database.writing() as connection:
        database.create_schema()
        connection.execute("UPDATE state SET generation = ?", (generation,))
        for name, entry in sorted(entries, key=lambda each: (each[1].created, each[0])):
            insert_row(connection, to_row(entry, name))
    database.close()
    if path.exists():
        shutil.copyfile(path, folder / f"{DATABASE}.damaged")
    _remove_with_log(path)  # its log must not be replayed into the new one
    fresh.replace(path)
    shutil.rmtree(folder / "index", ignore_errors=True)


def _remove_with_log(path: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


__all__ = ["VerifyReport", "check", "rebuild"]
