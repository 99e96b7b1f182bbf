"""Layouts as tensors: boxes between keyframes, and the maps that attention should look like."""

import numpy as np
import torch
from torch import Tensor

from ttom_pl.layout.schema import Layout, Track


def interpolate_boxes(layout: Layout, num_frames: int) -> Tensor:
    """Return the boxes at evenly spaced frames, linear between the keyframes where the object is present.

    The first and last keyframe are the first and last frame. Between a keyframe where the object is present and one
    where it is absent, the object keeps its last (first) box up to half of the way and is absent beyond.

    Args:
        layout: the layout, with K keyframes.
        num_frames: number of frames F.

    Returns:
        Boxes of shape (N, F, 4), (x0, y0, x1, y1) as fractions; NaN where the object is absent.
    """
    at = np.linspace(0, layout.num_keyframes - 1, num_frames)
    nearest = np.floor(at + 0.5).astype(int)
    tracks = []
    for track in layout.tracks:
        present = [k for k, box in enumerate(track.boxes) if box is not None]
        known = np.array([track.boxes[k] for k in present])
        boxes = np.stack([np.interp(at, present, known[:, side]) for side in range(4)], axis=-1)
        boxes[~np.isin(nearest, present)] = np.nan
        tracks.append(boxes)
    return torch.from_numpy(np.stack(tracks)).float()


def gaussian_maps(boxes: Tensor, height: int, width: int) -> Tensor:
    """Return Gaussians centred on the boxes with a standard deviation of a quarter of the side (TTOM).

    Args:
        boxes: (..., 4) as fractions of the frame, NaN where absent.
        height: rows h of the grid.
        width: columns w of the grid.

    Returns:
        Maps of shape (..., h, w), peak at most 1, evaluated at the centres of the cells; zero where absent.
    """
    x0, y0, x1, y1 = boxes.double().unbind(-1)
    x = (torch.arange(width, device=boxes.device) + 0.5) / width
    y = (torch.arange(height, device=boxes.device) + 0.5) / height
    # A quarter of a cell at least, so that a tiny box between two centres is not lost.
    sigma_x, sigma_y = ((x1 - x0) / 4).clamp_min(0.25 / width), ((y1 - y0) / 4).clamp_min(0.25 / height)
    along_x = torch.exp(-0.5 * ((x - ((x0 + x1) / 2)[..., None]) / sigma_x[..., None]) ** 2)
    along_y = torch.exp(-0.5 * ((y - ((y0 + y1) / 2)[..., None]) / sigma_y[..., None]) ** 2)
    return (along_y[..., :, None] * along_x[..., None, :]).nan_to_num(0.0)


def object_tracks(layout: Layout) -> list[list[int]]:
    """Return the places of each object's tracks: those of the same phrase and words are one object."""
    objects: dict[tuple[object, ...], list[int]] = {}
    for index, track in enumerate(layout.tracks):
        objects.setdefault((track.phrase, track.words, track.spans), []).append(index)
    return list(objects.values())


def object_targets(layout: Layout, grid: tuple[int, int, int]) -> tuple[list[Track], Tensor]:
    """Return the objects of a layout and the distribution over the frame that the attention to each should follow.

    Tracks of the same phrase and words are one object (three triangles share the word "triangles"): their Gaussians
    are summed before normalisation (TTOM).

    Args:
        layout: the layout.
        grid: frames, rows and columns (T, h, w) of the attention grid.

    Returns:
        One track of each of the M objects, and float32 targets of shape (M, T, h, w): each frame sums to 1, or is all
        zero where the object is absent.
    """
    frames, height, width = grid
    maps = gaussian_maps(interpolate_boxes(layout, frames), height, width)
    objects = object_tracks(layout)
    summed = torch.stack([maps[members].sum(0) for members in objects])
    total = summed.sum((-2, -1), keepdim=True)
    targets = torch.where(total > 0, summed / total, 0.0).float()
    return [layout.tracks[members[0]] for members in objects], targets


def inside_maps(layout: Layout, grid: tuple[int, int, int]) -> Tensor:
    """Return which cells lie in the boxes of each object, bool of shape (M, T, h, w), objects as in object_targets.

    A cell counts if its centre is in a box; a box that is smaller than a cell is widened to one.

    Args:
        layout: the layout.
        grid: frames, rows and columns (T, h, w) of the attention grid.
    """
    frames, height, width = grid
    x0, y0, x1, y1 = interpolate_boxes(layout, frames).unbind(-1)
    along_x = _along((x0 + x1) / 2, x1 - x0, width)
    along_y = _along((y0 + y1) / 2, y1 - y0, height)
    inside = along_y[..., :, None] & along_x[..., None, :]
    return torch.stack([inside[members].any(0) for members in object_tracks(layout)])


def _along(centre: Tensor, side: Tensor, cells: int) -> Tensor:
    """Return which of the cells along an axis have their centres within a side; none where it is NaN."""
    at = (torch.arange(cells) + 0.5) / cells
    return (at - centre[..., None]).abs() <= side.clamp_min(1 / cells)[..., None] / 2
