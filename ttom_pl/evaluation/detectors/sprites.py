"""The exact detector of Sprites videos, in the form of all detectors."""

import re
from collections.abc import Sequence
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor

from ttom_pl.evaluation.detectors.base import Detector
from ttom_pl.evaluation.metrics.detections import Detection, Detections
from ttom_pl.sprites.detector import DetectedTrack, detect_tracks
from ttom_pl.sprites.world import COLORS, SHAPES, SIZE

By = Literal["look", "color", "closest"]
_LEAST_COVERAGE = 0.5


class SpritesDetector(Detector):
    """Reads coloured shapes back from the pixels of a Sprites video; its background never moves.

    Videos that were enlarged are brought back to the size of the Sprites world first. An object answers a phrase if
    it has a colour and a shape that the phrase names, or any where it names none: "two red circles" asks for red
    circles, "squares" for squares of all colours.

    Args:
        by: what tells objects apart: their whole ``look``, or their ``color`` alone where a phrase names one, so that a
            shape drawn wrongly is no missing object and motion is scored apart from shape; with ``closest`` these are
            of the right shape unless there are none, and are seen in at least half of the frames.

    Raises:
        ValueError: if ``by`` is none of these.
    """

    def __init__(self, by: By = "look") -> None:
        if by not in get_args(By):
            raise ValueError(f"by is {by!r}; it must be one of {', '.join(get_args(By))}")
        self.by = by

    def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
        """Return the shapes that the phrases name; see :class:`~ttom_pl.evaluation.detectors.Detector`."""
        wanted = {phrase: _looks(phrase) for phrase in phrases}
        if video.shape[2:] != (SIZE, SIZE):
            video = F.interpolate(video.float(), (SIZE, SIZE), mode="area")
        frames: list[list[Detection]] = [[] for _ in range(len(video))]
        tracks = list(enumerate(detect_tracks(video)))
        for phrase, (colors, shapes) in wanted.items():
            for number, track in self._answer(tracks, colors, shapes):
                _add(frames, track, phrase, number)
        return Detections(tuple(map(tuple, frames)), ((0.0, 0.0),) * len(frames))

    def _answer(
        self, tracks: Sequence[tuple[int, DetectedTrack]], colors: set[str], shapes: set[str]
    ) -> list[tuple[int, DetectedTrack]]:
        """Return the numbered tracks that answer a phrase which allows some colours and shapes."""
        colored = [numbered for numbered in tracks if numbered[1].color in colors]
        if self.by == "closest":
            colored = [numbered for numbered in colored if numbered[1].coverage >= _LEAST_COVERAGE]
        shaped = [numbered for numbered in colored if numbered[1].shape in shapes]
        if self.by == "look" or colors == set(COLORS):
            return shaped
        return colored if self.by == "color" else shaped or colored


def _looks(phrase: str) -> tuple[set[str], set[str]]:
    """Return the colours and the shapes that a phrase allows."""
    words = {word.removesuffix("s") for word in re.findall(r"\w+", phrase.lower())}
    colors, shapes = words & set(COLORS), words & set(SHAPES)
    if not colors and not shapes:
        raise ValueError(
            f"{phrase!r} names no colour or shape of the Sprites world; "
            f"use a detector for real video, or name {', '.join(COLORS)} or {', '.join(SHAPES)}"
        )
    return colors or set(COLORS), shapes or set(SHAPES)


def _add(frames: list[list[Detection]], track: DetectedTrack, phrase: str, number: int) -> None:
    for frame, seen in zip(frames, track.detections, strict=True):
        if seen is not None:
            x0, y0, x1, y1 = (side / SIZE for side in seen.box)
            frame.append(Detection(phrase, (x0, y0, x1, y1), track=number))
