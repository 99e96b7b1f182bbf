"""Attention maps small enough to keep in an entry, as JSON."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

_FRAMES = 6
_SIDE = 24


def pack_maps(maps: Tensor) -> dict[str, Any]:
    """Return the JSON form of attention maps, at most 6 frames of 24 × 24, a byte a cell.

    Args:
        maps: non-negative, shape (M, T, h, w).
    """
    frames = np.linspace(0, maps.shape[1] - 1, min(_FRAMES, maps.shape[1])).round().astype(int)
    size = (min(maps.shape[2], _SIDE), min(maps.shape[3], _SIDE))
    small = F.adaptive_avg_pool2d(maps.detach().float().cpu()[:, frames], size)
    peak = small.amax((-2, -1), keepdim=True).clamp_min(1e-12)
    cells = (small / peak * 255).round().byte().numpy()
    return {"shape": list(cells.shape), "uint8": base64.b64encode(cells.tobytes()).decode()}


def unpack_maps(data: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return the maps that :func:`pack_maps` packed, uint8 of shape (M, T, h, w); each frame's peak is 255.

    Raises:
        ValueError: if they are malformed.
    """
    try:
        cells = np.frombuffer(base64.b64decode(data["uint8"], validate=True), np.uint8)
        return cells.reshape([int(side) for side in data["shape"]])
    except (KeyError, TypeError) as error:
        raise ValueError(f"these are no attention maps of an entry: {error}") from error


__all__ = ["pack_maps", "unpack_maps"]
