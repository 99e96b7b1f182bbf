"""Adapter files: one safetensors file per adapter, with its whole entry in the header."""

import errno
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ttom_pl.io.plain import plain
from ttom_pl.memory.entry import SHIFT, AdapterTensors, Entry
from ttom_pl.memory.errors import CorruptEntryError, MemoryReadError, MemoryWriteError

_NAME = re.compile(r"[0-9a-f]+-(\d+)\.safetensors")
_RECORD = "ttom_entry"
_LOOKUPS = "ttom_lookups"
_HEADER_HASH = "ttom_header_sha256"
_LOST = (errno.ENOENT, errno.EIO, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG)
"""Errors that mean that a file is lost, not that it cannot be read now."""


def file_name(entry_id: str, generation: int) -> str:
    """Return the name of the file that an entry gets in the given generation of its memory.

    Raises:
        ValueError: if the id is not hexadecimal; no other text ever becomes part of a path.
    """
    name = f"{entry_id}-{generation:012d}.safetensors"
    if not _NAME.fullmatch(name):
        raise ValueError(f"the id of an entry is a hexadecimal number, got {entry_id!r}")
    return name


def id_of(name: str) -> str:
    """Return the id of the entry for which a file was written."""
    return name.split("-", maxsplit=1)[0]


def generation_of(name: str) -> int:
    """Return the generation of the memory in which a file was written."""
    match = _NAME.fullmatch(name)
    assert match
    return int(match[1])


def prepare(adapter: AdapterTensors) -> dict[str, Tensor]:
    """Return a copy of an adapter as it is stored: detached, contiguous, on the CPU.

    Raises:
        ValueError: if it is empty, or if a tensor is not floating-point or not finite.
    """
    if not adapter:
        raise ValueError("an adapter without tensors cannot be remembered; give its LoRA parameters by name")
    for name, tensor in adapter.items():
        if not tensor.is_floating_point():
            raise ValueError(f"tensor {name!r} of the adapter is {tensor.dtype}; LoRA parameters are floating-point")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"tensor {name!r} of the adapter is not finite; do not remember a fit that diverged")
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in adapter.items()}


def content_hash(adapter: AdapterTensors) -> str:
    """Return the SHA-256 of an adapter's names, types, shapes and values; the order does not matter."""
    digest = hashlib.sha256()
    for name in sorted(adapter):
        tensor = adapter[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def encode(entry: Entry, adapter: AdapterTensors, lookups: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """Return the contents of an adapter file.

    Args:
        entry: the entry.
        adapter: its adapter.
        lookups: what was recorded together with it, in JSON form.
    """
    metadata = {"format": "pt", _RECORD: json.dumps(entry.to_dict(), sort_keys=True, allow_nan=False)}
    config = lora_config(entry, adapter)
    if config:
        metadata["lora_adapter_metadata"] = json.dumps(config, sort_keys=True)
    if lookups:
        metadata[_LOOKUPS] = json.dumps(list(lookups))
    return safetensors.torch.save(dict(adapter), metadata | {_HEADER_HASH: _header_hash(metadata)})


def decode(data: bytes) -> tuple[Entry, dict[str, Tensor]]:
    """Read the contents of an adapter file.

    Raises:
        ValueError: if a bit of it is not as it was written.
    """
    try:
        tensors = safetensors.torch.load(data)
        entry = Entry.from_dict(read_entry_record(data))
        if content_hash(tensors) != entry.content_hash:
            raise ValueError("the hash of its tensors does not match")
    except (safetensors.SafetensorError, KeyError, TypeError, AttributeError, OverflowError, RuntimeError) as error:
        raise ValueError(f"no adapter file of a memory ({error})") from error
    return entry, tensors


def read_entry_record(data: bytes) -> Any:
    """Return the entry in the header of an adapter file as it is written, in JSON form.

    Raises:
        ValueError: if the header is not as it was written.
        KeyError: if there is no entry in it.
    """
    return json.loads(_metadata(data)[_RECORD], parse_constant=_refuse)


def read_lookups(data: bytes) -> list[dict[str, Any]]:
    """Return what was recorded together with an adapter, in JSON form.

    Raises:
        ValueError: if the header is not as it was written.
        KeyError: if there is none of an adapter file.
    """
    lookups: list[dict[str, Any]] = json.loads(_metadata(data).get(_LOOKUPS, "[]"))
    return lookups


def _metadata(data: bytes) -> dict[str, str]:
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    metadata: dict[str, str] = header["__metadata__"]
    header_hash = metadata.pop(_HEADER_HASH)
    if _header_hash(metadata) != header_hash:
        raise ValueError("the hash of its header does not match")
    return metadata


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _header_hash(metadata: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()


class AdapterFiles:
    """The adapter files of a memory. Whole files appear and disappear, never parts.

    Args:
        folder: the folder of the memory.
        durable: whether a written file must survive a power cut.
        read_only: whether nothing may be written, the folder itself included.

    Raises:
        MemoryWriteError: if the folder cannot be made.
    """

    def __init__(self, folder: Path, *, durable: bool, read_only: bool = False) -> None:
        self.folder = folder / "adapters"
        self._quarantine = folder / "quarantine"
        self._durable = durable
        if not read_only:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise MemoryWriteError(self.folder, error.strerror) from error

    def names(self) -> set[str]:
        """Return the names of all complete files."""
        if not self.folder.is_dir():
            return set()
        return {name for name in os.listdir(self.folder) if _NAME.fullmatch(name)}  # noqa: PTH208

    def unfinished(self) -> set[str]:
        """Return the names of the files that killed processes were writing; only true while no process writes."""
        return {path.name for path in self.folder.glob("*.tmp")}

    def write(self, name: str, data: bytes) -> None:
        """Write a file.

        Raises:
            MemoryWriteError: if the disk refuses; nothing is left behind.
        """
        temporary = self.folder / f"{name}.tmp"
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                if self._durable:
                    os.fsync(file.fileno())
            temporary.replace(self.folder / name)
            if self._durable:
                _sync_folder(self.folder)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise MemoryWriteError(self.folder / name, error) from error

    def read(self, name: str) -> tuple[Entry, dict[str, Tensor]]:
        """Read and check a file.

        Raises:
            CorruptEntryError: if it is missing or damaged, or if no adapter file has such a name.
            MemoryReadError: if it may not be read, or not now.
        """
        try:
            if not _NAME.fullmatch(name):  # a damaged database may say anything
                raise ValueError("no adapter file has such a name")
            return decode((self.folder / name).read_bytes())
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in _LOST:
                raise MemoryReadError(self.folder / name, error.strerror) from error
            reason = "it is missing" if isinstance(error, FileNotFoundError) else error
            raise CorruptEntryError(
                f"adapter file {plain(self.folder / name)} cannot be used: {plain(reason)}"
            ) from error

    def lookups(self, name: str) -> list[dict[str, Any]]:
        """Return what was recorded together with the adapter of a file that :meth:`read` has found sound."""
        return read_lookups((self.folder / name).read_bytes())

    def remove(self, name: str) -> None:
        """Remove a file, complete or not, if it is there; a name that none has, as a path elsewhere, is left alone."""
        if _NAME.fullmatch(name) or (name.endswith(".tmp") and Path(name).name == name):
            (self.folder / name).unlink(missing_ok=True)

    def quarantine(self, name: str) -> None:
        """Move a file out of the way, if it is there, to where a person can look at it."""
        if _NAME.fullmatch(name) and (self.folder / name).exists():
            self._quarantine.mkdir(exist_ok=True)
            (self.folder / name).replace(self._quarantine / name)


def lora_config(entry: Entry, adapter: AdapterTensors) -> dict[str, object]:
    """Return what diffusers reads as the PEFT configuration, so that an alpha unlike the rank is honoured."""
    adapter = lora(adapter)
    component = next(iter(adapter), "").split(".")[0]
    known = tuple(f"{component}.{module}." for module in entry.spec.target_modules)
    if not all(name.startswith(known) for name in adapter):
        return {}
    config = {"r": entry.spec.rank, "lora_alpha": entry.spec.alpha, "target_modules": list(entry.spec.target_modules)}
    return {f"{component}.{name}": value for name, value in config.items()}


def lora(adapter: AdapterTensors) -> dict[str, Tensor]:
    """Return the LoRA parameters alone, without a shift of the latents."""
    return {name: tensor for name, tensor in adapter.items() if name != SHIFT}


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = [
    "AdapterFiles",
    "content_hash",
    "decode",
    "encode",
    "file_name",
    "generation_of",
    "id_of",
    "lora",
    "lora_config",
    "prepare",
    "read_entry_record",
    "read_lookups",
]
