"""Layout mIoU: whether objects are where the layout puts them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ttom_pl.evaluation.metrics.base import VideoMean
from ttom_pl.evaluation.metrics.detections import Detection, Detections, box_iou
from ttom_pl.layout import Layout, interpolate_boxes


def layout_miou(detections: Detections, layout: Layout, labels: Sequence[str] = ()) -> float:
    """Return the mean IoU of detected boxes with those of a layout, over objects and frames, from 0 to 1.

    Tracks of the layout are matched with detected tracks of the same label, one to one, so that the sum of their IoU
    is greatest. Frames in which the layout has no box for an object do not count; those in which an object is not seen
    count 0.

    Args:
        detections: what was seen, over the whole video.
        layout: where the objects should be.
        labels: label of each track of the layout; its phrases when not given.

    Raises:
        ValueError: if there is not one label for each track.
    """
    labels = list(labels) or [track.phrase for track in layout.tracks]
    if len(labels) != len(layout.tracks):
        raise ValueError(f"{len(labels)} labels for the {len(layout.tracks)} tracks of the layout; give one each")
    wanted = interpolate_boxes(layout, len(detections)).double().numpy()
    scores = np.zeros(len(labels))
    for label in dict.fromkeys(labels):
        rows = [row for row, name in enumerate(labels) if name == label]
        seen = detections.tracks(label)
        if seen:
            iou = np.array([[_iou(track, wanted[row]) for track in seen] for row in rows])
            for row, column in zip(*linear_sum_assignment(iou, maximize=True), strict=True):
                scores[rows[row]] = iou[row, column]
    return float(scores.mean())


def _iou(track: Sequence[Detection | None], boxes: NDArray[np.float64]) -> float:
    """Return the mean IoU of a detected track with the boxes (F, 4) of a layout's, over the frames that have one."""
    shared = [
        0.0 if detection is None else box_iou(detection.box, (x0, y0, x1, y1))
        for detection, (x0, y0, x1, y1) in zip(track, boxes.tolist(), strict=True)
        if not math.isnan(x0)
    ]
    return float(np.mean(shared)) if shared else 0.0


class LayoutMIoU(VideoMean):
    """Mean :func:`layout_miou` over videos (layout mIoU)."""

    higher_is_better = True

    def update(self, detections: Detections, layout: Layout, labels: Sequence[str] = ()) -> None:
        """Count a video; see :func:`layout_miou`."""
        self.add(layout_miou(detections, layout, labels))
