"""What a memory holds: entries, and the specification of their adapters."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

AdapterTensors = Mapping[str, Tensor]
"""LoRA parameters by the names that ``pipe.load_lora_weights`` reads, and :data:`SHIFT` where latents are moved too."""
SHIFT = "latents.shift"
"""Name, beside the LoRA parameters, of what is added to the latents before the first denoising steps."""
_LONGEST = 1e9  # length of keys


def first_steps(count: int) -> str:
    """Return words for the first denoising steps, e.g. ``"the first 5 denoising steps"``."""
    return "the first denoising step" if count == 1 else f"the first {count} denoising steps"


@dataclass(frozen=True)
class AdapterSpec:
    """What a backbone must agree on before an adapter fits it.

    Attributes:
        rank: LoRA rank.
        alpha: LoRA alpha; the update is scaled by alpha / rank.
        target_modules: full names of the adapted modules, e.g. ``"blocks.0.attn2.to_q"``; kept sorted.
        active_steps: number of denoising steps, from the first, in which the adapter is on.
        shift: shape (steps, C, T, h, w) of what is added to the latents before the first of these steps; empty where
            there is an adapter alone.

    Raises:
        ValueError: if a number is not positive or no module is named.
    """

    rank: int
    alpha: float
    target_modules: tuple[str, ...]
    active_steps: int
    shift: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "active_steps"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(f"{name} of an adapter must be positive, got {value!r}")
        if isinstance(self.target_modules, str) or not self.target_modules:
            raise ValueError(f"target_modules must name at least one module, got {self.target_modules!r}")
        if not all(size > 0 for size in self.shift) or (self.shift and not self.shift[0] <= self.active_steps):
            raise ValueError(f"shift must be the shape of at most {self.active_steps} steps' latents, got {self.shift}")
        object.__setattr__(self, "alpha", float(self.alpha))
        object.__setattr__(self, "target_modules", tuple(sorted(set(self.target_modules))))

    @cached_property
    def digest(self) -> str:
        """Hash of the specification, the same in every process and whatever the order of the modules."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, without a shift where there is none, as entries had it before there were shifts."""
        data = asdict(self)
        return data if self.shift else {name: value for name, value in data.items() if name != "shift"}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "AdapterSpec":
        """Read the JSON form."""
        shift = tuple(map(int, data.get("shift", ())))
        return cls(
            int(data["rank"]), float(data["alpha"]), tuple(data["target_modules"]), int(data["active_steps"]), shift
        )


@dataclass(frozen=True)
class Entry:
    """One entry of a memory, as it was when it was read. ``Memory.load`` returns its adapter.

    Attributes:
        id: name of the entry, unique across memories.
        key_text: the abstracted scene, e.g. ``"<object_0> moves to the left in <environment_0>"``.
        key: its embedding, float32 of shape (D,).
        prompt: the prompt it was learnt for.
        layout: the layout it was learnt for, in JSON form.
        fingerprint: identifies the backbone's weights.
        spec: what the adapter adapts, and how.
        loss_before: layout loss before the latest optimisation, where known.
        loss_after: layout loss after it, where known.
        iterations: optimiser iterations spent on the entry.
        iterations_saved: optimiser iterations that its use has saved.
        hits: how often it was used.
        merged: number of adapters merged in it.
        weight: what those adapters weigh together in a running average.
        created: seconds since the epoch.
        last_used: seconds since the epoch; the time of creation before the first use.
        parents: ids of the entries that the adapter was warm-started from.
        content_hash: SHA-256 of the adapter's names, types, shapes and values.
        nbytes: size of the adapter's tensors.
        extra: what the caller keeps with it, in JSON form.
    """

    id: str
    key_text: str
    key: NDArray[np.float32] = field(repr=False, compare=False)
    prompt: str
    layout: Mapping[str, Any] = field(repr=False, hash=False)
    fingerprint: str
    spec: AdapterSpec
    loss_before: float | None
    loss_after: float | None
    iterations: int
    iterations_saved: int
    hits: int
    merged: int
    weight: float
    created: float
    last_used: float
    parents: tuple[str, ...]
    content_hash: str
    nbytes: int
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; the key is little-endian float32 in base64."""
        data = {column.name: getattr(self, column.name) for column in fields(self)}
        key = base64.b64encode(self.key.astype("<f4").tobytes()).decode()
        data |= {"key": key, "layout": dict(self.layout), "extra": dict(self.extra)}
        data |= {"spec": self.spec.to_dict(), "parents": list(self.parents)}
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Entry":
        """Read the JSON form.

        Raises:
            ValueError: if a field is missing, unknown or malformed.
        """
        try:
            key = np.frombuffer(base64.b64decode(data["key"], validate=True), "<f4").astype(np.float32)
            spec, parents = AdapterSpec.from_dict(data["spec"]), tuple(map(str, data["parents"]))
            return cls(**{**data, "key": key, "spec": spec, "parents": parents})
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"this is no entry of a memory: {error}") from error


def check_key(key: NDArray[np.float32]) -> None:
    """Check that keys can be compared with a key.

    Raises:
        ValueError: if it is not one finite vector of a length that float32 can square.
    """
    if key.ndim != 1 or not np.isfinite(key).all() or not key.any():
        raise ValueError(f"a key must be one finite vector that is not zero, got shape {key.shape}: {key}")
    length = float(np.linalg.norm(key.astype(np.float64)))
    if not 1 / _LONGEST <= length <= _LONGEST:
        raise ValueError(f"the length of a key must be {1 / _LONGEST:g} … {_LONGEST:g}, not {length:g}; normalise it")


@dataclass(frozen=True)
class Match:
    """An entry near a key.

    Attributes:
        entry: the entry.
        similarity: cosine similarity of the keys, from -1 to 1.
    """

    entry: Entry
    similarity: float


__all__ = ["SHIFT", "AdapterSpec", "AdapterTensors", "Entry", "Match", "check_key", "first_steps"]
