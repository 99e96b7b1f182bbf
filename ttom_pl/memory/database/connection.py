"""The database of a memory: SQLite, the truth about which entries there are."""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ttom_pl.memory.database import schema
from ttom_pl.memory.database.header import header_fault
from ttom_pl.memory.database.network_disks import network_filesystem
from ttom_pl.memory.database.raw_bytes import connected
from ttom_pl.memory.database.read_only import View
from ttom_pl.memory.database.row_seals import BrokenRowError
from ttom_pl.memory.errors import (
    DamagedDatabaseError,
    MemoryBusyError,
    MemoryReadError,
    MemoryReadOnlyError,
    MemoryWriteError,
)

_TIMEOUT = 60.0  # seconds to wait for other processes
_REFUSED = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_SHORT_READ = 522  # the file ends before the database does


class Database:
    """A connection that translates SQLite's errors and hands out transactions, to one thread at a time.

    On a local disk it has a write-ahead log; on a network's, whose clients share no memory, a rollback journal.

    Args:
        path: the file; it is created, without tables, where it is missing.
        durable: whether a committed transaction must survive a power cut.
        read_only: look at what is there without changing a byte.
    """

    def __init__(self, path: Path, *, durable: bool, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.lock = threading.RLock()
        self._view: View | None = None
        self._locks = ExitStack()
        try:
            fault = header_fault(path)
        except OSError as error:
            raise MemoryReadError(path, error.strerror) from error
        if fault is not None:
            raise DamagedDatabaseError(path.parent, fault)
        if not read_only and path.exists() and not _writable(path):  # SQLite would find out at the first write
            raise MemoryWriteError(path, "it may only be read")
        try:
            if not read_only:
                _create(path)
                self._locks.enter_context(connected(path))
            with self._translated():
                self._connection = self._connect()
        except BaseException:
            self._locks.close()
            raise
        try:
            if not read_only:
                with self._translated():
                    self._enter_mode("delete" if network_filesystem(path.parent) else "wal")
                    self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
            self._connection.row_factory = sqlite3.Row
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        if self.read_only:
            self._view = View(self.path)
            return self._view.connection
        return sqlite3.connect(self.path, timeout=_TIMEOUT, isolation_level=None, check_same_thread=False)

    @property
    def alone(self) -> bool:
        """Whether no other process can have the database open, as far as one that may only read it can tell."""
        return self._view is not None and self._view.in_place

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that sees one state of the database throughout."""
        with self.lock:
            self._look_again()
            with self._transaction("DEFERRED") as connection:
                yield connection
            if self._view is not None and self._view.overwritten:
                raise MemoryBusyError(self.path, 0)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that no other process writes beside; an exception rolls it back."""
        if self.read_only:
            raise MemoryReadOnlyError(self.path.parent)
        with self.lock, self._transaction("IMMEDIATE") as connection:
            yield connection

    def check(self) -> None:
        """Read the whole database but for its entries, and check it.

        Raises:
            DamagedDatabaseError: if it does not hold together.
        """
        with self.reading() as connection:
            answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            faults = [answer] if answer != "ok" else schema.faults(connection)
        if faults:
            raise DamagedDatabaseError(self.path.parent, f"damaged ({faults[0]})")

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            if self._view is not None:
                self._view.close()
            else:
                self._connection.close()
                self._locks.close()

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
        except (BrokenRowError, UnicodeDecodeError, IndexError) as error:
            self._raise_damaged(error)  # SQLite quotes damaged text in its messages, and rows lack columns
        except (sqlite3.ProgrammingError, sqlite3.NotSupportedError):  # a mistake of the caller
            raise
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", 0)
            if code & 0xFF in _BUSY:
                raise MemoryBusyError(self.path, _TIMEOUT) from error
            if code & 0xFF in _REFUSED and code != _SHORT_READ:
                kind = MemoryReadError if self.read_only else MemoryWriteError
                raise kind(self.path, error) from error
            self._raise_damaged(error)

    def _raise_damaged(self, error: Exception) -> None:
        if self._view is not None and self._view.overwritten:  # no wonder
            raise MemoryBusyError(self.path, 0) from error
        raise DamagedDatabaseError(self.path.parent, f"damaged ({error})") from error

    def _look_again(self) -> None:
        """Follow other processes, where this one only looks."""
        if self._view is not None and self._view.changed and not self._connection.in_transaction:
            with self._translated():
                new = View(self.path)
            self._view.close()
            self._view, self._connection = new, new.connection
            self._connection.row_factory = sqlite3.Row

    def _enter_mode(self, mode: str) -> None:
        """Switch to a journal mode; SQLite does not wait for other processes here, so this does.

        Who waits has no connection meanwhile: each keeps the others from switching.
        """
        deadline = time.monotonic() + _TIMEOUT
        while True:
            try:
                if self._connection.execute("PRAGMA journal_mode").fetchone()[0] != mode:
                    self._connection.execute(f"PRAGMA journal_mode = {mode}")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                self._connection.close()
                time.sleep(random.uniform(0.01, 0.1))
                self._connection = self._connect()
            else:
                return


def _create(path: Path) -> None:
    try:
        if not path.exists():
            path.touch()
    except OSError as error:
        raise MemoryWriteError(path, error.strerror) from error


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


__all__ = ["Database"]
