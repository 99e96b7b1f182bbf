"""Pictures of the benchmarks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ttom_pl.evaluation.compare import ITERATIONS, SECONDS, Comparison


def forest(comparison: Comparison, metrics: Sequence[str], path: Path, title: str = "") -> None:
    """Draw the differences of all methods from the baseline, with their 95% intervals, a panel a metric."""
    shown = [metric for metric in metrics if metric in comparison.values]
    methods = range(1, len(comparison.names))
    figure = Figure(figsize=(2.6 + 2.1 * len(shown), 1.3 + 0.28 * len(methods)), layout="constrained")
    for axes, metric in zip(np.atleast_1d(figure.subplots(1, len(shown), sharey=True)), shown, strict=True):
        for method in methods:
            d = comparison.difference(metric, method)
            better = d.mean < 0 if metric in (ITERATIONS, SECONDS) else d.mean > 0
            color = "tab:gray" if not d.significant else "tab:green" if better else "tab:red"
            axes.plot([d.low, d.high], [method, method], color=color, linewidth=2)
            axes.plot([d.mean], [method], "o", color=color, markersize=5)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_title(metric.replace("_", " "), fontsize=9)
        axes.tick_params(labelsize=8)
        axes.locator_params(axis="x", nbins=4)
        axes.set_yticks(list(methods), comparison.names[1:])
        axes.grid(axis="x", alpha=0.3)
    axes.invert_yaxis()
    figure.suptitle(title or f"difference from {comparison.names[0]}, 95% intervals", fontsize=10)
    figure.savefig(path, dpi=110)


def over_time(panels: Mapping[str, Mapping[str, NDArray[np.float64]]], window: int, path: Path) -> None:
    """Draw rolling means over the stream.

    Args:
        panels: title of each panel, and in it the values of each method, one a prompt.
        window: prompts of a mean.
        path: the picture.
    """
    rows = (len(panels) + 1) // 2
    figure = Figure(figsize=(10, 2.6 * rows), layout="constrained")
    flat = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, (title, lines) in zip(flat, panels.items(), strict=False):
        for name, values in lines.items():
            width = min(window, len(values))
            means = np.convolve(values, np.ones(width) / width, "valid")
            axes.plot(np.arange(width, len(values) + 1), means, label=name)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
    for axes in flat[len(panels) :]:
        axes.set_visible(False)
    flat[0].legend(fontsize=8)
    figure.supxlabel(f"prompt of the stream (means of the last {window})", fontsize=9)
    figure.savefig(path, dpi=110)
