"""How much a memory holds, and what goes when it is more."""

import sqlite3
from dataclasses import dataclass

from ttom_pl.io.ranges import check_range
from ttom_pl.memory.database.find_rows import row_labelled
from ttom_pl.memory.eviction import EntryStats, EvictionPolicy
from ttom_pl.memory.rows_and_files import Change

_STATS = "hits, iterations_saved, created, last_used, nbytes"


@dataclass(frozen=True)
class Capacity:
    """A bound on a memory.

    Attributes:
        entries: greatest number of entries.
        nbytes: greatest size of all adapters; None for no bound.
        policy: which entries go first.

    Raises:
        ValueError: if a bound is not positive.
    """

    entries: int
    nbytes: int | None
    policy: EvictionPolicy

    def __post_init__(self) -> None:
        check_range("capacity", self.entries, least=1, meaning="entries of the memory")
        check_range("capacity_bytes", self.nbytes, least=1, meaning="bytes of the memory's adapters")

    def evict(self, change: Change, now: float, keep: int | None = None) -> tuple[str, ...]:
        """Remove the entries that the policy ranks lowest until the rest fits, but not the one labelled ``keep``.

        Returns:
            The ids of what was removed.

        Raises:
            ValueError: if what must be kept does not fit alone.
        """
        count, nbytes = change.connection.execute("SELECT count(*), coalesce(sum(nbytes), 0) FROM entries").fetchone()
        evicted: list[str] = []
        while not self._fits(count, nbytes):
            lowest = self._lowest(change.connection, now, keep, max(count - self.entries, 1))
            if not lowest:
                raise ValueError(f"the adapter has {nbytes} bytes, more than the memory may hold; raise capacity_bytes")
            for label in lowest:
                row = row_labelled(change.connection, label)
                change.remove(row)
                evicted.append(row["id"])
                count, nbytes = count - 1, nbytes - row["nbytes"]
        return tuple(evicted)

    def _lowest(self, connection: sqlite3.Connection, now: float, keep: int | None, number: int) -> list[int]:
        """Return labels of the entries that go first."""
        if self.policy.order is not None:
            query = f"SELECT label FROM entries WHERE label IS NOT ? ORDER BY {self.policy.order}, label LIMIT ?"
            return [row[0] for row in connection.execute(query, (keep, number))]
        rows = connection.execute(f"SELECT label, {_STATS} FROM entries WHERE label IS NOT ?", (keep,))
        ranks = sorted((self.policy.rank(EntryStats(*stats), now), label) for label, *stats in rows)
        return [label for _, label in ranks[:number]]

    def _fits(self, count: int, nbytes: int) -> bool:
        return count <= self.entries and (self.nbytes is None or nbytes <= self.nbytes)


__all__ = ["Capacity"]
