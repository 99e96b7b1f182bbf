"""What can go wrong with a memory."""


class MemoryStoreError(Exception):
    """Base of the errors below."""


class EntryNotFoundError(MemoryStoreError, KeyError):
    """No entry of this id: it never was in the memory, or has been evicted or deleted since."""

    def __init__(self, entry_id: str) -> None:
        super().__init__(f"the memory holds no entry {entry_id!r}; it may have been evicted or deleted since")

    def __str__(self) -> str:
        return str(self.args[0])


class CorruptEntryError(MemoryStoreError):
    """An adapter file is missing, torn or not what was stored; the entry has been quarantined."""


class DamagedDatabaseError(MemoryStoreError):
    """The database is missing, truncated or older than the adapters beside it; it can be rebuilt from them."""

    def __init__(self, folder: object, what: str) -> None:
        super().__init__(
            f"the database of the memory {folder} is {what}; "
            "rebuild it from the adapter files with `ttom memory verify --repair`"
        )


class MemoryWriteError(MemoryStoreError, OSError):
    """The disk refused a write; the memory is as it was before."""
