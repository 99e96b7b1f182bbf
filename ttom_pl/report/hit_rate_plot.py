"""A plot of how well a memory has served."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ttom_pl.io.whole_files import replacing
from ttom_pl.memory.history import Lookup

_AVERAGED = 10  # lookups, at least, in the moving hit rate


def write_history_plot(history: Sequence[Lookup], path: Path) -> None:
    """Write a plot of the hit rate and the iterations saved over the prompts.

    Args:
        history: at least one lookup, the oldest first.
        path: the file; its ending gives the format.

    Raises:
        ModuleNotFoundError: if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("plots need matplotlib; pip install matplotlib") from error
    hits = np.array([lookup.entry is not None for lookup in history], dtype=float)
    prompts = np.arange(1, len(hits) + 1)
    width = min(max(_AVERAGED, len(hits) // 10), len(hits))
    moving = np.convolve(hits, np.ones(width) / width, "valid")
    figure = Figure(figsize=(7, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(prompts, 100 * hits.cumsum() / prompts, label="so far")
    above.plot(prompts[width - 1 :], 100 * moving, label=f"last {width} prompts", alpha=0.7)
    above.set(ylabel="hit rate (%)", ylim=(0, 100))
    above.legend()
    below.plot(prompts, np.cumsum([lookup.iterations_saved for lookup in history]))
    below.set(xlabel="prompts", ylabel="iterations saved, in all", xlim=(1, max(2, len(hits))))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=120, format=path.suffix[1:] or "png")


__all__ = ["write_history_plot"]
