"""Keys of the memory: the abstracted scene, and a vector that separates what text and layout separate."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.layout import Layout, gaussian_maps, interpolate_boxes

_KEY_FRAMES = 3
_KEY_GRID = 8
_KEY_TRACKS = 6


def abstract_scene(layout: Layout) -> str:
    """Return the prompt with each object's phrase replaced by ``<object_i>``: what is left when names are forgotten.

    Tracks of one phrase are one object. ``"a red circle moves left and a blue square moves up"`` becomes
    ``"<object_0> moves left and <object_1> moves up"``; a count stays, as it is part of the scene.
    """
    text = layout.prompt
    phrases = list(dict.fromkeys(track.phrase for track in layout.tracks))
    for number, phrase in enumerate(phrases):
        count = sum(track.phrase == phrase for track in layout.tracks)
        name = f"<object_{number}>" if count == 1 else f"{count} <object_{number}>"
        text = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", name, text, count=1, flags=re.IGNORECASE)
    if layout.background:
        text = re.sub(rf"(?<!\w){re.escape(layout.background)}(?!\w)", "<environment_0>", text, flags=re.IGNORECASE)
    return text


def layout_vector(layout: Layout) -> Tensor:
    """Return where the objects are as a unit vector: the Gaussians of each track on a coarse grid at a few times.

    The cosine of two such vectors is near 1 for the same boxes and near 0 for boxes that do not meet. It tells apart
    which object is where, in the order of the tracks; tracks beyond the sixth share slots with the first.

    Returns:
        float32 of shape (6 · 3 · 8 · 8,).
    """
    maps = gaussian_maps(interpolate_boxes(layout, _KEY_FRAMES), _KEY_GRID, _KEY_GRID).flatten(1)
    slots = torch.zeros(_KEY_TRACKS, maps.shape[1], dtype=maps.dtype)
    slots.index_add_(0, torch.arange(len(maps)) % _KEY_TRACKS, maps)
    return torch.nn.functional.normalize(slots.flatten(), dim=0).float()


def scene_key(
    layout: Layout, embed: Callable[[Sequence[str]], Tensor], text_weight: float = 0.5
) -> tuple[str, NDArray[np.float32]]:
    """Return the key of a layout as text and as a unit vector.

    The cosine of two keys is ``text_weight`` · cos(texts) + (1 - ``text_weight``) · cos(layouts).

    Args:
        layout: the layout, with its prompt.
        embed: texts to unit vectors, shape (N, D).
        text_weight: share of the text, from 0 to 1.

    Raises:
        ValueError: if ``text_weight`` is out of its range.
    """
    if not 0 <= text_weight <= 1:
        raise ValueError(f"text_weight is {text_weight}; it must be from 0 (layout alone) to 1 (text alone)")
    text = abstract_scene(layout)
    parts = [text_weight**0.5 * embed([text])[0], (1 - text_weight) ** 0.5 * layout_vector(layout)]
    key: NDArray[np.float32] = torch.cat(parts).numpy()
    return text, key
