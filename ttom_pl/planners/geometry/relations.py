"""Relations between objects, as offsets between the regions that they sweep."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ttom_pl.planners.geometry.motions import Floats
from ttom_pl.planners.geometry.search_cost import Work

Kind = Literal[
    "left", "right", "above", "below", "under", "on", "front", "behind", "beside", "in", "around", "leap", "scale"
]

GAP = 0.05
"""Least distance between the boxes of two objects that must not touch."""
_APART = 0.14
_NEXT = 0.06
_FINE = 4
_CROWD = 16
_STEP_WORK = 2000


@dataclass(frozen=True)
class Relation:
    """The objects of ``firsts`` stand in a relation to those of ``seconds``; both are numbers of bodies."""

    kind: Kind
    firsts: tuple[int, ...]
    seconds: tuple[int, ...]


@dataclass
class Cluster:
    """Bodies whose places to each other are settled: their boxes (n, K, 4) by number."""

    boxes: dict[int, Floats]

    @property
    def all_boxes(self) -> Floats:
        """The boxes of all bodies, (N, K, 4)."""
        return np.concatenate(list(self.boxes.values()))


def clusters(
    boxes: Sequence[Floats], relations: Sequence[Relation], anchored: Iterable[int], work: Work
) -> list[Cluster] | None:
    """Put related bodies in their places to each other.

    Args:
        boxes: for each body its boxes (n, K, 4), wherever they are.
        relations: the relations.
        anchored: numbers of the bodies whose place in the frame is given; they are not shifted.
        work: what the search for places may still cost.

    Returns:
        The clusters, each body in one; ``None`` where the relations cannot hold together.
    """
    fixed = set(anchored)
    made = []
    for members in _components(len(boxes), relations):
        inner = [r for r in relations if set(r.firsts) <= members]
        start = min(members, key=lambda i: (i not in fixed, i))
        cluster = _assemble(start, boxes, inner, work)
        if cluster is None:
            return None
        made.append(cluster)
    return made


def _components(count: int, relations: Sequence[Relation]) -> list[set[int]]:
    components = [{i} for i in range(count)]
    for relation in relations:
        joined = {*relation.firsts, *relation.seconds}
        touched = [c for c in components if c & joined]
        components = [c for c in components if not c & joined] + [set().union(*touched)]
    return sorted(components, key=min)


def _assemble(start: int, boxes: Sequence[Floats], relations: Sequence[Relation], work: Work) -> Cluster | None:
    """Add one relation after the other, definite ones first; go back where a later one finds no place."""
    ordered = sorted(relations, key=lambda r: r.kind == "beside")
    placed = _extend({start: boxes[start]}, ordered, boxes, work)
    return None if placed is None else Cluster(dict(sorted(placed.items())))


def _extend(
    placed: dict[int, Floats], waiting: Sequence[Relation], boxes: Sequence[Floats], work: Work
) -> dict[int, Floats] | None:
    if not waiting:
        return placed
    work.spend(_STEP_WORK)
    relation = next(r for r in waiting if placed.keys() & {*r.firsts, *r.seconds})
    rest = [r for r in waiting if r is not relation]
    for both in _attach(relation, boxes, placed, work):
        completed = _extend(both, rest, boxes, work)
        if completed is not None:
            return completed
    return None


def _attach(
    relation: Relation, boxes: Sequence[Floats], placed: dict[int, Floats], work: Work
) -> Iterator[dict[int, Floats]]:
    """Yield the ways to place what of a relation has no place yet."""
    for side in (relation.firsts, relation.seconds):
        done = tuple(i for i in side if i in placed)
        if done and len(done) < len(side):
            missing = next(i for i in side if i not in placed)
            for more in _places(Relation("beside", (missing,), done), {missing: boxes[missing]}, placed, work):
                yield from _attach(relation, boxes, more, work)
            return
    firsts_stand = relation.firsts[0] in placed
    moving = relation.seconds if firsts_stand else relation.firsts
    if moving[0] in placed:
        yield placed
        return
    row = {moving[0]: _spanning(relation, boxes[moving[0]], placed)}
    for i in moving[1:]:
        row = next(_places(Relation("beside", tuple(row), (i,)), {i: boxes[i]}, row, work))
    yield from _places(relation, row, placed, work)


def _spanning(relation: Relation, boxes: Floats, placed: dict[int, Floats]) -> Floats:
    """Return one thing that stands still, made as wide as what moves before it, or as all that stands on it."""
    wide = relation.kind in ("on", "under", "front", "scale") and len(boxes) == 1 and not np.ptp(boxes, axis=1).any()
    if not wide or relation.firsts[0] not in placed:
        return boxes
    region = _region(placed[i] for i in relation.firsts)
    extra = np.maximum(0, (region[2:] - region[:2]) - (boxes[0, 0, 2:] - boxes[0, 0, :2])) / 2
    if relation.kind in ("on", "under"):
        extra[1] = 0
    return np.concatenate([boxes[..., :2] - extra, boxes[..., 2:] + extra], axis=-1)


def _places(
    relation: Relation, new: dict[int, Floats], placed: dict[int, Floats], work: Work
) -> Iterator[dict[int, Floats]]:
    """Yield ``placed`` with ``new`` at each offset that the relation allows and no other body forbids."""
    firsts_are_new = relation.firsts[0] in new
    other = relation.seconds if firsts_are_new else relation.firsts
    here, there = _regions(list(new.values()), [placed[i] for i in other])
    first, second = (here, there) if firsts_are_new else (there, here)
    apart = _APART if _move_as_one([*new.values(), *(placed[i] for i in other)]) else _NEXT
    sizes = first[2:] - first[:2], second[2:] - second[:2]
    still = _stand_still([*new.values(), *(placed[i] for i in other)])
    for offset in _offsets(relation.kind, *sizes, apart, (sizes[1] - sizes[0])[1] / 2 if still else 0.0):
        sign = 1 if firsts_are_new else -1
        shift = np.tile((there[:2] + there[2:]) / 2 + sign * offset - (here[:2] + here[2:]) / 2, 2)
        moved = {i: b + shift for i, b in new.items()}
        strangers = [b for i, b in placed.items() if i not in other]
        work.spend(_STEP_WORK * (1 + len(moved) * len(strangers)))
        if all(least_gap(a, b) >= GAP - 1e-9 for a in moved.values() for b in strangers):
            yield placed | moved


def _offsets(kind: Kind, first: Floats, second: Floats, apart: float, foot: float = 0.0) -> list[Floats]:
    """Return where the middle of the first can be, seen from the middle of the second, best first.

    Args:
        kind: the relation.
        first: width and height of the first.
        second: width and height of the second.
        apart: gap between the two where they stand apart.
        foot: how much lower the first is if both stand on one ground, side by side.
    """
    half = (first + second) / 2
    x, y = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    overlap = min(first[1], second[1])
    match kind:
        case "left" | "right":
            away = x * (half + apart) * (-1 if kind == "left" else 1)
            return [away + y * (foot + half * shift) for shift in (0, 0.5, -0.5, 1, -1)]
        case "above" | "below" | "under":
            gap = _NEXT / 2 if kind == "under" else apart
            away = y * (half + gap) * (-1 if kind == "above" else 1)
            return [away + x * half * shift for shift in (0, 0.5, -0.5, 1, -1)]
        case "on":
            return [-y * (half - 0.1 * overlap) + x * second * shift for shift in (0, 0.25, -0.25)]
        case "front":
            return [y * (half - 0.4 * overlap) + x * first * shift for shift in (0.25, -0.25, 0, 0.5, -0.5)]
        case "behind":
            return [-offset for offset in _offsets("front", second, first, apart)]
        case "beside":
            away = x * (half + _NEXT)
            return [y * foot - away, y * foot + away, -y * (half + _NEXT), y * (half + _NEXT)]
        case "in":
            return [0 * x, y * second / 8, -y * second / 8]
        case "leap":
            return [-y * (first - second) / 2]
        case _:
            return [0 * x]


def _regions(here: list[Floats], there: list[Floats]) -> tuple[Floats, Floats]:
    """Return the regions of two groups: all that they sweep, or the first keyframe where they move as one."""
    if _move_as_one([*here, *there]):
        here, there = [b[:, :1] for b in here], [b[:, :1] for b in there]
    return _region(here), _region(there)


def _move_as_one(bodies: list[Floats]) -> bool:
    steps = [body[:, 1:] - body[:, :-1] for body in bodies]
    first = steps[0][:1]
    most = 1e-8 + 1e-5 * np.abs(first)
    return all(bool((np.abs(step - first) <= most).all()) for step in steps)


def _stand_still(bodies: list[Floats]) -> bool:
    return not any(np.ptp(body, axis=1).any() for body in bodies)


def _region(boxes: Iterable[Floats]) -> Floats:
    """Return the box around all that the boxes sweep."""
    swept = np.concatenate([b.reshape(-1, 4) for b in boxes])
    return np.concatenate([swept[:, :2].min(0), swept[:, 2:].max(0)])


def refine(boxes: Floats) -> Floats:
    """Add frames between the keyframes: (n, K, 4) to (n, F, 4)."""
    last = boxes.shape[1] - 1
    at = np.linspace(0, last, last * _FINE + 1)
    left = np.minimum(at.astype(int), max(last - 1, 0))
    weight = (at - left)[:, None]
    fine: Floats = boxes[:, left] * (1 - weight) + boxes[:, np.minimum(left + 1, last)] * weight
    return fine


def gaps(a: Floats, b: Floats, shifts: Floats) -> Floats:
    """Return the least gap (S,) over time between ``a`` (n, F, 4), after each shift (S, 2), and ``b`` (m, F, 4)."""
    a, b, shifts = a[None, :, None], b[None, None], shifts[:, None, None, None]
    along = np.maximum(a[..., :2] + shifts - b[..., 2:], b[..., :2] - a[..., 2:] - shifts)
    least: Floats = np.maximum(along[..., 0], along[..., 1]).min((1, 2, 3))
    return least


def as_few_frames(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the frames of two bodies (n, F, 4) that tell whether they touch: one is enough if they move as one."""
    if _move_as_one([a, b]):
        return a[:, :1], b[:, :1]
    return (a[:, ::2], b[:, ::2]) if len(a) * len(b) > _CROWD else (a, b)


def least_gap(a: Floats, b: Floats) -> float:
    """Return the least gap over time between two bodies, below zero where they touch."""
    few = (a[:, :1], b[:, :1]) if _move_as_one([a, b]) else as_few_frames(refine(a), refine(b))
    return float(gaps(*few, np.zeros((1, 2)))[0])
