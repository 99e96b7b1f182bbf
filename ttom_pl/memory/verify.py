"""A check of a memory in whatever state it is."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ttom_pl.memory.database.exclusive import exclusively
from ttom_pl.memory.errors import DamagedDatabaseError
from ttom_pl.memory.repair import VerifyReport, beside, rebuild
from ttom_pl.memory.rows_and_files import DATABASE, Records
from ttom_pl.memory.store import Memory


def verify_folder(path: Path | str, repair: bool = False) -> VerifyReport:
    """Check the memory in a folder, whatever state it is in.

    Args:
        path: the folder.
        repair: do what :meth:`Memory.verify` does, and rebuild a database that is missing or damaged from the adapter
            files; uses that were counted since an adapter was last written are then forgotten where the old database
            does not tell them for certain. No other process may have the memory open. Without it no byte is changed.

    Raises:
        FileNotFoundError: if there is no such folder.
        MemoryBusyError: if another process has a database open that must be rebuilt.
        MemoryReadError: if the disk refuses to be read.
        MemoryWriteError: if the disk refuses the repair.
    """
    if not Path(path).is_dir():
        raise FileNotFoundError(f"there is no memory at {path}; give the folder that holds its adapters")
    try:
        if not repair:
            with Memory(path, read_only=True) as memory:
                return memory.verify()
        orphans = _orphans(Path(path))  # which opening puts right
        with Memory(path) as memory:
            report = memory.verify(repair=True)
        return replace(report, orphans=tuple(sorted(orphans | set(report.orphans))))
    except DamagedDatabaseError as error:
        if not repair:
            return VerifyReport(0, (), (), str(error), repaired=False)
    with exclusively(Path(path) / DATABASE):
        return rebuild(Path(path))


def _orphans(path: Path) -> set[str]:
    if not (path / DATABASE).is_file():
        return set()
    with closing(Records(path, durable=True, read_only=True)) as records:
        return beside(records, repair=False)[0]


__all__ = ["verify_folder"]
