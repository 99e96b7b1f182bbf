"""The search for the spots of clusters in the frame: near where they are at home, and apart from each other."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from ttom_pl.planners.geometry.motions import Floats
from ttom_pl.planners.geometry.relations import GAP, Cluster, as_few_frames, gaps, refine
from ttom_pl.planners.geometry.search_cost import Work

MARGIN = 0.016
"""Least distance of a box from the edge of the frame."""
_WANTED_GAP = 0.15
_BEAM = 32
_SORT_WORK = 2
_FINENESS = 1e7
_NUDGES = np.array(list(product((0.0, 0.06, -0.06, 0.12, -0.12), repeat=2)))


def grid(cluster: Cluster, anchored: bool) -> Floats:
    """Return by how much a cluster can be shifted (S, 2): all over the frame, or a little where its place is given."""
    boxes = cluster.all_boxes
    low, high = boxes[..., :2].min((0, 1)), boxes[..., 2:].max((0, 1))
    slack = (1 - 2 * MARGIN - (high - low)) / 2
    if (slack < -1e-9).any():
        return np.zeros((0, 2))
    if anchored:
        inside = ((low + _NUDGES >= MARGIN / 2) & (high + _NUDGES <= 1 - MARGIN / 2)).all(1)
        nudges: Floats = _NUDGES[inside]
        return nudges
    pitch = 0.1 if len(boxes) <= 4 else 0.2
    axes = [s * np.linspace(-1, 1, 1 + 2 * int(np.ceil(max(s, 0) / pitch))) for s in slack]
    shifts: Floats = np.array(list(product(*axes))) + 0.5 - (low + high) / 2
    return shifts


def _distinct(shifts: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return shifts (S, 2) without repetitions, and for each of the shifts its place among them."""
    keys = np.rint(shifts * _FINENESS).astype(np.int64) @ np.array([1 << 31, 1])
    _, first, where = np.unique(keys, return_index=True, return_inverse=True)
    return shifts[first], where


def choose_spots(
    boxes: list[Floats], anchors: list[Floats], homes: list[Floats | None], work: Work
) -> tuple[float, list[Floats]] | None:
    """Place one cluster after the other, keeping the best placements so far.

    Args:
        boxes: for each of C clusters its boxes (n, K, 4).
        anchors: for each cluster the shifts (S, 2) to choose from.
        homes: where the middle of each cluster should be; ``None`` for one that should stay.
        work: what the search may still cost.

    Returns:
        The cost and C shifts, or ``None`` where the clusters get in each other's way.
    """
    fine = [refine(b) for b in boxes]
    middles = [(b[..., :2].min((0, 1)) + b[..., 2:].max((0, 1))) / 2 for b in boxes]
    chosen = np.zeros((1, 0), dtype=int)
    costs = np.zeros(1)
    for i, offsets in enumerate(anchors):
        order = 2e-3 * (i - (len(boxes) - 1) / 2)
        middle, home = middles[i], homes[i]
        away = 4 * (offsets**2).sum(1) if home is None else ((offsets + middle - home) ** 2).sum(1)
        total = costs[:, None] + away - order * offsets.sum(1)
        for j in range(i):
            shift = offsets[None] - anchors[j][chosen[:, j]][:, None]
            work.spend(_SORT_WORK * total.size)
            distinct, where = _distinct(np.round(shift.reshape(-1, 2), 9))
            few = as_few_frames(fine[i], fine[j])
            work.spend(len(distinct) * few[0].shape[0] * few[1].shape[0] * few[0].shape[1])
            gap = gaps(*few, distinct)
            cost = np.where(gap >= GAP - 1e-9, 4 * np.maximum(0, _WANTED_GAP - gap) ** 2, np.inf)
            total = total + cost[where].reshape(total.shape)
        best = np.argsort(np.round(total.ravel(), 9), kind="stable")[:_BEAM]
        best = best[np.isfinite(total.ravel()[best])]
        if not len(best):
            return None
        rows, columns = np.unravel_index(best, total.shape)
        chosen = np.column_stack([chosen[rows], columns])
        costs = total.ravel()[best]
    return float(costs[0]), [offsets[k] for offsets, k in zip(anchors, chosen[0], strict=True)]
