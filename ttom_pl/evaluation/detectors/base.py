"""What a detector is."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor

from ttom_pl.evaluation.metrics.detections import Detections


class Detector(ABC):
    """Finds named objects in videos and follows them from frame to frame.

    In YAML and on the command line the detectors of this package go by their class names (``class_path:
    SpritesDetector``), others by their path.
    """

    @abstractmethod
    def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
        """Return what a video shows of some phrases.

        Args:
            video: shape (F, 3, H, W), values in [0, 1].
            phrases: what to look for, e.g. ``["cat", "red car"]``; they are the labels of what is found.

        Raises:
            ValueError: if a phrase is nothing that the detector could find.
        """
