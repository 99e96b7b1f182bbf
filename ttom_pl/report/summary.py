"""A run in numbers: what stands on top of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ttom_pl.evaluation.metrics.interval import mean_interval
from ttom_pl.run import Result


@dataclass(frozen=True)
class Score:
    """A score over the prompts that have it.

    Attributes:
        name: its name.
        prompts: how many have it.
        mean: over them.
        low: lower end of the 95% bootstrap interval of the mean.
        high: upper end.
        misses: mean over prompts that the memory did not know; ``None`` where there is none.
        hits: mean over prompts that it knew.
    """

    name: str
    prompts: int
    mean: float
    low: float
    high: float
    misses: float | None
    hits: float | None


def scores(results: Sequence[Result], resamples: int = 10_000, seed: int = 0) -> list[Score]:
    """Return the scores of a run with percentile bootstrap intervals over its prompts.

    Videos of one prompt, its samples, count as their mean.
    """
    names = dict.fromkeys(name for result in results for name in result.scores)
    made = []
    for name in names:
        by_prompt: dict[str, list[float]] = {}
        by_hit: dict[bool | None, dict[str, list[float]]] = {False: {}, True: {}, None: {}}
        for result in results:
            value = result.scores.get(name)
            if isinstance(value, int | float) and np.isfinite(value):
                by_prompt.setdefault(result.source, []).append(float(value))
                by_hit[result.hit].setdefault(result.source, []).append(float(value))
        if not by_prompt:
            continue
        values = _means(by_prompt)
        low, high = mean_interval(np.array(values), resamples, seed)
        known = [np.mean(_means(by_hit[hit]) or [np.nan]) for hit in (False, True)]
        misses, warm = (None if np.isnan(mean) else float(mean) for mean in known)
        made.append(Score(name, len(values), float(np.mean(values)), low, high, misses, warm))
    return made


def _means(by_prompt: Mapping[str, Sequence[float]]) -> list[float]:
    return [float(np.mean(numbers)) for numbers in by_prompt.values()]


def hit_rates(results: Sequence[Result]) -> tuple[list[float], list[float], int]:
    """Return the hit rate so far and that of the last prompts, for each prompt, and how many the last are.

    Prompts that asked no memory do not count; the lists are empty where none asked one.
    """
    hits = np.array([result.hit for result in results if result.hit is not None], dtype=float)
    width = min(max(10, len(hits) // 10), len(hits))
    if not width:
        return [], [], 0
    total = np.concatenate([[0.0], hits.cumsum()])
    ends = np.arange(1, len(hits) + 1)
    starts = np.maximum(ends - width, 0)
    return list(total[1:] / ends), list((total[ends] - total[starts]) / (ends - starts)), width


def seconds(results: Sequence[Result]) -> dict[str, list[float]]:
    """Return the seconds of each stage, a value for each prompt; 0 where a prompt had no such stage."""
    stages = dict.fromkeys(stage for result in results for stage in result.seconds)
    return {stage: [float(result.seconds.get(stage, 0.0)) for result in results] for stage in stages}
