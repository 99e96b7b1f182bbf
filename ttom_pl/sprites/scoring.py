"""What a Sprites video shows against what its caption and its layout ask for."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ttom_pl.layout import Layout, interpolate_boxes
from ttom_pl.sprites.caption import parse_caption
from ttom_pl.sprites.detector import DetectedTrack, detect_tracks
from ttom_pl.sprites.world import MOTIONS, RELATIONS, SIZE, Group

MIN_TRAVEL = 4.0
"""Pixels from which a sprite counts as moving."""
MIN_COVERAGE = 0.5
"""Fraction of the frames in which an object must be seen to count."""


@dataclass(frozen=True)
class SpritesScores:
    """Scores of one video, each from 0 to 1.

    Attributes:
        color: objects asked for that are there in their colour.
        shape: objects that are there in their colour and shape.
        motion: objects that are there in their colour and move as asked.
        all_motions: 1 if every object moves as asked, else 0.
        count: 1 if there are exactly as many objects as asked for, else 0.
        relation: 1 if the relation asked for holds, else 0; ``None`` if there is none.
        correct: 1 if every colour, shape and motion, the count and the relation are right, else 0.
        layout_iou: intersection over union of each object's box with its layout box, mean over objects and frames.
        stability: mean over the detected tracks of the fraction of frames in which they are seen.
    """

    color: float
    shape: float
    motion: float
    all_motions: float
    count: float
    relation: float | None
    correct: float
    layout_iou: float
    stability: float

    def to_dict(self) -> dict[str, float]:
        """Return the scores that apply."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def score_video(video: Tensor, layout: Layout) -> SpritesScores:
    """Score a video against the caption ``layout.prompt`` and the boxes of ``layout``.

    Args:
        video: shape (F, 3, H, W) in [0, 1].
        layout: the layout; its tracks are in the order of the caption's objects.

    Raises:
        ValueError: if the prompt is not a caption of the Sprites grammar, or has another number of objects.
    """
    groups, relation = parse_caption(layout.prompt)
    wanted = [group for group in groups for _ in range(group.count)]
    if len(wanted) != len(layout.tracks):
        raise ValueError(
            f"{layout.prompt!r} asks for {len(wanted)} objects, its layout has {len(layout.tracks)} tracks; "
            "give one track per object"
        )
    tracks = detect_tracks(video)
    there = [track for track in tracks if track.coverage >= MIN_COVERAGE]
    boxes = interpolate_boxes(layout, len(video)).numpy()
    matches = _match(wanted, there, boxes)
    color = [m is not None for m in matches]
    shape = [m is not None and m.shape == g.shape for g, m in zip(wanted, matches, strict=True)]
    motion = [m is not None and moves(m, g.motion) for g, m in zip(wanted, matches, strict=True)]
    iou = [0.0 if m is None else float(_iou(m, b).mean()) for m, b in zip(matches, boxes, strict=True)]
    count = len(there) == len(wanted)
    holds = None if relation is None else _holds(relation, matches)
    return SpritesScores(
        color=float(np.mean(color)),
        shape=float(np.mean(shape)),
        motion=float(np.mean(motion)),
        all_motions=float(all(motion)),
        count=float(count),
        relation=None if holds is None else float(holds),
        correct=float(all(shape) and all(motion) and count and holds is not False),
        layout_iou=float(np.mean(iou)),
        stability=float(np.mean([track.coverage for track in tracks])) if tracks else 0.0,
    )


def moves(track: DetectedTrack, motion: str) -> bool:
    """Whether a track goes at least :data:`MIN_TRAVEL` in the direction of a motion and mostly along it (or stays)."""
    dx, dy = track.displacement
    ux, uy = MOTIONS[motion]
    if motion == "still":
        return max(abs(dx), abs(dy)) < MIN_TRAVEL
    along, across = dx * ux + dy * uy, abs(dx * uy) + abs(dy * ux)
    return along >= MIN_TRAVEL and across < along


def _match(wanted: list[Group], tracks: list[DetectedTrack], boxes: NDArray[np.float32]) -> list[DetectedTrack | None]:
    """Give each object asked for a track of its colour: first by shape, then by motion, then by overlap."""
    matches: list[DetectedTrack | None] = [None] * len(wanted)
    if not tracks:
        return matches
    cost = np.array([[_mismatch(g, t, b) for t in tracks] for g, b in zip(wanted, boxes, strict=True)])
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if tracks[column].color == wanted[row].color:
            matches[row] = tracks[column]
    return matches


def _mismatch(group: Group, track: DetectedTrack, boxes: NDArray[np.float32]) -> float:
    overlap = float(_iou(track, boxes).mean())
    return (
        100 * (track.color != group.color)
        + 4 * (track.shape != group.shape)
        + 2 * (not moves(track, group.motion))
        + (1 - overlap)
    )


def _iou(track: DetectedTrack, boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Intersection over union of a track's boxes with layout boxes (F, 4), per frame; 0 where the track is not seen."""
    values = np.zeros(len(boxes))
    for frame, (detection, box) in enumerate(zip(track.detections, boxes, strict=True)):
        if detection is None or np.isnan(box).any():
            continue
        seen = np.array(detection.box) / SIZE
        low, high = np.maximum(seen[:2], box[:2]), np.minimum(seen[2:], box[2:])
        shared = np.prod(np.clip(high - low, 0, None))
        values[frame] = shared / (np.prod(seen[2:] - seen[:2]) + np.prod(box[2:] - box[:2]) - shared)
    return values


def _holds(relation: str, matches: list[DetectedTrack | None]) -> bool:
    """Whether the first object's mean centre lies in the direction of the relation from the second's."""
    first, second = matches
    if first is None or second is None:
        return False
    (ax, ay), (bx, by) = (np.mean([d.center for d in track.seen], axis=0) for track in (first, second))
    dx, dy = RELATIONS[relation]
    return bool((ax - bx) * dx + (ay - by) * dy > abs((ax - bx) * dy) + abs((ay - by) * dx))
