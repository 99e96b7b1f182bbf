"""Motion binding: whether objects move where the prompt says."""

from collections.abc import Sequence
from typing import ClassVar, Literal, get_args

from ttom_pl.evaluation.metrics.base import T2V_COMPBENCH, VideoMean
from ttom_pl.evaluation.metrics.detections import Detection, Detections, coverage

Direction = Literal["left", "right", "up", "down"]
_SIGNS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
_LEAST_COVERAGE = 0.5


def net_displacement(track: Sequence[Detection | None], detections: Detections) -> tuple[float, float]:
    """Return an object's way from where it is first to where it is last seen, less that of the background.

    Args:
        track: a detection a frame, ``None`` where the object is not seen.
        detections: what it is from, with the background's displacement.

    Returns:
        (dx, dy) as fractions of the frame.

    Raises:
        ValueError: if the background was not measured.
    """
    if detections.background is None:
        raise ValueError(
            "motion is measured against the background, and the detector did not measure that; "
            "give Detections.background, (0, 0) a frame for a fixed camera"
        )
    seen = [(time, detection.center) for time, detection in enumerate(track) if detection is not None]
    (first, (x0, y0)), (last, (x1, y1)) = seen[0], seen[-1]
    (bx0, by0), (bx1, by1) = detections.background[first], detections.background[last]
    return (x1 - x0) - (bx1 - bx0), (y1 - y0) - (by1 - by0)


def motion_binding(detections: Detections, motions: Sequence[tuple[str, str]]) -> float:
    """Return the motion binding score of a video, from 0 to 1.

    An object scores 0 where it is not detected, else 0.2 + 0.8·s; s is its net displacement against the background in
    the direction asked for, over the frame's width or height, from 0 to 1. Objects count the same (T2V-CompBench v2).
    Of a label with several objects the mean displacement counts, over those seen in at least half of the frames, or
    the one seen longest.

    Args:
        detections: what was seen, the background's displacement with it.
        motions: label and direction (left, right, up, down) of each object.

    Raises:
        ValueError: if there are no motions, a direction is unknown, or the background was not measured.
    """
    if not motions:
        raise ValueError("motion binding needs at least one object and its direction")
    return sum(_score(detections, label, direction) for label, direction in motions) / len(motions)


def _score(detections: Detections, label: str, direction: str) -> float:
    if direction not in _SIGNS:
        raise ValueError(f"the direction of {label!r} is {direction!r}; it must be one of {get_args(Direction)}")
    tracks = detections.tracks(label)
    if not tracks:
        return 0.0
    ux, uy = _SIGNS[direction]
    counting = [track for track in tracks if coverage(track) >= _LEAST_COVERAGE] or [max(tracks, key=coverage)]
    ways = [net_displacement(track, detections) for track in counting]
    along = sum(dx * ux + dy * uy for dx, dy in ways) / len(ways)
    return 0.2 + 0.8 * min(max(along, 0.0), 1.0)


class MotionBinding(VideoMean):
    """Mean :func:`motion_binding` over videos."""

    higher_is_better = True
    protocol: ClassVar[str] = T2V_COMPBENCH

    def update(self, detections: Detections, motions: Sequence[tuple[str, str]]) -> None:
        """Count a video; see :func:`motion_binding`."""
        self.add(motion_binding(detections, motions))
