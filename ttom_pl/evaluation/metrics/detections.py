"""What a detector saw in a video, in the one form that all metrics take."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ttom_pl.layout.schema import Box

Displacement = tuple[float, float]
"""(dx, dy) as fractions of the frame's width and height, x to the right and y downwards."""


@dataclass(frozen=True)
class Detection:
    """One object in one frame.

    Attributes:
        label: the phrase that it answers, as it was asked for.
        box: (x0, y0, x1, y1) as fractions of the frame.
        score: the detector's confidence, from 0 to 1.
        track: number of the object in the video; detections of one object share it.
        mask: its pixels, shape (H, W); ``None`` where the detector makes none.
    """

    label: str
    box: Box
    score: float = 1.0
    track: int = 0
    mask: NDArray[np.bool_] | None = field(default=None, compare=False, repr=False)

    @property
    def center(self) -> Displacement:
        """Centroid (x, y) of its mask, or where there is none the centre of its box; fractions of the frame."""
        if self.mask is not None and self.mask.any():
            rows, columns = np.nonzero(self.mask)
            return (columns.mean() + 0.5) / self.mask.shape[1], (rows.mean() + 0.5) / self.mask.shape[0]
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


@dataclass(frozen=True)
class Detections:
    """All that a detector saw in F frames.

    Attributes:
        frames: the detections of each frame.
        background: for each frame how far the background has moved since the first one; zeros for a fixed camera,
            ``None`` where it was not measured.

    Raises:
        ValueError: if there is no frame, or if ``background`` does not have one displacement a frame.
    """

    frames: tuple[tuple[Detection, ...], ...]
    background: tuple[Displacement, ...] | None = None

    def __post_init__(self) -> None:
        if not self.frames:
            raise ValueError("there are detections of no frame; a video has at least one")
        if self.background is not None and len(self.background) != len(self.frames):
            raise ValueError(
                f"the background has {len(self.background)} displacements for {len(self.frames)} frames; give one each"
            )

    def __len__(self) -> int:
        return len(self.frames)

    def sample(self, num_frames: int) -> "Detections":
        """Return at most ``num_frames`` evenly spaced frames, the first and the last among them."""
        if len(self) <= num_frames:
            return self
        chosen = evenly(len(self), num_frames)
        background = None if self.background is None else tuple(self.background[i] for i in chosen)
        return replace(self, frames=tuple(self.frames[i] for i in chosen), background=background)

    def tracks(self, label: str) -> list[list[Detection | None]]:
        """Return the objects of a label, each with a detection a frame, ``None`` where it was not seen."""
        tracks: dict[int, list[Detection | None]] = {}
        for time, detections in enumerate(self.frames):
            for detection in detections:
                if detection.label == label:
                    tracks.setdefault(detection.track, [None] * len(self))[time] = detection
        return list(tracks.values())

    @property
    def labels(self) -> list[str]:
        """The labels that were seen, in the order in which they first appear."""
        return list(dict.fromkeys(detection.label for detections in self.frames for detection in detections))


def evenly(length: int, number: int) -> list[int]:
    """Return at most ``number`` evenly spaced frames of a video of some length, the first and the last among them."""
    chosen: list[int] = np.linspace(0, length - 1, min(number, length)).round().astype(int).tolist()
    return chosen


def box_iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes; 0 where both are empty."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = _area(a) + _area(b) - shared
    return shared / union if union > 0 else 0.0


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def coverage(track: Sequence[Detection | None]) -> float:
    """Return the fraction of the frames in which an object is seen."""
    return sum(detection is not None for detection in track) / len(track)
