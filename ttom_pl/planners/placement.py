"""Where to put moving objects so that all stay in the frame and none touches another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ttom_pl.planners.motions import Motion, path

Floats = NDArray[np.float64]

MARGIN = 0.016
"""Least distance of a box from the edge of the frame."""
GAP = 0.05
"""Least distance between the boxes of two objects that must not touch."""
_WANTED_GAP = 0.15
_SPACING = 0.07
_BEAM = 32
_FINE = 4
_SHRINK = (
    (1.0, 1.0),
    (1.0, 0.87),
    (0.87, 0.87),
    (0.75, 0.8),
    (0.62, 0.75),
    (0.5, 0.7),
    (0.4, 0.65),
    (0.3, 0.6),
    (0.2, 0.6),
)


@dataclass(frozen=True)
class Body:
    """Objects that move as one: ``count`` boxes of one ``size``, all with the same ``motion``."""

    motion: Motion = Motion()
    count: int = 1
    size: tuple[float, float] = (0.25, 0.25)


@dataclass(frozen=True)
class Relation:
    """Body ``first`` stands in a relation (``"left"``, ``"right"``, ``"above"``, ``"below"``) to body ``second``."""

    kind: str
    first: int
    second: int


class NoRoom(ValueError):
    """The objects do not fit into the frame."""


def arrange(
    bodies: Sequence[Body], relations: Sequence[Relation], num_keyframes: int, displacement: float
) -> list[Floats]:
    """Place the bodies: near the middle, apart from each other, in their relations, and in the frame throughout.

    Objects are made smaller and ways shorter, step by step, only where there is no room otherwise.

    Args:
        bodies: what to place.
        relations: relations between them.
        num_keyframes: number of keyframes K.
        displacement: length of a move, as a fraction of the frame.

    Returns:
        For each body its boxes (count, K, 4).

    Raises:
        NoRoom: if they do not fit at the smallest size.
    """
    for shrink, shorten in _SHRINK:
        best = min(
            (
                found
                for shapes in product(*(list(_formations(body)) for body in bodies))
                if (found := _place(bodies, shapes, relations, num_keyframes, displacement * shorten, shrink))
                is not None
            ),
            key=lambda found: round(found[0], 9),
            default=None,
        )
        if best is not None:
            return best[1]
    raise NoRoom(f"no room for {sum(body.count for body in bodies)} objects; ask for fewer, or make them smaller")


def _formations(body: Body) -> Iterator[tuple[int, int, float]]:
    """Yield the ways to stand, (rows, columns, cost), those across the motion first."""
    n = body.count
    moves = body.motion.moves
    sideways = bool(moves) and all(dx != 0 and dy == 0 for dx, dy in moves)
    shapes = {(-(-n // columns), columns) for columns in range(1, n + 1)}
    if n > 3:
        shapes -= {(1, n), (n, 1)}
    for rows, columns in sorted(shapes):
        lines = columns if sideways else rows
        yield rows, columns, 0.1 * (lines - 1) + 0.02 * (rows * columns - n)


def _slots(rows: int, columns: int, count: int, size: tuple[float, float]) -> Floats:
    """Return the centres (count, 2) of a formation, relative to its middle; the last row is centred."""
    pitch = np.array(size) + _SPACING
    slots = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        slots.append((column - (in_row - 1) / 2, row - (rows - 1) / 2))
    return np.array(slots) * pitch


def _place(
    bodies: Sequence[Body],
    shapes: Sequence[tuple[int, int, float]],
    relations: Sequence[Relation],
    num_keyframes: int,
    displacement: float,
    shrink: float,
) -> tuple[float, list[Floats]] | None:
    """Return the best placement at one size and its cost; ``None`` where there is none."""
    boxes, anchors = [], []
    for body, (rows, columns, _) in zip(bodies, shapes, strict=True):
        size = (body.size[0] * shrink, body.size[1] * shrink)
        centers, scales = path(body.motion, num_keyframes, displacement)
        centers = _slots(rows, columns, body.count, size)[:, None] + centers
        half = scales[:, None] * np.array(size) / 2
        swept = np.concatenate([centers - half, centers + half], axis=-1)
        low, high = swept[..., :2].min((0, 1)), swept[..., 2:].max((0, 1))
        if body.motion.places:
            swept = np.concatenate([np.clip(swept[..., :2], 0, 1), np.clip(swept[..., 2:], 0, 1)], axis=-1)
            anchors.append(np.zeros((1, 2)))
        else:
            swept = swept - np.tile((low + high) / 2, 2)
            grid = _grid((high - low) / 2)
            if grid is None:
                return None
            anchors.append(grid)
        boxes.append(swept)
    return _search(boxes, anchors, relations, sum(shape[2] for shape in shapes))


def _grid(half: Floats) -> Floats | None:
    """Return where the middle of something of the given half size can be, nearest to the middle of the frame first."""
    slack = 0.5 - MARGIN - half
    if (slack < -1e-9).any():
        return None
    axes = [0.5 + s * np.linspace(-1, 1, 1 + 2 * int(np.ceil(max(s, 0) / 0.1))) for s in slack]
    return np.array(list(product(*axes)))


def _search(
    boxes: list[Floats], anchors: list[Floats], relations: Sequence[Relation], cost: float
) -> tuple[float, list[Floats]] | None:
    """Place one body after the other, keeping the best placements so far."""
    fine = [_refine(b) for b in boxes]
    chosen = np.zeros((1, 0), dtype=int)
    costs = np.array([cost])
    for i, own in enumerate(anchors):
        home = 0.0 if len(own) == 1 else ((own - 0.5) ** 2).sum(1)
        order = 2e-3 * (i - (len(boxes) - 1) / 2)
        total = costs[:, None] + home - order * own.sum(1)
        for j in range(i):
            relation = next((r for r in relations if {r.first, r.second} == {i, j}), None)
            shift = own[None] - anchors[j][chosen[:, j]][:, None]
            pair, where = np.unique(np.round(shift.reshape(-1, 2), 9), axis=0, return_inverse=True)
            if relation is None:
                extra = _apart(fine[i], fine[j], pair)
            elif relation.first == i:
                extra = _related(relation.kind, fine[i], fine[j], pair)
            else:
                extra = _related(relation.kind, fine[j], fine[i], -pair)
            total = total + extra[where].reshape(total.shape)
        flat = np.argsort(np.round(total.ravel(), 9), kind="stable")[:_BEAM]
        flat = flat[np.isfinite(total.ravel()[flat])]
        if not len(flat):
            return None
        rows, columns = np.unravel_index(flat, total.shape)
        chosen = np.column_stack([chosen[rows], columns])
        costs = total.ravel()[flat]
    found = [b + np.tile(own[k], 2) for b, own, k in zip(boxes, anchors, chosen[0], strict=True)]
    return float(costs[0]), found


def _refine(boxes: Floats) -> Floats:
    """Add frames between the keyframes: (n, K, 4) to (n, F, 4)."""
    keyframes = np.arange(boxes.shape[1])
    at = np.linspace(0, boxes.shape[1] - 1, (boxes.shape[1] - 1) * _FINE + 1)
    left = np.clip(np.floor(at).astype(int), 0, max(len(keyframes) - 2, 0))
    right = np.minimum(left + 1, len(keyframes) - 1)
    weight = (at - left)[:, None]
    return boxes[:, left] * (1 - weight) + boxes[:, right] * weight


def _apart(a: Floats, b: Floats, shifts: Floats) -> Floats:
    """Return the cost (S,) of moving ``a`` by each shift: infinite where it then comes too near to ``b``."""
    gap = _gaps(a, b, shifts).max(-1).min((1, 2, 3))
    return np.where(gap >= GAP - 1e-9, 4 * np.maximum(0, _WANTED_GAP - gap) ** 2, np.inf)


def _gaps(a: Floats, b: Floats, shifts: Floats) -> Floats:
    """Return the gaps along x and y, (S, n_a, n_b, F, 2), between ``a`` after each shift and ``b``."""
    a, b, shifts = a[None, :, None], b[None, None], shifts[:, None, None, None]
    return np.maximum(a[..., :2] + shifts - b[..., 2:], b[..., :2] - a[..., 2:] - shifts)


def _related(kind: str, a: Floats, b: Floats, shifts: Floats) -> Floats:
    """Return the cost (S,) of moving ``a`` by each shift: infinite where the relation to ``b`` then fails."""
    axis, sign = {"left": (0, -1), "right": (0, 1), "above": (1, -1), "below": (1, 1)}[kind]
    low_a, high_a = a[..., :2].min(0) + shifts[:, None], a[..., 2:].max(0) + shifts[:, None]
    low_b, high_b = b[..., :2].min(0), b[..., 2:].max(0)
    gap = (low_a - high_b if sign > 0 else low_b - high_a)[..., axis].min(1)
    across = np.abs((low_a + high_a) / 2 - (low_b + high_b) / 2)[..., 1 - axis].max(1)
    return np.where(gap >= GAP - 1e-9, 4 * np.maximum(0, _WANTED_GAP - gap) ** 2 + across, np.inf)
