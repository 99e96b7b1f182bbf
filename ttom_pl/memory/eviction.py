"""Policies for which entry a full memory forgets first: pure functions of what is known about its use."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ttom_pl.io.ranges import check_range


@dataclass(frozen=True, slots=True)
class EntryStats:
    """What policies know about an entry.

    Attributes:
        hits: how often it was used.
        iterations_saved: optimiser iterations that its use has saved.
        created: seconds since the epoch.
        last_used: seconds since the epoch.
        nbytes: size of its adapter.
    """

    hits: int
    iterations_saved: int
    created: float
    last_used: float
    nbytes: int


class EvictionPolicy(ABC):
    """Ranks entries for eviction. The entry that is being inserted is never a candidate."""

    order: ClassVar[str | None] = None
    """The rank as SQL, over the fields of :class:`EntryStats`, for policies that need not look at each entry."""

    @abstractmethod
    def rank(self, stats: EntryStats, now: float) -> tuple[float, ...]:
        """Return a sort key: the entry with the lowest goes first, among equals the one inserted first.

        Args:
            stats: what is known about the entry.
            now: seconds since the epoch.
        """


@dataclass(frozen=True)
class LFU(EvictionPolicy):
    """Least frequently used first (the paper's policy), among equals the least recently used."""

    order: ClassVar[str | None] = "hits, last_used"

    def rank(self, stats: EntryStats, now: float) -> tuple[float, ...]:
        """Return hits, then the time of the last use."""
        return (stats.hits, stats.last_used)


@dataclass(frozen=True)
class LRU(EvictionPolicy):
    """Least recently used first."""

    order: ClassVar[str | None] = "last_used"

    def rank(self, stats: EntryStats, now: float) -> tuple[float, ...]:
        """Return the time of the last use."""
        return (stats.last_used,)


@dataclass(frozen=True)
class FIFO(EvictionPolicy):
    """Oldest first."""

    order: ClassVar[str | None] = "created"

    def rank(self, stats: EntryStats, now: float) -> tuple[float, ...]:
        """Return the time of creation."""
        return (stats.created,)


@dataclass(frozen=True)
class AgeingLFU(EvictionPolicy):
    """Least frequently used first, where hits fade while an entry is not used.

    Attributes:
        half_life: seconds without use after which an entry's hits count half.
    """

    half_life: float = 86_400.0

    def __post_init__(self) -> None:
        check_range("half_life", self.half_life, above=0, meaning="seconds")

    def rank(self, stats: EntryStats, now: float) -> tuple[float, ...]:
        """Return the faded hits, then the time of the last use."""
        idle = max(now - stats.last_used, 0.0)
        return (stats.hits * 0.5 ** (idle / self.half_life), stats.last_used)


@dataclass(frozen=True)
class LeastIterationsSaved(EvictionPolicy):
    """The entry whose use has saved the fewest optimiser iterations first, among equals the least recently used."""

    order: ClassVar[str | None] = "iterations_saved, last_used"

    def rank(self, stats: EntryStats, now: float) -> tuple[float, ...]:
        """Return the iterations saved, then the time of the last use."""
        return (stats.iterations_saved, stats.last_used)


__all__ = ["FIFO", "LFU", "LRU", "AgeingLFU", "EntryStats", "EvictionPolicy", "LeastIterationsSaved"]
