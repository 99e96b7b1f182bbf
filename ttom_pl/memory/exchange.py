"""Memories between machines: one file with everything in it, trusted only as far as it can be checked."""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from ttom_pl.io.whole_files import replacing
from ttom_pl.memory.adoption import Adopted
from ttom_pl.memory.entry import Entry
from ttom_pl.memory.errors import (
    CorruptEntryError,
    EntryNotFoundError,
    ImportRefusedError,
    MemoryReadError,
    MemoryWriteError,
)
from ttom_pl.memory.files import content_hash, decode, encode, prepare, read_entry_record
from ttom_pl.memory.formats import check_names
from ttom_pl.memory.import_checks import check_terms
from ttom_pl.memory.store import Memory

FORMAT, VERSION = "ttom-memory", 1
MANIFEST = "manifest.json"
_ID = re.compile(r"[0-9a-f]{1,64}")
_MANIFEST_LIMIT = 64 << 20  # bytes; a hundred for each of half a million entries


def export_memory(memory: Memory, path: Path | str) -> int:
    """Write all entries to one file: a zip archive, not compressed, of adapter files and a manifest of their hashes.

    Args:
        memory: the memory; entries that other processes remove meanwhile are left out.
        path: the file; it appears when it is whole.

    Returns:
        The number of entries.

    Raises:
        MemoryWriteError: if the disk refuses; nothing is left behind.
    """
    path = Path(path)
    hashes: dict[str, str] = {}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
            for entry, adapter in _contents(memory):
                data = encode(entry, adapter)
                archive.writestr(_member(entry.id), data)
                hashes[entry.id] = hashlib.sha256(data).hexdigest()
            archive.writestr(MANIFEST, json.dumps({"format": FORMAT, "version": VERSION, "entries": hashes}))
    except MemoryWriteError:
        raise
    except OSError as error:
        raise MemoryWriteError(path, error) from error
    return len(hashes)


def import_memory(memory: Memory, path: Path | str) -> Adopted:
    """Take over all entries of a file that :func:`export_memory` wrote, as :meth:`Memory.adopt` does.

    The whole file is checked before anything is written.

    Args:
        memory: the memory.
        path: the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportRefusedError: if anything in the file is not as an export would have written it; nothing has changed.
        MemoryWriteError: if the disk refuses; nothing has changed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path} to import")
    for _ in _checked(path):
        pass
    return memory.adopt(_checked(path))


def merge_memories(memory: Memory, other: Memory) -> Adopted:
    """Take over all entries of another memory, as :meth:`Memory.adopt` does."""
    return memory.adopt(_contents(other))


def _contents(memory: Memory) -> Iterator[tuple[Entry, dict[str, Tensor]]]:
    for listed in memory:
        try:
            adapter = memory.load(listed)
            entry = memory.get(listed.id)
            while content_hash(adapter) != entry.content_hash:
                adapter, entry = memory.load(listed), memory.get(listed.id)
        except (EntryNotFoundError, CorruptEntryError):  # gone meanwhile, or quarantined with a warning
            continue
        yield entry, adapter


def _checked(path: Path) -> Iterator[tuple[Entry, dict[str, Tensor]]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry_id, sha256 in _manifest(archive, path.stat().st_size).items():
                data = archive.read(_member(entry_id))
                if hashlib.sha256(data).hexdigest() != sha256:
                    raise ValueError(f"the hash of {_member(entry_id)} does not match the manifest")
                yield _entry(entry_id, data)
    except PermissionError as error:
        raise MemoryReadError(path, error.strerror) from error
    except Exception as error:  # whatever a crafted file can make of the libraries that read it
        raise ImportRefusedError(path, error) from error


def _manifest(archive: zipfile.ZipFile, size: int) -> dict[str, str]:
    """Return the hashes of the entries, after a look at the names and sizes of all members."""
    members = {}
    for info in archive.infolist():
        stem = info.filename.removeprefix("adapters/").removesuffix(".safetensors")
        if info.filename != MANIFEST and not (_ID.fullmatch(stem) and info.filename == _member(stem)):
            raise ValueError(f"the name {info.filename[:80]!r} is none that an export has")
        if info.filename in members:
            raise ValueError(f"the name {info.filename!r} occurs twice")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
            raise ValueError(f"{info.filename} is compressed or encrypted, which no export is")
        members[info.filename] = info.file_size
    if sum(members.values()) > size:
        raise ValueError(f"its parts claim {sum(members.values())} bytes, the whole has {size}")
    if members.get(MANIFEST, _MANIFEST_LIMIT) >= _MANIFEST_LIMIT:
        raise ValueError(f"it has no {MANIFEST} of less than {_MANIFEST_LIMIT} bytes")
    manifest = json.loads(archive.read(MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        raise ValueError(f"its manifest is not one of {FORMAT} version {VERSION}")
    hashes = manifest.get("entries")
    if not isinstance(hashes, dict) or {_member(name) for name in hashes} != set(members) - {MANIFEST}:
        raise ValueError("its manifest lists other entries than it holds")
    return hashes


def _entry(entry_id: str, data: bytes) -> tuple[Entry, dict[str, Tensor]]:
    """Return an entry and its adapter after checks of all that could do harm later."""
    entry, tensors = decode(data)
    if entry.id != entry_id:
        raise ValueError(f"entry {entry_id} says that it is {str(entry.id)[:80]!r}")
    check_terms(entry, read_entry_record(data))
    if entry.nbytes != sum(tensor.nbytes for tensor in tensors.values()):
        raise ValueError(f"the size of entry {entry_id} is not that of its adapter")
    check_names(entry, tensors)
    return entry, prepare(tensors)


def _member(entry_id: str) -> str:
    return f"adapters/{entry_id}.safetensors"


__all__ = ["export_memory", "import_memory", "merge_memories"]
