"""Eviction policies as pure functions."""

import random
import sqlite3

import pytest

from ttom_pl.memory import FIFO, LFU, LRU, AgeingLFU, EntryStats, LeastIterationsSaved

DAY = 86_400.0


def order(policy, stats, now=10 * DAY):
    return sorted(stats, key=lambda name: policy.rank(stats[name], now))


@pytest.fixture
def stats():
    return {
        "old hit": EntryStats(hits=5, iterations_saved=40, created=0.0, last_used=1 * DAY, nbytes=8),
        "fresh hit": EntryStats(hits=3, iterations_saved=10, created=4 * DAY, last_used=9 * DAY, nbytes=8),
        "once": EntryStats(hits=1, iterations_saved=20, created=2 * DAY, last_used=8 * DAY, nbytes=8),
        "once, earlier": EntryStats(hits=1, iterations_saved=20, created=3 * DAY, last_used=5 * DAY, nbytes=8),
    }


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (LFU(), ["once, earlier", "once", "fresh hit", "old hit"]),
        (LRU(), ["old hit", "once, earlier", "once", "fresh hit"]),
        (FIFO(), ["old hit", "once", "once, earlier", "fresh hit"]),
        (AgeingLFU(half_life=DAY), ["old hit", "once, earlier", "once", "fresh hit"]),
        (AgeingLFU(half_life=1000 * DAY), ["once, earlier", "once", "fresh hit", "old hit"]),
        (LeastIterationsSaved(), ["fresh hit", "once, earlier", "once", "old hit"]),
    ],
    ids=str,
)
def test_order(policy, stats, expected):
    assert order(policy, stats) == expected


@pytest.mark.parametrize("policy", [LFU(), LRU(), FIFO(), LeastIterationsSaved()], ids=str)
def test_order_in_sql_is_the_rank(policy):
    rng = random.Random(0)
    rows = [(label, *(rng.randrange(4) for _ in range(5))) for label in range(60)]
    ranked = sorted(rows, key=lambda row: (policy.rank(EntryStats(*row[1:]), 9.0), row[0]))
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE entries (label, hits, iterations_saved, created, last_used, nbytes)")
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", rows)
    assert connection.execute(f"SELECT * FROM entries ORDER BY {policy.order}, label").fetchall() == ranked


def test_hits_halve_in_a_half_life():
    stats = EntryStats(hits=8, iterations_saved=0, created=0.0, last_used=0.0, nbytes=8)
    assert AgeingLFU(half_life=10.0).rank(stats, now=20.0)[0] == pytest.approx(2.0)
    with pytest.raises(ValueError, match="half_life"):
        AgeingLFU(half_life=0)
