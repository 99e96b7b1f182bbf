"""Reading a database file past SQLite without harm to its locks.

A process loses all its locks on a file when it closes any descriptor of it (POSIX). SQLite holds locks for as long as
a connection is open, so that while there is one in this process, descriptors of its file are kept and used again.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK = 1 << 20
_lock = threading.RLock()
_connections: Counter[tuple[int, int]] = Counter()
_kept: dict[tuple[int, int], int] = {}
_waiting: dict[tuple[int, int], list[Callable[[], None]]] = {}


@contextmanager
def connected(path: Path) -> Iterator[None]:
    """Keep the locks on a file, which exists, for as long as a connection to it is open."""
    key = file_key(path)
    with _lock:
        _connections[key] += 1
    try:
        yield
    finally:
        with _lock:
            _connections[key] -= 1
            if not _connections[key]:
                del _connections[key]
                if key in _kept:
                    os.close(_kept.pop(key))
                for close in _waiting.pop(key, []):
                    close()


def is_connected(path: Path) -> bool:
    """Whether this process has a connection to a file."""
    with _lock:
        return path.exists() and _connections[file_key(path)] > 0


def close_unlocked(key: tuple[int, int], close: Callable[[], None]) -> None:
    """Close a connection that SQLite opened without locks, now or when that can harm no other.

    Args:
        key: what :func:`file_key` returned when it was opened.
        close: closes it.
    """
    with _lock:
        if _connections[key]:
            _waiting.setdefault(key, []).append(close)
        else:
            close()


def peek(path: Path, size: int) -> bytes:
    """Return the first bytes of a file."""
    with _lock, _descriptor(path) as descriptor:
        return os.pread(descriptor, size, 0)


def copy(path: Path, target: Path) -> None:
    """Copy a file."""
    with _lock, _descriptor(path) as descriptor, target.open("wb") as file:
        offset = 0
        while chunk := os.pread(descriptor, _CHUNK, offset):
            file.write(chunk)
            offset += len(chunk)


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    key = file_key(path)
    if key in _kept:
        yield _kept[key]
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        if _connections[key]:
            _kept[key] = descriptor
        else:
            os.close(descriptor)


def file_key(path: Path) -> tuple[int, int]:
    """Return what identifies a file, whatever its name."""
    facts = path.stat()
    return facts.st_dev, facts.st_ino


__all__ = ["close_unlocked", "connected", "copy", "file_key", "is_connected", "peek"]
