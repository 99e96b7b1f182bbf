"""The first bytes of a database file, of which most are the same in every memory."""

from pathlib import Path

from ttom_pl.memory.database.raw_bytes import peek

_SIZE = 100
_CONSTANT = (
    (0, b"SQLite format 3\x00"),
    (20, b"\x00\x40\x20\x20"),  # reserved bytes a page, payload fractions
    (48, bytes(8)),  # suggested cache size, largest root page of a vacuum
    (64, bytes(8)),  # incremental vacuum, application id
    (72, bytes(20)),  # reserved
)
_FORMATS = ((44, b"\x00\x00\x00\x04"), (56, b"\x00\x00\x00\x01"))  # of tables, UTF-8; zeros before there is a table
_JOURNALS = (b"\x01\x01", b"\x02\x02")  # versions to write and to read: rollback journal, write-ahead log
_PAGE = b"\x10\x00"  # 4096 bytes, which SQLite takes where it is not told otherwise


def header_fault(path: Path) -> str | None:
    """Return what is wrong with the head of a database file, or None; a file that is empty or missing has no fault."""
    head = _head(path)
    if not head:
        return None
    if len(head) < _SIZE:
        return "truncated"
    untouched = not any(head[at : at + len(constant)].strip(b"\x00") for at, constant in _FORMATS)
    expected = _CONSTANT if untouched else (*_CONSTANT, *_FORMATS)
    if head[18:20] not in _JOURNALS or any(head[at : at + len(constant)] != constant for at, constant in expected):
        return "damaged (its first bytes are not those of a memory)"
    return None


def in_wal_mode(path: Path) -> bool:
    """Whether a database file says that it has a write-ahead log."""
    return _head(path)[18:20] == _JOURNALS[1]


def mend_header(path: Path) -> None:
    """Write the bytes that are the same in every memory to the copy of a database file."""
    with path.open("r+b") as file:
        if len(file.read(_SIZE)) < _SIZE:
            return
        for at, constant in (*_CONSTANT, *_FORMATS, (16, _PAGE), (18, _JOURNALS[1])):
            file.seek(at)
            file.write(constant)


def _head(path: Path) -> bytes:
    try:
        return peek(path, _SIZE)
    except FileNotFoundError:
        return b""


__all__ = ["header_fault", "in_wal_mode", "mend_header"]
