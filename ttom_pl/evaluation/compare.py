"""Methods over the same prompts, side by side: means, paired differences, pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ttom_pl.evaluation.metrics.interval import mean_interval
from ttom_pl.evaluation.truth import grammar_caveat
from ttom_pl.io.media import contact_sheet, film_strip, read_mp4
from ttom_pl.run import Result, Results, RunError, read_results

ITERATIONS, SECONDS = "iterations", "seconds"


@dataclass(frozen=True)
class Difference:
    """A paired difference of means, method minus baseline.

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
    """Several methods over the prompts that all of their runs have served.

    Attributes:
        names: the methods; the first is the baseline.
        ids: the prompts, in the order of the stream.
        values: for each metric the values, shape (methods, prompts), each the mean over the method's runs and the
            samples of the prompt that all runs have; NaN for prompts that the metric does not apply to.
        runs: for each method its run folders, which differ in noise.
        results: for each method and run the results by prompt id, of several samples the first that all runs have.
        samples: the most videos of a prompt in a run that count.
    """

    names: list[str]
    ids: list[str]
    values: dict[str, NDArray[np.float64]]
    runs: list[list[Path]]
    results: list[list[Results]]
    samples: int = 1

    def difference(
        self, metric: str, method: int, resamples: int = 10_000, seed: int = 0, baseline: int = 0
    ) -> Difference:
        """Return the paired difference of a method from a baseline, with a percentile bootstrap over prompts.

        Prompts that the metric does not apply to do not count.
        """
        delta = self.values[metric][method] - self.values[metric][baseline]
        delta = delta[~np.isnan(delta)]
        low, high = mean_interval(delta, resamples, seed)
        return Difference(float(delta.mean()), low, high)

    def table(self, metrics: Sequence[str] = (), baseline: int = 0, digits: int = 2) -> str:
        """Return a Markdown table: the means of each method, and the interval of the difference from the baseline.

        Args:
            metrics: the columns; those that no prompt has are left out. All when not given.
            baseline: number of the method that the others are compared with.
            digits: decimals of scores; iterations and seconds have fewer.

        Raises:
            RunError: if none of the metrics is there.
        """
        shown = [metric for metric in metrics or self.values if metric in self.values]
        if not shown:
            raise RunError(f"the runs have none of {', '.join(metrics)}; they have {', '.join(self.values)}")
        heads = ["method", *(metric.replace("_", " ") for metric in shown)]
        rows = [heads, ["---"] * len(heads)]
        for number, name in enumerate(self.names):
            rows.append([name, *(self._cell(metric, number, baseline, digits) for metric in shown)])
        return "\n".join([*("| " + " | ".join(row) + " |" for row in rows), "", self._note(shown, baseline)])

    def _cell(self, metric: str, method: int, baseline: int, digits: int) -> str:
        places = {ITERATIONS: 1, SECONDS: 2}.get(metric, digits)
        cell = f"{np.nanmean(self.values[metric][method]):.{places}f}"
        if method == baseline:
            return cell
        d = self.difference(metric, method, baseline=baseline)
        return f"{cell} ({d.low:+.{places}f} … {d.high:+.{places}f}){'*' if d.significant else ''}"

    def _note(self, metrics: Sequence[str], baseline: int) -> str:
        runs, samples = len(self.runs[0]), self.samples
        means = [f"{runs} runs"] * (runs > 1) + [f"{samples} samples"] * (samples > 1)
        several = f", of each the mean of {' of '.join(means)} that differ in noise" if means else ""
        number = f"{len(self.ids)} prompts{several}"
        interval = f"in brackets the 95% paired bootstrap interval of the difference from {self.names[baseline]}"
        applies = {m: int((~np.isnan(self.values[m][0])).sum()) for m in metrics}
        fewer = [f"{m.replace('_', ' ')} applies to {n} of them" for m, n in applies.items() if n < len(self.ids)]
        note = f"Means of {number}; {interval}, * where it leaves out 0" + (f"; {', '.join(fewer)}." if fewer else ".")
        doubt = grammar_caveat([self.results[0][0][id].truth for id in self.ids])
        return f"{note}\n\n{doubt[0].upper()}{doubt[1:]}." if doubt else note

    def sheet(self, prompts: int = 12, frames: int = 4, height: int = 96) -> Image.Image:
        """Return a contact sheet: a row per prompt, a column per method, with boxes and what it took.

        Where there are more prompts, they are evenly spaced: a memory shows only late in a stream.
        Of a method with several runs the first is shown.
        """
        rows, notes = [], []
        for place in np.linspace(0, len(self.ids) - 1, min(prompts, len(self.ids))).round().astype(int):
            id = self.ids[place]
            pictures, said = [], []
            for (run, *_), (results, *_) in zip(self.runs, self.results, strict=True):
                result = results[id]
                if "video" not in result.files or result.layout is None:
                    raise RunError(f"run {str(run)!r} has no video of prompt {id!r}; serve it again")
                pictures.append(film_strip(read_mp4(run / result.files["video"]), result.layout, frames, height))
                said.append(_effort(result))
            rows.append((self.results[0][0][id].prompt, pictures))
            notes.append(said)
        return contact_sheet(rows, self.names, notes, "Boxes are the planned layout.")


def compare(runs: Sequence[Path | Sequence[Path]], names: Sequence[str] = (), first: int = 1) -> Comparison:
    """Compare methods over the prompts that all of their runs have served.

    Args:
        runs: for each method its run folder, or its run folders that differ in noise, whose scores are averaged prompt
            by prompt; the first method is the baseline. Each method's n-th run has the same noise. So are those of the
            samples of a prompt; those count that all runs have.
        names: what to call the methods; after their folders when not given.
        first: number in the stream of the first prompt that counts.

    Raises:
        RunError: if a folder is no run, if no prompt is common to all, or if noise or prompts do not go together.
    """
    groups = [[run] if isinstance(run, Path) else list(run) for run in runs]
    results = [[_samples(read_results(run), first) for run in group] for group in groups]
    every = [run for group in results for run in group]
    common = {
        id: [sample for sample in samples if all(sample in run.get(id, {}) for run in every)]
        for id, samples in every[0].items()
    }
    ids = [id for id, samples in common.items() if samples]
    folders = ", ".join(str(run) for group in groups for run in group)
    if not ids:
        raise RunError(f"the runs {folders} have no served prompt in common")
    made = [[{id: [run[id][sample] for sample in common[id]] for id in ids} for run in group] for group in results]
    for id in ids:
        asked = [[(result.seed, result.prompt) for run in group for result in run[id]] for group in made]
        _check_pairs(asked, [len(group) for group in groups], id, folders)
    # A relation is asked for by some prompts only: a metric counts where all runs have it.
    scored = {id: [result.scores for group in made for run in group for result in run[id]] for id in ids}
    shared = {id: [m for m in scored[id][0] if all(m in scores for scores in scored[id])] for id in ids}
    metrics = dict.fromkeys(m for id in ids for m in shared[id])

    columns = {
        metric: np.array([[_mean(group, id, metric, shared[id]) for id in ids] for group in made])
        for metric in (*metrics, ITERATIONS, SECONDS)
    }
    called = list(names) or ["+".join(run.name for run in group) for group in groups]
    firsts = [[Results({id: run[id][0] for id in ids}) for run in group] for group in made]
    return Comparison(called, ids, columns, groups, firsts, max(len(common[id]) for id in ids))


def _effort(result: Result) -> str:
    """Say whether the memory had something, and how long the rehearsal was."""
    iterations = f"{result.updates} iteration{'s' * (result.updates != 1)}" if result.losses else ""
    return ", ".join(filter(None, ("memory hit" if result.hit else "", iterations)))


def _samples(results: Results, first: int) -> dict[str, dict[int, Result]]:
    """Return the results that count by prompt and sample; of one video a prompt it is number 0."""
    samples: dict[str, dict[int, Result]] = {}
    for result in results.served.values():
        if result.number >= first:
            samples.setdefault(result.source, {})[result.sample] = result
    return samples


def _mean(runs: Sequence[Mapping[str, Sequence[Result]]], id: str, metric: str, shared: Sequence[str]) -> float:
    return float(np.mean([_value(result, metric, shared) for run in runs for result in run[id]]))


def _value(result: Result, metric: str, shared: Sequence[str]) -> float:
    if metric == ITERATIONS:
        return float(result.updates)
    if metric == SECONDS:
        return float(sum(result.seconds.values()))
    return float(result.scores[metric]) if metric in shared else np.nan


def _check_pairs(asked: Sequence[Sequence[tuple[int | None, str]]], runs: Sequence[int], id: str, folders: str) -> None:
    """Raise unless the methods have the same noises and text, seed by seed, and no noise twice.

    Args:
        asked: for each method the seed and text of each video, run by run.
        runs: how many runs each method has.
        id: the prompt.
        folders: what is compared.
    """
    if len(set(runs)) > 1:
        numbers = ", ".join(map(str, runs))
        raise RunError(f"the methods have {numbers} runs; give each as many, of the same seeds in the same order")
    if any(group != asked[0] for group in asked):
        raise RunError(
            f"the runs {folders} gave prompt {id!r} other noise or another text; compare runs of one prompt file and "
            "the same seeds, in the same order"
        )
    if len(set(asked[0])) < len(asked[0]) or len({text for _, text in asked[0]}) > 1:
        raise RunError(
            f"the runs of one method, of {folders}, have the same noise for prompt {id!r} or other texts; runs are "
            "pooled that differ in --stream.seed alone, with samples by as many as there are"
        )
