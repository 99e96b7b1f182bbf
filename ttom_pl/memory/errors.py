"""What can go wrong with a memory."""

from ttom_pl.io.plain import plain

_LONGEST = 300  # characters of what SQLite says, which may hold the whole of a damaged text


class MemoryStoreError(OSError):
    """Base of the errors of a memory."""


class EntryNotFoundError(MemoryStoreError, LookupError):
    """No entry has this id: it never was in the memory, or it has been evicted or deleted since."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"the memory holds no entry {entry_id!r}; it may have been evicted or deleted since")


class CorruptEntryError(MemoryStoreError):
    """The adapter file of an entry is missing, torn or not what was stored."""


class DamagedDatabaseError(MemoryStoreError):
    """The database is missing, truncated or older than the adapters beside it; it can be rebuilt from them."""

    def __init__(self, folder: object, what: str) -> None:
        super().__init__(
            f"the database of the memory {folder} is {plain(what)[:_LONGEST]}; "
            "rebuild it from the adapter files with `ttom memory verify --repair`"
        )


class ImportRefusedError(MemoryStoreError, ValueError):
    """A file to import is not what a memory exports; nothing has been written."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(
            f"{path} is refused: {plain(reason)}; nothing was imported, import a file of `ttom memory export`"
        )


class MemoryWriteError(MemoryStoreError):
    """The disk refused a write; the memory is as it was before."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(
            f"cannot write {path}: {reason}; free space on the disk, lower capacity_bytes or make the folder writable, "
            "then go on"
        )


class MemoryReadError(MemoryStoreError):
    """The disk refused to be read."""

    def __init__(self, path: object, reason: object) -> None:
        super().__init__(f"cannot read {path}: {reason}; make the folder readable, or copy it to a sound disk")


class MemoryReadOnlyError(MemoryStoreError):
    """A memory that was opened for reading only is to be changed."""

    def __init__(self, path: object) -> None:
        super().__init__(f"the memory {path} is open for reading only; open it without read_only to change it")


class MemoryBusyError(MemoryStoreError):
    """Another process has been writing for too long, wrote what was being read or has open what is to be replaced."""

    def __init__(self, path: object, seconds: float) -> None:
        what = f"has been locked by another process for {seconds:g} s" if seconds else "is in use"
        super().__init__(f"{path} {what}; end the process that uses it, or try again")


__all__ = [
    "CorruptEntryError",
    "DamagedDatabaseError",
    "EntryNotFoundError",
    "ImportRefusedError",
    "MemoryBusyError",
    "MemoryReadError",
    "MemoryReadOnlyError",
    "MemoryStoreError",
    "MemoryWriteError",
]
