"""Detections of single frames linked to tracks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from ttom_pl.evaluation.metrics.detections import Detection, box_iou

_REACH = 0.15
_PATIENCE = 3
_NEVER = 1e6


def link(frames: Sequence[Sequence[Detection]]) -> tuple[tuple[Detection, ...], ...]:
    """Number the tracks of detections: those of a label in successive frames belong together, nearest first.

    An object may go 0.15 of the frame from one frame to the next, and may be missed in two frames between.

    Args:
        frames: the detections of each frame; their tracks are not looked at.
    """
    last: list[tuple[int, Detection]] = []
    linked = []
    for time, detections in enumerate(frames):
        cost = np.array([[_cost(time - seen, old, new) for new in detections] for seen, old in last])
        numbers: dict[int, int] = {}
        if cost.size:
            for row, column in zip(*linear_sum_assignment(cost), strict=True):
                if cost[row, column] < _NEVER:
                    numbers[int(column)] = int(row)
        frame = []
        for place, detection in enumerate(detections):
            number = numbers.get(place, len(last))
            numbered = replace(detection, track=number)
            if number == len(last):
                last.append((time, numbered))
            last[number] = (time, numbered)
            frame.append(numbered)
        linked.append(tuple(frame))
    return tuple(linked)


def _cost(age: int, old: Detection, new: Detection) -> float:
    (ax, ay), (bx, by) = old.center, new.center
    distance = float(np.hypot(bx - ax, by - ay))
    if old.label != new.label or age > _PATIENCE or distance > _REACH * age:
        return _NEVER
    return distance + 1 - box_iou(old.box, new.box)


def suppress(detections: Sequence[Detection], threshold: float) -> list[Detection]:
    """Return the detections of a frame without those that overlap a more confident one of the same label.

    Args:
        detections: the detections.
        threshold: IoU above which two boxes are one object.
    """
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda candidate: -candidate.score):
        if all(detection.label != other.label or box_iou(detection.box, other.box) <= threshold for other in kept):
            kept.append(detection)
    return kept
