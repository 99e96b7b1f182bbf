"""The probe: which blocks of a model attend to an object where the object comes to be."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.backbones import Backbone
from ttom_pl.evaluation.detectors import Detector
from ttom_pl.evaluation.expectation import object_name
from ttom_pl.evaluation.metrics.detections import Detections
from ttom_pl.layout import Layout, Track, object_tracks
from ttom_pl.probe.result import ProbeResult
from ttom_pl.probe.scores import attention_auc, attention_iou, box_cells, chance_iou


def probe(
    backbone: Backbone,
    layouts: Sequence[Layout],
    detector: Detector,
    steps: int,
    seed: int = 0,
    images: Sequence[Path | None] = (),
    progress: Callable[[Sequence[Layout]], Iterable[Layout]] = lambda layouts: layouts,
) -> ProbeResult:
    """Make each prompt's video with the plain model, read the attention of all blocks on the way, and compare.

    Prompt i gets the noise of ``seed + i``. Where the layout wants the objects does not matter: the maps are compared
    with where the detector sees them in the video that the model makes by itself.

    Args:
        backbone: the model, without an adapter.
        layouts: the prompts with their objects.
        detector: finds the objects in the videos, by the names that
            :func:`ttom_pl.evaluation.expectation.object_name` gives them.
        steps: denoising steps to measure, from the first on: the guided ones.
        seed: seed of the first prompt's noise.
        images: for each prompt the image that its video starts from, where the model wants one.
        progress: wraps the layouts, e.g. in a progress bar.

    Raises:
        ValueError: if ``steps`` is out of range, an image does not suit the model, a word is not among a prompt's
            tokens, the detector does not know an object, or no object is seen at all.
    """
    images = images or [None] * len(layouts)
    objects = objects_to_probe(backbone, layouts, steps, images)
    iou, auc, chance, seen = [], [], [], 0
    for number, layout in enumerate(progress(layouts)):
        maps, video = _watch(backbone, layout, images[number], objects[number], steps, seed + number)
        names = [object_name(track) for track in _shown(layout)]
        seen_in = detector.detect(video, list(dict.fromkeys(names)))
        cells = _cells(seen_in, names, backbone.grid).to(maps.device)
        iou.append(over_objects(attention_iou(maps, cells)))
        auc.append(over_objects(attention_auc(maps, cells)))
        chance.append(float(chance_iou(cells).nanmean()))
        seen += int(cells.flatten(1).any(1).sum())
    if not seen:
        raise ValueError(
            f"the detector saw none of the objects of {len(layouts)} prompts in the plain model's videos; "
            "look at the videos, or try another detector or other prompts"
        )
    return ProbeResult(
        iou=np.stack(iou),
        auc=np.stack(auc),
        chance=float(np.nanmean(chance)),
        objects=sum(map(len, objects)),
        seen=seen,
        fingerprint=backbone.fingerprint,
    )


def objects_to_probe(
    backbone: Backbone, layouts: Sequence[Layout], steps: int, images: Sequence[Path | None]
) -> list[list[list[int]]]:
    """Return, for each prompt, the token positions of its objects.

    Raises:
        ValueError: if ``steps`` is out of range, there is no prompt, an image does not suit the model, or a word is not
            among a prompt's tokens.
    """
    if not 1 <= steps <= backbone.max_guided_steps:
        raise ValueError(
            f"steps is {steps}; it must be from 1 to the {backbone.max_guided_steps} denoising steps that can be guided"
        )
    if not layouts:
        raise ValueError("there is no prompt to probe with; give at least one")
    for image in images:
        backbone.check_image(image)
    return [
        [backbone.token_positions(layout.prompt, track.words, track.spans) for track in _shown(layout)]
        for layout in layouts
    ]


def _shown(layout: Layout) -> list[Track]:
    """Return a track of each object."""
    return [layout.tracks[members[0]] for members in object_tracks(layout)]


@torch.no_grad()
def _watch(
    backbone: Backbone, layout: Layout, image: Path | None, objects: Sequence[Sequence[int]], steps: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return the attention, shape (steps, blocks, M, T, h, w), and the video."""
    conditioning, latents = backbone.encode(layout.prompt, image), backbone.start(seed)
    blocks, maps = range(backbone.num_blocks), []
    for step in range(backbone.num_steps):
        if step < steps:
            maps.append(backbone.object_attention(latents, step, conditioning, objects, blocks).float())
        latents = backbone.step(latents, step, conditioning)
    return torch.stack(maps), backbone.decode(latents)


def _cells(detections: Detections, names: Sequence[str], grid: tuple[int, int, int]) -> Tensor:
    """Return the cells of each object at the frames of the grid, shape (M, T, h, w)."""
    count, height, width = grid
    chosen = np.linspace(0, len(detections) - 1, count).round().astype(int)
    objects = []
    for name in names:
        frames = (
            [detection.box for detection in detections.frames[index] if detection.label == name] for index in chosen
        )
        boxes = (torch.tensor(frame, dtype=torch.float64).reshape(-1, 4) for frame in frames)
        objects.append(torch.stack([box_cells(corners, height, width).any(0) for corners in boxes]))
    return torch.stack(objects)


def over_objects(values: Tensor) -> NDArray[np.float64]:
    """Return the mean over objects and frames of values (steps, blocks, M, T): (steps, blocks)."""
    return values.flatten(2).nanmean(-1).double().cpu().numpy()
