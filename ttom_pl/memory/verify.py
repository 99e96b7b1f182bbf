"""A check of a memory in whatever state it is."""

from pathlib import Path

from ttom_pl.memory.errors import DamagedDatabaseError
from ttom_pl.memory.repair import VerifyReport, rebuild
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
        MemoryReadError: if the disk refuses to be read.
        MemoryWriteError: if the disk refuses the repair.
    """
    if not Path(path).is_dir():
        raise FileNotFoundError(f"there is no memory at {path}; give the folder that holds its adapters")
    try:
        with Memory(path, read_only=not repair) as memory:
            return memory.verify(repair)
    except DamagedDatabaseError as error:
        return rebuild(Path(path)) if repair else VerifyReport(0, (), (), str(error), repaired=False)


__all__ = ["verify_folder"]
