"""The heat map of a probe."""

from pathlib import Path

from ttom_pl.io.whole_files import replacing
from ttom_pl.probe.result import ProbeResult


def write_heat_map(result: ProbeResult, path: Path) -> None:
    """Write a picture: mIoU and AUC by block and step, the recommended blocks marked.

    Args:
        result: what a probe found.
        path: the file; its ending gives the format.

    Raises:
        ModuleNotFoundError: if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("plots need matplotlib; pip install matplotlib") from error
    blocks, steps = result.num_blocks, result.num_steps
    figure = Figure(figsize=(max(4.0, 2 + 0.34 * blocks) * 2, max(2.6, 1.4 + 0.34 * steps)), layout="constrained")
    chosen = result.recommended()
    for axes, metric, name in zip(figure.subplots(1, 2), ("iou", "auc"), ("mIoU", "AUC"), strict=True):
        values = result.mean(metric)
        image = axes.imshow(values, aspect="auto", cmap="viridis")
        figure.colorbar(image, ax=axes)
        axes.set(title=f"{name} of attention with the objects", xlabel="block", ylabel="denoising step")
        axes.set_xticks(range(blocks), [f"{block}*" if block in chosen else str(block) for block in range(blocks)])
        axes.set_yticks(range(steps), [str(step + 1) for step in range(steps)])
        if blocks * steps <= 120:
            middle = (values.min() + values.max()) / 2
            for step in range(steps):
                for block in range(blocks):
                    color = "black" if values[step, block] > middle else "white"
                    axes.text(block, step, f"{values[step, block]:.2f}", ha="center", va="center", color=color, size=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=110, format=path.suffix[1:] or "png")
