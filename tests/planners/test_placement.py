"""Where bodies are put."""

from itertools import combinations, product

import numpy as np
import pytest

from ttom_pl.planners.geometry.arrangement import Body, NoRoom, arrange
from ttom_pl.planners.geometry.motions import Manner, Motion, path
from ttom_pl.planners.geometry.relations import GAP, Kind, Relation, least_gap

LEFT, UP, STILL = Motion(((-1, 0),)), Motion(((0, -1),)), Motion()


@pytest.mark.parametrize(
    ("motions", "counts"), list(product(product([LEFT, UP, STILL], repeat=2), [(1, 1), (2, 1), (3, 4)]))
)
def test_bodies_stay_apart_and_in_the_frame(motions: tuple[Motion, Motion], counts: tuple[int, int]) -> None:
    bodies = tuple(Body(motion, count) for motion, count in zip(motions, counts, strict=True))
    placed = arrange(bodies, (), 6, 0.45)
    assert [boxes.shape for boxes in placed] == [(count, 6, 4) for count in counts]
    everything = np.concatenate(placed)
    assert everything.min() >= 0
    assert everything.max() <= 1
    for a, b in combinations(everything, 2):
        assert least_gap(a[None], b[None]) >= GAP - 1e-6


@pytest.mark.parametrize("kind", ["left", "right", "above", "below", "under", "on", "front", "behind", "beside"])
@pytest.mark.parametrize("motion", [STILL, LEFT])
def test_relations_hold_throughout(kind: Kind, motion: Motion) -> None:
    (a,), (b,) = arrange((Body(motion), Body(motion)), (Relation(kind, (0,), (1,)),), 6, 0.3)
    x, y = ((a[:, :2] + a[:, 2:]) - (b[:, :2] + b[:, 2:])).T / 2
    holds = {
        "left": x < -0.25, "right": x > 0.25, "above": y < -0.25, "below": y > 0.25, "under": y > 0.25,
        "on": np.abs(a[:, 3] - b[:, 1]) < 0.05, "front": a[:, 3] > b[:, 3], "behind": a[:, 3] < b[:, 3],
        "beside": np.abs(x) > 0.25,
    }  # fmt: skip
    assert holds[kind].all()


def test_what_moves_one_way_passes_what_it_is_related_to() -> None:
    """A mover stays above a still thing on its whole way."""
    (a,), (b,) = arrange((Body(LEFT), Body()), (Relation("above", (0,), (1,)),), 6, 0.45)
    assert (a[:, 3] <= b[:, 1]).all()
    assert a[0, 0] > b[0, 0] > a[-1, 0]


def test_relations_that_contradict_each_other_have_no_room() -> None:
    relations = (Relation("left", (0,), (1,)), Relation("left", (1,), (2,)), Relation("left", (0,), (2,)))
    assert arrange((Body(), Body(), Body()), relations, 6, 0.45)
    with pytest.raises(NoRoom, match="no room for 30 objects"):
        arrange((Body(count=30, size=(0.9, 0.9)),), (), 6, 0.45)


@pytest.mark.parametrize("manner", ["steady", "fall", "throw", "bounce", "jump", "circle", "sway", "bob"])
def test_manners_keep_start_and_end(manner: Manner) -> None:
    """Every manner goes as far as the straight way, give or take its own swing."""
    centers, sizes = path(Motion(((1, 0),), manner=manner), 6, 0.45)
    assert centers.shape == (6, 2)
    assert sizes.tolist() == [1] * 6
    assert centers[-1, 0] - centers[0, 0] == pytest.approx(0.45, abs=0.25)


def test_growth() -> None:
    assert (np.diff(path(Motion(growth=1), 6, 0.45)[1]) > 0).all()
    assert (np.diff(path(Motion(growth=-1), 6, 0.45)[1]) < 0).all()
