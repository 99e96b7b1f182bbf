"""Temporal quality: that alignment is not bought with flicker."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import fmean
from typing import ClassVar

from torch import Tensor

from ttom_pl.evaluation.metrics.base import VBENCH, VideoMean
from ttom_pl.evaluation.metrics.detections import Detections, coverage


def temporal_flickering(video: Tensor) -> float:
    """Return VBench's temporal flickering score, 1 − mean |x(t+1) − x(t)|, from 0 to 1, higher is steadier.

    VBench applies it to still scenes: motion lowers it as flicker does. Compare videos that ask for the same motion,
    or use :func:`temporal_consistency`.

    Args:
        video: shape (F, 3, H, W), values in [0, 1].

    Raises:
        ValueError: if there are fewer than 2 frames.
    """
    _check(video, 2)
    return 1 - _mean(abs(b - a) for a, b in pairwise(_frames(video)))


def temporal_consistency(video: Tensor) -> float:
    """Return 1 − mean |x(t) − (x(t−1) + x(t+1)) / 2|, from 0 to 1, higher is steadier.

    What changes at an even pace cancels out, so that a fade, or slow motion of soft edges, costs less than flicker of
    the same size.

    Args:
        video: shape (F, 3, H, W), values in [0, 1].

    Raises:
        ValueError: if there are fewer than 3 frames.
    """
    _check(video, 3)
    steps = pairwise(pairwise(_frames(video)))
    return 1 - _mean(abs(b - (a + c) / 2) for (a, b), (_, c) in steps)


def persistence(detections: Detections) -> float:
    """Return the fraction of the frames in which an object is seen, mean over the objects seen at all; 0 for none.

    Objects that vanish, pop up or change their looks (and with them their track) lower it.
    """
    tracks = [track for label in detections.labels for track in detections.tracks(label)]
    return sum(map(coverage, tracks)) / len(tracks) if tracks else 0.0


def _frames(video: Tensor) -> Iterator[Tensor]:
    """Yield the frames in double precision, one at a time: a long video is too big to be doubled at once."""
    return (frame.double() for frame in video)


def _mean(changes: Iterable[Tensor]) -> float:
    return fmean(float(change.mean()) for change in changes)


def _check(video: Tensor, least: int) -> None:
    if len(video) < least:
        raise ValueError(f"the video has {len(video)} frames; its change over time takes at least {least}")


class TemporalFlickering(VideoMean):
    """Mean :func:`temporal_flickering` over videos."""

    higher_is_better = True
    protocol: ClassVar[str] = VBENCH

    def update(self, video: Tensor) -> None:
        """Count a video, shape (F, 3, H, W) in [0, 1]."""
        self.add(temporal_flickering(video))


class TemporalConsistency(VideoMean):
    """Mean :func:`temporal_consistency` over videos."""

    higher_is_better = True

    def update(self, video: Tensor) -> None:
        """Count a video, shape (F, 3, H, W) in [0, 1]."""
        self.add(temporal_consistency(video))


class Persistence(VideoMean):
    """Mean :func:`persistence` over videos."""

    higher_is_better = True

    def update(self, detections: Detections) -> None:
        """Count a video."""
        self.add(persistence(detections))
