"""What a detector is."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from ttom_pl.metrics.detections import Detections


class Detector(Protocol):
    """Finds named objects in videos and follows them from frame to frame."""

    def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
        """Return what a video shows of some phrases.

        Args:
            video: shape (F, 3, H, W), values in [0, 1].
            phrases: what to look for, e.g. ``["cat", "red car"]``; they are the labels of what is found.

        Raises:
            ValueError: if a phrase is nothing that the detector could find.
        """
