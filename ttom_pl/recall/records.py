"""What the memory says of a scene, and what it is to take up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.memory import AdapterSpec, Match
from ttom_pl.run import Decision
from ttom_pl.scene import Start

Read = Literal["miss", "young entry", "warm start", "used as it is", "verified hit"]
Write = Literal["none", "insert", "update"]


@dataclass(frozen=True)
class Recall:
    """What the memory says of a scene. Nothing has changed in the memory by asking.

    Attributes:
        text: the abstracted scene.
        key: its embedding, float32 of shape (D,).
        known: entries of similar scenes, the nearest first: those that answer, or the one that is still young.
        matches: those that answer.
        read: how they are used; whether a hit is verified tells the rehearsal.
        start: what the rehearsal starts from, and how far it goes.
    """

    text: str
    key: NDArray[np.float32]
    known: tuple[Match, ...]
    matches: tuple[Match, ...]
    read: Read
    start: Start


@dataclass(frozen=True)
class Proposal:
    """What the memory is to take up of a prompt: all that its commit needs, whenever that is.

    Attributes:
        mark: names run, prompt and what was asked for; a commit under it happens once.
        decision: what was decided; the commit may find that an entry is gone, and adds the one it has inserted.
        write: what becomes of the adapter.
        saved: iterations that the entry which answered has saved.
        similarity: cosine similarity of the keys, by which an update is weighted.
        adapter: the adapter; empty where nothing is written.
        record: what is written with it in either case: losses and iterations.
        entry: what an entry of its own would hold.
        spec: what the adapter adapts, and how.
    """

    mark: str
    decision: Decision
    write: Write
    saved: int = 0
    similarity: float = 0.0
    adapter: Mapping[str, Tensor] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict)
    spec: AdapterSpec | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form of all but the adapter."""
        return {
            "mark": self.mark,
            "decision": self.decision.to_dict(),
            "write": self.write,
            "saved": self.saved,
            "similarity": self.similarity,
            "record": dict(self.record),
            "entry": dict(self.entry),
            "spec": None if self.spec is None else self.spec.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], adapter: Mapping[str, Tensor]) -> Self:
        """Read the JSON form."""
        spec = data["spec"] and AdapterSpec.from_dict(data["spec"])
        return cls(**{**data, "decision": Decision.from_dict(data["decision"]), "spec": spec, "adapter": adapter})
