"""Runs over the same prompts, side by side: means, paired differences, pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import bootstrap

from ttom_pl.layout import Layout
from ttom_pl.media import contact_sheet, film_strip, read_mp4
from ttom_pl.run import RunError, read_results

ITERATIONS, SECONDS = "iterations", "seconds"


@dataclass(frozen=True)
class Difference:
    """A paired difference of means, run minus baseline.

    Attributes:
        mean: mean over the prompts.
        low: lower end of the 95% bootstrap interval.
        high: upper end.
    """

    mean: float
    low: float
    high: float

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """Several runs over the prompts that all of them have served.

    Attributes:
        names: the runs; the first is the baseline.
        ids: the prompts, in the order of the stream.
        values: for each metric the values, shape (runs, prompts); NaN for prompts that it does not apply to.
        results: for each run the results by prompt id.
    """

    names: list[str]
    ids: list[str]
    values: dict[str, NDArray[np.float64]]
    results: list[dict[str, dict[str, Any]]]

    def difference(self, metric: str, run: int, resamples: int = 10_000, seed: int = 0) -> Difference:
        """Return the paired difference of a run from the baseline, with a percentile bootstrap over prompts.

        Prompts that the metric does not apply to do not count.
        """
        delta = self.values[metric][run] - self.values[metric][0]
        delta = delta[~np.isnan(delta)]
        if len(delta) < 2 or np.ptp(delta) == 0:
            return Difference(float(delta.mean()), float(delta.mean()), float(delta.mean()))
        interval = bootstrap(
            (delta,), np.mean, n_resamples=resamples, method="percentile", rng=np.random.default_rng(seed)
        ).confidence_interval
        return Difference(float(delta.mean()), float(interval.low), float(interval.high))

    def table(self) -> str:
        """Return a Markdown table: the means of each run, and for all but the baseline the difference's interval."""
        heads = ["run", *(metric.replace("_", " ") for metric in self.values)]
        rows = [heads, ["---"] * len(heads)]
        for number, name in enumerate(self.names):
            cells = [name]
            for metric, values in self.values.items():
                cell = f"{np.nanmean(values[number]):.2f}"
                if number:
                    d = self.difference(metric, number)
                    cell += f" ({d.low:+.2f} … {d.high:+.2f}){'*' if d.significant else ''}"
                cells.append(cell)
            rows.append(cells)
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        note = f"{len(self.ids)} prompts; in brackets the 95% paired bootstrap interval of the difference from "
        fewer = {m: int((~np.isnan(v[0])).sum()) for m, v in self.values.items() if np.isnan(v[0]).any()}
        parts = [f"{metric.replace('_', ' ')} applies to {number} of them" for metric, number in fewer.items()]
        end = f"; {', '.join(parts)}." if parts else "."
        return "\n".join([*lines, "", f"{note}{self.names[0]}, * where it leaves out 0{end}"])

    def sheet(self, runs: Sequence[Path], prompts: int = 12, frames: int = 4, height: int = 96) -> Image.Image:
        """Return a contact sheet: a row per prompt, a column per run, layout boxes drawn over the frames."""
        rows = []
        for id in self.ids[:prompts]:
            pictures = []
            for run, results in zip(runs, self.results, strict=True):
                video = read_mp4(run / results[id]["files"]["video"])
                pictures.append(film_strip(video, Layout.from_dict(results[id]["layout"]), frames, height))
            rows.append((self.results[0][id]["prompt"], pictures))
        return contact_sheet(rows, self.names)


def compare(runs: Sequence[Path], names: Sequence[str] = (), first: int = 1) -> Comparison:
    """Compare runs over the prompts that all of them have served.

    Args:
        runs: run folders; the first is the baseline.
        names: what to call them; the folders' names when not given.
        first: number in the stream of the first prompt that counts.

    Raises:
        RunError: if a folder is no run, if no prompt is common to all, or if their noise or prompts differ.
    """
    results = [read_results(run) for run in runs]
    served = [{id for id, r in each.items() if "error" not in r and r["number"] >= first} for each in results]
    ids = [id for id in results[0] if all(id in each for each in served)]
    if not ids:
        raise RunError(f"the runs {', '.join(map(str, runs))} have no served prompt in common")
    for id in ids:
        if len({(each[id]["seed"], each[id]["prompt"]) for each in results}) > 1:
            raise RunError(
                f"the runs gave prompt {id!r} other noise or another text; compare runs of one prompt file and seed"
            )
    # A relation is asked for by some prompts only: a metric counts where all runs have it.
    shared = {
        id: [m for m in results[0][id]["scores"] if all(m in each[id]["scores"] for each in results)] for id in ids
    }
    values = {
        m: np.array([[each[id]["scores"][m] if m in shared[id] else np.nan for id in ids] for each in results])
        for m in dict.fromkeys(m for id in ids for m in shared[id])
    }
    values[ITERATIONS] = np.array([[each[id]["updates"] for id in ids] for each in results], dtype=float)
    values[SECONDS] = np.array([[sum(each[id]["seconds"].values()) for id in ids] for each in results])
    return Comparison(list(names) or [run.name for run in runs], ids, values, results)
