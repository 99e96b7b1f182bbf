"""A look into a database that changes no byte beside it: no lock, no log, no index of a log."""

import sqlite3
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from ttom_pl.memory.database.header import in_wal_mode
from ttom_pl.memory.database.raw_bytes import close_unlocked, connected, copy, file_key, is_connected
from ttom_pl.memory.errors import MemoryBusyError

SIDECARS = ("-wal", "-journal")
_LOG_HEAD = 32  # bytes; they change when a log begins anew
_TIMEOUT = 10.0  # seconds to wait for a moment without changes
_CANNOT = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_Stamp = tuple[tuple[int, int, int] | None, ...]


class View:
    """A connection to a database for reading alone.

    Without a log beside it the file is read in place. With one, a process has the database open or was killed; SQLite
    would have to write to read it, so that it is copied with its log, and the copy is read.

    Args:
        path: the database.

    Raises:
        FileNotFoundError: if it is missing.
        MemoryBusyError: if it is changed all the time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._stamp = _stamp(path)
        if self._stamp[0] is None:
            raise FileNotFoundError(f"there is no database {path}")
        logged = any(stamp is not None and stamp[1] > 0 for stamp in self._stamp[1:])
        self.in_place = not (logged or is_connected(path))
        self._key = file_key(path)
        self._stack = ExitStack()
        try:
            self.connection = self._open()
        except BaseException:
            self._drop()
            raise

    @property
    def changed(self) -> bool:
        """Whether another process has changed the database since it was opened."""
        return _stamp(self._path) != self._stamp

    @property
    def overwritten(self) -> bool:
        """Whether the file that is read in place was written to, so that what was read may not fit together."""
        return self.in_place and _stamp(self._path)[0] != self._stamp[0]

    def close(self) -> None:
        """Close the connection."""
        if self.in_place:  # SQLite holds no locks for it, and would not mind those of others
            close_unlocked(self._key, self.connection.close)
        else:
            self.connection.close()
        self._drop()

    def _open(self) -> sqlite3.Connection:
        if not in_wal_mode(self._path):
            connection = _connect(f"{self._path.resolve().as_uri()}?mode=ro")
            self._stack.enter_context(connected(self._path))
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                connection.close()
                self._stack.close()
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _CANNOT:
                    raise
            else:
                self.in_place = False  # under SQLite's own locks
                return connection
        elif self.in_place:
            return _connect(f"{self._path.resolve().as_uri()}?mode=ro&immutable=1")
        self.in_place = False
        self._copy = tempfile.TemporaryDirectory(prefix="ttom-memory-")
        return _connect(copy_database(self._path, Path(self._copy.name)).as_uri())

    def _drop(self) -> None:
        self._stack.close()
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None


def copy_database(path: Path, folder: Path) -> Path:
    """Copy a database and its log as they were at one moment, and return the copy.

    Args:
        path: the database.
        folder: an empty folder.

    Raises:
        MemoryBusyError: if it is changed all the time.
    """
    deadline = time.monotonic() + _TIMEOUT
    copied = folder / path.name
    while time.monotonic() < deadline:
        before = _mark(path)
        try:
            for suffix in ("", *SIDECARS):  # a log that goes on holds all that is half-written in the file before it
                _copy(path.with_name(path.name + suffix), folder / f"{path.name}{suffix}")
        except FileNotFoundError:
            continue
        if _mark(path) == before:
            return copied
        time.sleep(0.01)
    raise MemoryBusyError(path, _TIMEOUT)


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    if source.exists():
        copy(source, target)


def _mark(path: Path) -> object:
    """Return what stays the same while a copy is consistent: the head of a log, or else all there is."""
    log = path.with_name(f"{path.name}-wal")
    try:
        with log.open("rb") as file:
            head = file.read(_LOG_HEAD)
    except FileNotFoundError:
        head = b""
    return head if head and in_wal_mode(path) else (head, _stamp(path))


def _stamp(path: Path) -> _Stamp:
    return tuple(_facts(path.with_name(path.name + suffix)) for suffix in ("", *SIDECARS))


def _facts(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _connect(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=_TIMEOUT, isolation_level=None, check_same_thread=False)


__all__ = ["SIDECARS", "View", "copy_database"]
