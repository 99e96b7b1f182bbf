"""Generative numeracy: whether there are as many objects as the prompt says."""

from collections.abc import Mapping
from typing import ClassVar

from ttom_pl.evaluation.metrics.base import T2V_COMPBENCH, VideoMean
from ttom_pl.evaluation.metrics.detections import Detections

NUM_FRAMES = 16
"""Evenly spaced frames that T2V-CompBench looks at."""


def generative_numeracy(detections: Detections, counts: Mapping[str, int]) -> float:
    """Return the generative numeracy score of a video, from 0 to 1.

    In each frame the share of the labels whose number is exact (1 of one label, 0.5 for each of two), mean over 16
    frames (T2V-CompBench v2), or over all frames of a shorter video.

    Args:
        detections: what was seen.
        counts: how many there must be of each label.

    Raises:
        ValueError: if there are no counts.
    """
    if not counts:
        raise ValueError("generative numeracy needs at least one label and its number")
    frames = detections.sample(NUM_FRAMES).frames
    exact = sum(
        sum(detection.label == label for detection in frame) == number
        for frame in frames
        for label, number in counts.items()
    )
    return exact / (len(frames) * len(counts))


class GenerativeNumeracy(VideoMean):
    """Mean :func:`generative_numeracy` over videos."""

    higher_is_better = True
    protocol: ClassVar[str] = T2V_COMPBENCH

    def update(self, detections: Detections, counts: Mapping[str, int]) -> None:
        """Count a video; see :func:`generative_numeracy`."""
        self.add(generative_numeracy(detections, counts))
