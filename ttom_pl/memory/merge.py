"""Rules for what an entry becomes when it is optimised further, and the blend of several adapters."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ttom_pl.io.ranges import check_range
from ttom_pl.memory.entry import AdapterTensors


class MergeRule(ABC):
    """How a memory merges a newly optimised adapter into an entry."""

    @abstractmethod
    def merge(
        self, old: AdapterTensors, new: AdapterTensors, weight: float, similarity: float
    ) -> tuple[dict[str, Tensor], float]:
        """Return the merged adapter and what it weighs.

        Args:
            old: the entry's adapter.
            new: the adapter that was optimised further.
            weight: what ``old`` weighs; 1 for a new entry.
            similarity: similarity s of the keys, from 0 to 1.
        """


@dataclass(frozen=True)
class RunningAverage(MergeRule):
    """φ ← (n·φ_old + s·φ_new) / (n + s), where n is the weight of all that the entry holds.

    The factors A and B are averaged, not their product: this is sound for adapters that were warm-started from each
    other, as those of one entry are.

    Attributes:
        max_weight: bound on n, so that old entries still learn; without one, all contributions count alike.
    """

    max_weight: float | None = None

    def __post_init__(self) -> None:
        check_range("max_weight", self.max_weight, above=0, meaning="none at all for no limit")

    def merge(
        self, old: AdapterTensors, new: AdapterTensors, weight: float, similarity: float
    ) -> tuple[dict[str, Tensor], float]:
        """Return the running average and its weight, n + s, at most ``max_weight``."""
        limit = math.inf if self.max_weight is None else self.max_weight
        held = min(weight, limit)
        return _average([old, new], [held, similarity]), min(held + similarity, limit)


@dataclass(frozen=True)
class PaperMerge(MergeRule):
    """φ ← (φ_old + s·φ_new) / (1 + s), the paper's rule: the newest adapter counts up to a half."""

    def merge(
        self, old: AdapterTensors, new: AdapterTensors, weight: float, similarity: float
    ) -> tuple[dict[str, Tensor], float]:
        """Return the paper's average; ``weight`` does not matter to it and is 1 again."""
        return _average([old, new], [1.0, similarity]), 1.0


@dataclass(frozen=True)
class Replace(MergeRule):
    """φ ← φ_new."""

    def merge(
        self, old: AdapterTensors, new: AdapterTensors, weight: float, similarity: float
    ) -> tuple[dict[str, Tensor], float]:
        """Return the new adapter with weight 1."""
        _check_alike(old, new)
        return dict(new), 1.0


def blend(adapters: Sequence[AdapterTensors], similarities: Sequence[float]) -> dict[str, Tensor]:
    """Return the average of the adapters, weighted by similarity (top-k retrieval).

    Args:
        adapters: adapters of equal names and shapes.
        similarities: one for each, none negative.
    """
    if len(adapters) != len(similarities) or not adapters:
        raise ValueError(
            f"blend needs one similarity per adapter, got {len(similarities)} for {len(adapters)} adapters"
        )
    if not (min(similarities) >= 0 < sum(similarities)):
        raise ValueError(
            f"similarities must not be negative nor all zero, got {list(similarities)}; raise the threshold"
        )
    return _average(adapters, similarities)


def _average(adapters: Sequence[AdapterTensors], weights: Sequence[float]) -> dict[str, Tensor]:
    """Return the weighted average in the last adapter's precision, computed in float32."""
    last = adapters[-1]
    for adapter in adapters[:-1]:
        _check_alike(adapter, last)
    shares = torch.tensor(weights, dtype=torch.float64) / sum(weights)
    merged = {}
    for name, tensor in last.items():
        mean = torch.zeros(tensor.shape)
        for adapter, share in zip(adapters, shares.tolist(), strict=True):
            mean += share * adapter[name].detach().to("cpu", torch.float32)
        merged[name] = mean.to(tensor.dtype)
    return merged


def _check_alike(one: AdapterTensors, other: AdapterTensors) -> None:
    odd = set(one) ^ set(other)
    if odd:
        raise ValueError(f"only one of the two adapters has the tensor {min(odd)!r}; merge adapters of one AdapterSpec")
    for name, tensor in one.items():
        if tensor.shape != other[name].shape:
            raise ValueError(
                f"tensor {name!r} has the shapes {tuple(tensor.shape)} and {tuple(other[name].shape)}; "
                "merge adapters of one AdapterSpec"
            )


__all__ = ["MergeRule", "PaperMerge", "Replace", "RunningAverage", "blend"]
