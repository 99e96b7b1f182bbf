"""The probe without videos: which blocks attend from the start to where the model attends in the end."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ttom_pl.backbones import Backbone
from ttom_pl.layout import Layout
from ttom_pl.probe.measure import objects_to_probe, over_objects
from ttom_pl.probe.result import ProbeResult
from ttom_pl.probe.scores import attention_auc, attention_iou, chance_iou


def probe_agreement(
    backbone: Backbone,
    layouts: Sequence[Layout],
    steps: int,
    seed: int = 0,
    images: Sequence[Path | None] = (),
    progress: Callable[[Sequence[Layout]], Iterable[Layout]] = lambda layouts: layouts,
) -> ProbeResult:
    """Read the attention of all blocks in the first steps, and compare it with that of the last step.

    By then the model has the objects where it wants them. An object's cells are those to which the mean attention of
    all blocks in the last step stands out: more than half-way from the frame's mean to its maximum. Neither a detector
    nor the VAE is needed. Prompt i gets the noise of ``seed + i``.

    Args:
        backbone: the model, without an adapter.
        layouts: the prompts with their objects; where they want them does not matter.
        steps: denoising steps to measure, from the first on: the guided ones.
        seed: seed of the first prompt's noise.
        images: for each prompt the image that its video starts from, where the model wants one.
        progress: wraps the layouts, e.g. in a progress bar.

    Raises:
        ValueError: if ``steps`` is out of range, there is no prompt, an image does not suit the model, or a word is not
            among a prompt's tokens.
    """
    images = images or [None] * len(layouts)
    objects = objects_to_probe(backbone, layouts, steps, images)
    iou, auc, chance = [], [], []
    for number, layout in enumerate(progress(layouts)):
        maps, last = _watch(backbone, layout, images[number], objects[number], steps, seed + number)
        cells = outstanding(last)
        iou.append(over_objects(attention_iou(maps, cells)))
        auc.append(over_objects(attention_auc(maps, cells)))
        chance.append(float(chance_iou(cells).mean()))
    count = sum(map(len, objects))
    return ProbeResult(
        iou=np.stack(iou),
        auc=np.stack(auc),
        chance=float(np.mean(chance)),
        objects=count,
        seen=count,
        fingerprint=backbone.fingerprint,
        by="attention",
    )


def outstanding(maps: Tensor) -> Tensor:
    """Return the cells to which the mean attention of all blocks stands out.

    Args:
        maps: attention of B blocks to M objects, shape (B, M, T, h, w); each frame counts alike in each block.

    Returns:
        Booleans of shape (M, T, h, w), at least one a frame.
    """
    mean = (maps / maps.sum((-2, -1), keepdim=True)).mean(0)
    middle = (mean.mean((-2, -1), keepdim=True) + mean.amax((-2, -1), keepdim=True)) / 2
    return mean >= middle


@torch.no_grad()
def _watch(
    backbone: Backbone, layout: Layout, image: Path | None, objects: Sequence[Sequence[int]], steps: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return the attention in the first steps, shape (steps, blocks, M, T, h, w), and in the last, without steps."""
    conditioning, latents = backbone.encode(layout.prompt, image), backbone.start(seed)
    blocks, first = range(backbone.num_blocks), []
    last = backbone.max_guided_steps - 1  # of the transformer that is adapted
    for step in range(last + 1):
        if step < steps:
            first.append(backbone.object_attention(latents, step, conditioning, objects, blocks).float())
        if step < last:
            latents = backbone.step(latents, step, conditioning)
    return torch.stack(first), backbone.object_attention(latents, last, conditioning, objects, blocks).float()
