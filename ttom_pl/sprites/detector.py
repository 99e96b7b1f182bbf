"""Exact detector: pixels to coloured components, components to tracks."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ttom_pl.sprites.render import signed_distance
from ttom_pl.sprites.world import BACKGROUND, COLORS, SHAPES

MIN_AREA = 12
"""Pixels that a component must have; the smallest sprite has 24."""
_LINK_DISTANCE = 6.0
_COLOR_NAMES = list(COLORS)
_BACKGROUND = np.array(BACKGROUND, dtype=np.float32)
_COLORS = np.array(list(COLORS.values()), dtype=np.float32) - _BACKGROUND


@dataclass(frozen=True)
class Component:
    """One coloured component of one frame; lengths in pixels.

    Attributes:
        color: the palette colour nearest to its pixels.
        shape: the shape whose outline fits it best.
        area: number of pixels.
        center: centroid (x, y).
        box: (x0, y0, x1, y1) of its pixels' outer edges.
    """

    color: str
    shape: str
    area: int
    center: tuple[float, float]
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class DetectedTrack:
    """Detections of one object over time; ``None`` where it was not seen."""

    detections: tuple[Component | None, ...]

    @property
    def seen(self) -> list[Component]:
        """The detections that exist, in order."""
        return [d for d in self.detections if d is not None]

    @property
    def color(self) -> str:
        """The colour of the whole track (all its detections share it)."""
        return self.seen[0].color

    @property
    def shape(self) -> str:
        """The most frequent shape."""
        shapes = [d.shape for d in self.seen]
        return max(SHAPES, key=shapes.count)

    @property
    def displacement(self) -> tuple[float, float]:
        """Way (dx, dy) in pixels from the first to the last detection."""
        (x0, y0), (x1, y1) = self.seen[0].center, self.seen[-1].center
        return x1 - x0, y1 - y0

    @property
    def coverage(self) -> float:
        """Fraction of the frames in which it was seen."""
        return len(self.seen) / len(self.detections)


def detect(frame: NDArray[np.uint8]) -> list[Component]:
    """Find the coloured components of a frame.

    The inverse of the renderer: every pixel is a blend of the background and one colour of the palette; it belongs to
    the colour of the nearest such blend if that makes up at least half of it. 4-connected pixels of one colour make a
    component. Components under :data:`MIN_AREA` pixels are left out.

    Args:
        frame: sRGB pixels, shape (H, W, 3).
    """
    pixels = frame[:, :, None, :].astype(np.float32) - _BACKGROUND
    share = ((pixels * _COLORS).sum(-1) / (_COLORS**2).sum(-1)).clip(0, 1)
    nearest = ((pixels - share[..., None] * _COLORS) ** 2).sum(-1).argmin(-1)
    inside = np.take_along_axis(share, nearest[..., None], -1)[..., 0] >= 0.5
    detections = []
    for index, color in enumerate(_COLOR_NAMES):
        labels, _ = ndimage.label(inside & (nearest == index))
        for label, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
            mask = labels[rows, columns] == label
            area = int(mask.sum())
            if area < MIN_AREA:
                continue
            y, x = np.nonzero(mask)
            center = (float(x.mean()) + columns.start + 0.5, float(y.mean()) + rows.start + 0.5)
            box = (float(columns.start), float(rows.start), float(columns.stop), float(rows.stop))
            detections.append(Component(color, classify_shape(mask), area, center, box))
    return detections


def classify_shape(mask: NDArray[np.bool_]) -> str:
    """Return the shape whose outline, at its best radius and place, has the largest IoU with a mask (h, w)."""
    side = 16
    height, width = mask.shape
    if max(height, width) > side - 2:
        return "square" if mask.mean() > 0.85 else "circle" if mask.mean() > 0.62 else "triangle"
    templates, names = _templates(side)
    shifted = np.zeros((9, side, side), dtype=np.float32)
    top, left = (side - height) // 2 - 1, (side - width) // 2 - 1
    for place, canvas in enumerate(shifted):
        row, column = top + place // 3, left + place % 3
        canvas[row : row + height, column : column + width] = mask
    shared = templates @ shifted.reshape(9, -1).T
    overlap = shared / (templates.sum(1, keepdims=True) + mask.sum() - shared)
    return names[int(overlap.max(1).argmax())]


@cache
def _templates(side: int) -> tuple[NDArray[np.float32], list[str]]:
    """Masks of all shapes at radii from 2.5 to 6 pixels and at sub-pixel offsets, shape (N, side · side)."""
    axis = torch.arange(side) + 0.5 - side / 2
    masks, names = [], []
    for shape in SHAPES:
        for radius in np.arange(2.5, 6.25, 0.25):
            for ox in (0.0, 0.5):
                for oy in (0.0, 0.5):
                    distance = signed_distance(shape, axis[None, :] - ox, axis[:, None] - oy, float(radius))
                    masks.append((distance < 0).flatten().numpy())
                    names.append(shape)
    return np.stack(masks).astype(np.float32), names


def track(frames: list[list[Component]]) -> list[DetectedTrack]:
    """Link the detections of successive frames, nearest first, same colour, at most 6 pixels per frame apart."""
    tracks: list[list[Component | None]] = []
    for time, detections in enumerate(frames):
        free = set(range(len(detections)))
        if tracks and detections:
            cost = np.array([[_link_cost(links, d) for d in detections] for links in tracks])
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[row, column] < 1e3:
                    tracks[row].append(detections[column])
                    free.discard(int(column))
        for links in tracks:
            links.extend([None] * (time + 1 - len(links)))
        tracks.extend([*[None] * time, detections[column]] for column in sorted(free))
    return [DetectedTrack(tuple(links)) for links in tracks]


def _link_cost(links: list[Component | None], detection: Component) -> float:
    age, last = next((age, d) for age, d in enumerate(reversed(links), start=1) if d is not None)
    distance = float(np.hypot(detection.center[0] - last.center[0], detection.center[1] - last.center[1]))
    return distance if last.color == detection.color and distance <= _LINK_DISTANCE * age else 1e6


def detect_tracks(video: Tensor) -> list[DetectedTrack]:
    """Find the objects of a video.

    Args:
        video: shape (F, 3, H, W), values in [0, 1].
    """
    pixels = (video.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return track([detect(frame) for frame in pixels])
