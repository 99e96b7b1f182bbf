"""Planners in turn."""

from dataclasses import replace

import pytest

from ttom_pl.layout import Layout, Track
from ttom_pl.planners import FallbackPlanner, Planner, PlanningError

TRACK = Track(0, "a cat", ("cat",), ((0.1, 0.1, 0.5, 0.5),))


class Sure(Planner):
    """Gives layouts of a certain confidence."""

    def __init__(self, confidence: float, reason: str = "") -> None:
        self.layout = Layout("a cat", (TRACK,), confidence=confidence, reason=reason)

    def plan(self, prompt: str, id: str = "") -> Layout:
        return replace(self.layout, prompt=prompt, id=id)


class Broken(Planner):
    """Has no layout."""

    def plan(self, prompt: str, id: str = "") -> Layout:
        raise PlanningError("out of order")


def test_the_first_is_enough() -> None:
    planner = FallbackPlanner([Sure(0.2, "hm"), Sure(1)])
    assert isinstance(planner, Planner)
    layout = planner.plan("a cat", "7")
    assert (layout.id, layout.confidence, layout.reason) == ("7", 0.2, "hm")


def test_why_another_stepped_in_is_told() -> None:
    layout = FallbackPlanner([Broken(), Sure(0.9, "hm")]).plan("a cat")
    assert (layout.confidence, layout.reason) == (0.9, "hm; Broken failed: out of order")


def test_unsure_layouts_are_passed_over() -> None:
    layout = FallbackPlanner([Sure(0.5, "what is a cat?"), Sure(0.9)], min_confidence=0.8).plan("a cat")
    assert (layout.confidence, layout.reason) == (0.9, "Sure is unsure (0.5): what is a cat?")


def test_the_best_of_unsure_layouts() -> None:
    planner = FallbackPlanner([Sure(0.3, "one"), Sure(0.5, "two"), Broken()], min_confidence=0.8)
    layout = planner.plan("a cat")
    assert layout.confidence == 0.5
    assert layout.reason == "two; Sure is unsure (0.3): one; Broken failed: out of order"


def test_nobody_has_a_layout() -> None:
    with pytest.raises(PlanningError, match="no planner has a layout for 'a cat': Broken failed: out of order; Broken"):
        FallbackPlanner([Broken(), Broken()]).plan("a cat")


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="planners is empty"):
        FallbackPlanner([])
    with pytest.raises(ValueError, match="min_confidence is 2"):
        FallbackPlanner([Broken()], min_confidence=2)
