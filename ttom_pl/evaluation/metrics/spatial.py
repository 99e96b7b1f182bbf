"""Spatial relationships in the image plane: whether one object is where the prompt says, seen from another."""

from typing import ClassVar

from ttom_pl.evaluation.metrics.base import T2V_COMPBENCH, VideoMean
from ttom_pl.evaluation.metrics.detections import Detection, Detections, box_iou
from ttom_pl.evaluation.metrics.numeracy import NUM_FRAMES

RELATIONS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}
"""Relations "first R second", and the direction from the second object to the first."""


def spatial_relationship(detections: Detections, first: str, relation: str, second: str) -> float:
    """Return the 2D spatial relationship score of a video, from 0 to 1.

    In each frame 0 where both objects are missing, 0.2 where one is, 0.4 where the relation does not hold, else
    0.4 + 0.6·(1 − IoU) of their boxes; mean over 16 frames (T2V-CompBench v2), or over all of a shorter video. Of each
    label the most confident detection counts. The relation holds where the first centre lies in its direction from
    the second, and further along it than across.

    Args:
        detections: what was seen.
        first: label of the object that stands in the relation.
        relation: left, right, above or below.
        second: label of the object to which it does.

    Raises:
        ValueError: if the relation is unknown.
    """
    if relation not in RELATIONS:
        raise ValueError(f"the relation is {relation!r}; in the image plane there are {', '.join(RELATIONS)}")
    frames = detections.sample(NUM_FRAMES).frames
    return sum(_frame_score(frame, first, RELATIONS[relation], second) for frame in frames) / len(frames)


def _frame_score(frame: tuple[Detection, ...], first: str, direction: tuple[int, int], second: str) -> float:
    a = _best(frame, first)
    b = _best([other for other in frame if other is not a and (a is None or other.box != a.box)], second)
    if a is None or b is None:
        return 0.0 if a is b else 0.2
    (ax, ay), (bx, by), (ux, uy) = _center(a), _center(b), direction
    along, across = (ax - bx) * ux + (ay - by) * uy, abs((ax - bx) * uy) + abs((ay - by) * ux)
    return 0.4 + 0.6 * (1 - box_iou(a.box, b.box)) if along > across else 0.4


def _best(frame: tuple[Detection, ...] | list[Detection], label: str) -> Detection | None:
    return max(
        (detection for detection in frame if detection.label == label),
        key=lambda detection: detection.score,
        default=None,
    )


def _center(detection: Detection) -> tuple[float, float]:
    x0, y0, x1, y1 = detection.box
    return (x0 + x1) / 2, (y0 + y1) / 2


class SpatialRelationship(VideoMean):
    """Mean :func:`spatial_relationship` over videos."""

    higher_is_better = True
    protocol: ClassVar[str] = T2V_COMPBENCH

    def update(self, detections: Detections, first: str, relation: str, second: str) -> None:
        """Count a video; see :func:`spatial_relationship`."""
        self.add(spatial_relationship(detections, first, relation, second))
