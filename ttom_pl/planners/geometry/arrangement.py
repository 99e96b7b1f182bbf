"""Where to put moving objects so that all stay in the frame and none touches another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

import numpy as np

from ttom_pl.planners.geometry.motions import Floats, Motion, path
from ttom_pl.planners.geometry.proportions import Level
from ttom_pl.planners.geometry.relations import Cluster, Relation, clusters
from ttom_pl.planners.geometry.search_cost import OutOfWork, Work
from ttom_pl.planners.geometry.spots import MARGIN, choose_spots, grid

_GROUND, _SKY = 0.86, 0.34
_SPACING = 0.07
_STILL = Motion()
_SIZES = (1.0, 0.87, 0.75, 0.62, 0.5, 0.4, 0.3, 0.2)
_SHORTER = (1.0, 0.87, 0.75, 0.62)
_MOST_SHAPES = 12
_MOST_TRIES = 240
_SHAPE_WORK, _TRY_WORK = 50, 3000
MOST_WORK = 4_000_000
"""The work that a search may take unless another limit is given; about 0.3 seconds."""


@dataclass(frozen=True)
class Body:
    """Objects that move as one: ``count`` boxes of a ``size``, with the same ``motion`` and at home on a ``level``."""

    motion: Motion = _STILL
    count: int = 1
    size: tuple[float, float] = (0.25, 0.25)
    level: Level = ""


class NoRoom(ValueError):
    """The objects do not fit into the frame."""


@dataclass(frozen=True)
class Arrangement:
    """What a search for places ended with.

    Attributes:
        boxes: for each body its boxes (count, K, 4); ``None`` where there is no room, or none was found in time.
        spent: the work that it took.
    """

    boxes: tuple[Floats, ...] | None
    spent: int


def arrange(
    bodies: tuple[Body, ...], relations: tuple[Relation, ...], num_keyframes: int, displacement: float
) -> tuple[Floats, ...]:
    """Return the boxes of :func:`search`.

    Raises:
        NoRoom: if the bodies do not fit at the smallest size, or no place was found with the work allowed.
    """
    boxes = search(bodies, relations, num_keyframes, displacement).boxes
    if boxes is None:
        raise NoRoom(f"no room for {sum(body.count for body in bodies)} objects; ask for fewer, or make them smaller")
    return boxes


@lru_cache(maxsize=4096)
def search(
    bodies: tuple[Body, ...],
    relations: tuple[Relation, ...],
    num_keyframes: int,
    displacement: float,
    limit: int = MOST_WORK,
) -> Arrangement:
    """Place the bodies: near the middle, apart from each other, in their relations, and in the frame throughout.

    Objects are made smaller and ways shorter, step by step, only where there is no room otherwise.

    Args:
        bodies: what to place.
        relations: relations between them.
        num_keyframes: number of keyframes K.
        displacement: length of a move, as a fraction of the frame.
        limit: the work that the search may take; see :class:`~ttom_pl.planners.geometry.search_cost.Work`.
    """
    work = Work(limit)
    try:
        boxes = _first_that_fits(bodies, relations, num_keyframes, displacement, work)
    except OutOfWork:
        boxes = None
    return Arrangement(boxes, work.spent)


def in_rows(bodies: Sequence[Body], num_keyframes: int) -> tuple[Floats, ...]:
    """Return places without a search, each as small as it must be: a grid from the left to the right, row by row."""
    total = sum(body.count for body in bodies)
    columns = int(np.ceil(np.sqrt(total)))
    side = 1 / columns
    cells = np.array([((i % columns + 0.5) * side, (i // columns + 0.5) * side) for i in range(total)])
    boxes = []
    for body in bodies:
        half = np.minimum(np.array(body.size) / 2, 0.4 * side)
        centres, cells = cells[: body.count, None], cells[body.count :]
        still = np.concatenate([centres - half, centres + half], axis=-1)
        boxes.append(np.repeat(still, num_keyframes, axis=1))
    return tuple(boxes)


def _first_that_fits(
    bodies: Sequence[Body], relations: Sequence[Relation], num_keyframes: int, displacement: float, work: Work
) -> tuple[Floats, ...] | None:
    """Return the best placement at the largest size and the longest way at which there is one."""
    stacked = {i for r in relations if r.kind not in ("left", "right", "beside") for i in (*r.firsts, *r.seconds)}
    formations = [list(_formations(body, i in stacked)) for i, body in enumerate(bodies)]
    work.spend(sum(map(len, formations)) * _SHAPE_WORK)
    shapes = sorted(islice(product(*formations), _MOST_SHAPES**2), key=lambda shape: sum(cost for _, _, cost in shape))
    shapes = shapes[:_MOST_SHAPES]
    for shrink, shorten in islice(_ladder(bodies), max(len(_SIZES), _MOST_TRIES // len(shapes))):
        placements = (
            _place(bodies, shape, relations, num_keyframes, displacement * shorten, shrink, work) for shape in shapes
        )
        best = min((f for f in placements if f is not None), key=lambda f: round(f[0], 9), default=None)
        if best is not None:
            return tuple(best[1])
    return None


def _ladder(bodies: Sequence[Body]) -> Iterator[tuple[float, float]]:
    """Yield sizes and lengths to try, relative to what was asked for, without those that cannot fit."""
    area = sum(body.count * body.size[0] * body.size[1] for body in bodies)
    moving = any(body.motion.moves for body in bodies)
    for size in _SIZES:
        if area * size**2 > 0.8:
            continue
        for length in _SHORTER[: 1 + _SIZES.index(size) + 1] if moving else (1.0,):
            yield size, length


def _formations(body: Body, stacked: bool) -> Iterator[tuple[int, int, float]]:
    """Yield the ways to stand, (rows, columns, cost), those across the motion first."""
    n = body.count
    moves = body.motion.moves
    sideways = bool(moves) and all(dx != 0 and dy == 0 for dx, dy in moves)
    if stacked and n <= 3:
        yield 1, n, 0.0
        return
    shapes = {(-(-n // columns), columns) for columns in range(1, n + 1)}
    if n > 3:
        shapes = {(rows, columns) for rows, columns in shapes if rows > 1 and columns > 1}
    for rows, columns in sorted(shapes):
        lines = columns if sideways else rows
        yield rows, columns, 0.1 * (lines - 1) + 0.02 * (rows * columns - n)


def _slots(rows: int, columns: int, count: int, size: tuple[float, float]) -> Floats:
    """Return the centres (count, 2) of a formation, relative to its middle; the last row is centred."""
    slots = []
    for index in range(count):
        row, column = divmod(index, columns)
        in_row = min(columns, count - row * columns)
        slots.append((column - (in_row - 1) / 2, row - (rows - 1) / 2))
    return np.array(slots) * (np.array(size) + _SPACING)


def _place(
    bodies: Sequence[Body],
    shapes: Sequence[tuple[int, int, float]],
    relations: Sequence[Relation],
    num_keyframes: int,
    displacement: float,
    shrink: float,
    work: Work,
) -> tuple[float, list[Floats]] | None:
    """Return the best placement at one size and its cost; ``None`` where there is none."""
    work.spend(_TRY_WORK)
    boxes = []
    for body, (rows, columns, _) in zip(bodies, shapes, strict=True):
        size = (body.size[0] * shrink, body.size[1] * shrink)
        centers, scales = path(body.motion, num_keyframes, displacement)
        centers = _slots(rows, columns, body.count, size)[:, None] + centers
        half = scales[:, None] * np.array(size) / 2
        swept = np.concatenate([centers - half, centers + half], axis=-1)
        boxes.append(_into_frame(swept) if body.motion.places else swept)
    anchored = [i for i, body in enumerate(bodies) if body.motion.places]
    groups = clusters(boxes, relations, anchored, work)
    if groups is None:
        return None
    anchors = []
    for group in groups:
        ways = grid(group, any(i in anchored for i in group.boxes))
        if not len(ways):
            return None
        anchors.append(ways)
    homes = [None if any(i in anchored for i in group.boxes) else _home(group, bodies) for group in groups]
    chosen = choose_spots([group.all_boxes for group in groups], anchors, homes, work)
    if chosen is None:
        return None
    cost, shifts = chosen
    placed = {i: b + np.tile(s, 2) for group, s in zip(groups, shifts, strict=True) for i, b in group.boxes.items()}
    return cost + sum(shape[2] for shape in shapes), [placed[i] for i in range(len(bodies))]


def _home(cluster: Cluster, bodies: Sequence[Body]) -> Floats:
    """Return where the middle of a cluster should be (2,): the middle of the frame, or on the ground, or in the air."""
    members = [bodies[i] for i in cluster.boxes]
    if any(body.motion.manner == "fall" or any(dy for _, dy in body.motion.moves) for body in members):
        return np.array([0.5, 0.5])
    boxes = cluster.all_boxes
    half = (boxes[..., 3].max() - boxes[..., 1].min()) / 2
    level = members[0].level if len({body.level for body in members}) == 1 else ""
    return np.array([0.5, {"": 0.5, "ground": max(0.5, _GROUND - half), "air": _SKY}[level]])


def _into_frame(boxes: Floats) -> Floats:
    """Move boxes at given places into the frame, without making them smaller."""
    low = np.minimum(boxes[..., :2] - MARGIN, 0)
    high = np.maximum(boxes[..., 2:] - 1 + MARGIN, 0)
    inside: Floats = boxes - np.tile(low + high, 2)
    return inside
