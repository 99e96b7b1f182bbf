"""Scores of many videos in a few lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ttom_pl.evaluation.metrics.interval import mean_interval
from ttom_pl.evaluation.truth import counted


@dataclass(frozen=True)
class Summary:
    """A metric over prompts.

    Attributes:
        metric: its name.
        prompts: how many it applies to.
        mean: their mean score.
        low: lower end of the 95% bootstrap interval of the mean; the mean itself for a single video.
        high: upper end.
        protocol: whose formula it is.
        truth: where it is known from what the videos must show, with the number of prompts of each; empty where the
            metric looks at the video alone.
    """

    metric: str
    prompts: int
    mean: float
    low: float
    high: float
    protocol: str
    truth: str = ""


def summarise(
    scores: Sequence[Mapping[str, float]],
    protocols: Mapping[str, str],
    resamples: int = 10_000,
    seed: int = 0,
    truths: Sequence[Mapping[str, str]] = (),
) -> list[Summary]:
    """Return a line for each metric that has a score.

    Videos of one prompt are drawn together if their scores are given as one mapping of means.

    Args:
        scores: the scores of each prompt.
        protocols: protocol of each metric, in the order of the lines.
        resamples: draws of the percentile bootstrap over prompts.
        seed: seed of the draws.
        truths: for each prompt where it is known from, by metric, what its videos must show; see
            :class:`~ttom_pl.evaluation.evaluator.Scored`.
    """
    lines = []
    for metric, protocol in protocols.items():
        values = np.array([line[metric] for line in scores if metric in line])
        if not values.size:
            continue
        low, high = mean_interval(values, resamples, seed)
        known = [truth.get(metric, "") for line, truth in zip(scores, truths, strict=False) if metric in line]
        lines.append(Summary(metric, len(values), float(values.mean()), low, high, protocol, counted(known)))
    return lines


def table(lines: Sequence[Summary]) -> str:
    """Return the lines as plain text."""
    rows = [("metric", "prompts", "mean", "95% interval", "protocol", "known from")]
    rows += [
        (
            line.metric,
            str(line.prompts),
            f"{line.mean:.4f}",
            f"{line.low:.4f} … {line.high:.4f}",
            line.protocol,
            line.truth or "the video",
        )
        for line in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)).rstrip() for r in rows)
