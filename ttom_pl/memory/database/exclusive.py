"""Whether a database is open anywhere: by the locks that SQLite holds on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ttom_pl.memory.database.raw_bytes import connected, is_connected
from ttom_pl.memory.errors import MemoryBusyError

try:
    import fcntl
except ModuleNotFoundError:  # Windows, which refuses to replace a file that is open
    fcntl = None  # type: ignore[assignment]

_SHARED_FIRST, _SHARED_SIZE = 0x40000002, 510  # what each open connection locks, by SQLite's file format


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Keep other processes from opening a database, so that it can be replaced.

    Args:
        path: the database, which may be damaged or missing.

    Raises:
        MemoryBusyError: if another process has it open, or this one.
    """
    if is_connected(path):
        raise MemoryBusyError(path, 0)
    if fcntl is None or not path.is_file():
        yield
        return
    with path.open("r+b") as file, connected(path):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_SIZE, _SHARED_FIRST)
        except BlockingIOError as error:
            raise MemoryBusyError(path, 0) from error
        except OSError:  # a disk that knows no locks
            pass
        yield


__all__ = ["exclusively"]
