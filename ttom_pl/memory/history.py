"""How well a memory has served: hit rate and iterations saved over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True, slots=True)
class Lookup:
    """One prompt that a memory was asked about.

    Attributes:
        at: seconds since the epoch.
        entry: id of the entry that was used; None for a miss.
        iterations_saved: optimiser iterations that it saved.
    """

    at: float
    entry: str | None
    iterations_saved: int


@dataclass(frozen=True)
class Window:
    """Consecutive lookups, summed up.

    Attributes:
        first: number of the first lookup, from 1.
        last: number of the last one.
        start: when the first one was, in seconds since the epoch.
        hits: number of hits.
        iterations_saved: optimiser iterations saved.
    """

    first: int
    last: int
    start: float
    hits: int
    iterations_saved: int

    @property
    def hit_rate(self) -> float:
        """Hits per lookup."""
        return self.hits / (self.last - self.first + 1)


def windows(lookups: Sequence[Lookup], number: int = 10) -> list[Window]:
    """Return the history in at most ``number`` windows of equally many lookups."""
    edges = np.linspace(0, len(lookups), min(number, len(lookups)) + 1).round().astype(int).tolist()
    summed = []
    for start, end in pairwise(edges):
        part = lookups[start:end]
        hits = sum(lookup.entry is not None for lookup in part)
        summed.append(Window(start + 1, end, part[0].at, hits, sum(lookup.iterations_saved for lookup in part)))
    return summed


__all__ = ["Lookup", "Window", "windows"]
