"""Boxes have the proportions of the things in them, and are the same for all things of a size."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttom_pl.layout import Box
from ttom_pl.planners import GrammarPlanner
from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.tokens import tokenize
from ttom_pl.planners.geometry.proportions import CLASSES, size_class
from ttom_pl.sprites.world import caption, sample_groups

PLANNER = GrammarPlanner()
THINGS = {
    "tiny": ["bee", "coin", "earring", "ladybug", "mosquito"],
    "small": ["cup", "sandwich", "crow", "trout", "paper plane", "toy truck", "banana"],
    "medium": ["poodle", "nurse", "rocking chair", "suitcase", "guitar", "penguin", "robot"],
    "large": ["taxi", "stallion", "couch", "grizzly", "sailboat"],
    "huge": ["fire truck", "cottage", "pine tree", "hot air balloon", "battleship", "whale"],
}
PLACES = ["", " in a park", " on the moon", " at the beach"]
ADJECTIVES = ["", "red ", "small ", "huge ", "old wooden "]
FAMILIES = [
    "a {a} moves to the left",
    "a {a} to the left of a {b}",
    "a {a} in front of a {b}",
    "a {a} moves up while a {b} moves down",
    "a {a} walks to the left while a {b} flies to the right",
    "three {a}s and a {b}",
    "a {a} and a {b}",
]


def boxes(prompt: str) -> list[tuple[Box | None, ...]]:
    return [track.boxes for track in PLANNER.plan(prompt).tracks]


def area(box: Box | None) -> float:
    assert box is not None
    return (box[2] - box[0]) * (box[3] - box[1])


@pytest.mark.parametrize(("name", "thing"), [(name, thing) for name, things in THINGS.items() for thing in things])
def test_the_class_of_a_thing(name: str, thing: str) -> None:
    (noun,) = (each for each in chunk(tokenize(f"a {thing}"), []) if isinstance(each, NounPhrase))
    number = size_class(noun)
    assert number is not None
    assert CLASSES[number] == name


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_things_of_one_class_get_identical_boxes(data: st.DataObject) -> None:
    """Whatever they are, look like, and wherever it is."""
    family = data.draw(st.sampled_from(FAMILIES))
    first, second = (data.draw(st.sampled_from(list(THINGS))) for _ in range(2))

    def prompt() -> str:
        a, b = (
            data.draw(st.sampled_from(ADJECTIVES)) + data.draw(st.sampled_from(THINGS[each]))
            for each in (first, second)
        )
        return family.format(a=a, b=b) + data.draw(st.sampled_from(PLACES))

    one, other = prompt(), prompt()
    assert boxes(one) == boxes(other), (one, other)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["a {a} and a {b}", "a {a} to the left of a {b}", "a {b} moves right past a {a}"]))
def test_larger_things_get_larger_boxes(data: st.DataObject, family: str) -> None:
    smaller, larger = sorted(data.draw(st.sets(st.integers(0, 4), min_size=2, max_size=2)))
    a, b = (data.draw(st.sampled_from(THINGS[CLASSES[each]])) for each in (smaller, larger))
    layout = PLANNER.plan(family.format(a=a, b=b))
    by_name = {track.words[-1]: area(track.boxes[0]) for track in layout.tracks}
    assert by_name[b.split()[-1]] > 1.3 * by_name[a.split()[-1]]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(list(THINGS)), st.data())
def test_what_is_in_front_is_larger_and_lower(size: str, data: st.DataObject) -> None:
    a, b = data.draw(st.permutations(THINGS[size]))[:2]
    for prompt, near in ((f"a {a} in front of a {b}", 0), (f"a {a} behind a {b}", 1)):
        layout = PLANNER.plan(prompt)
        front, back = layout.tracks[near].boxes[0], layout.tracks[1 - near].boxes[0]
        assert front is not None
        assert back is not None
        assert area(front) > area(back)
        assert front[3] > back[3]


def test_what_comes_closer_grows() -> None:
    for prompt, grows in (("a bear walks towards the camera", True), ("a bear walks away from the camera", False)):
        sizes = [area(box) for box in boxes(prompt)[0]]
        assert all((after > before) is grows for before, after in pairwise(sizes))


@pytest.mark.parametrize("walks", ["walks", "runs", "drives", "crawls", "is standing"])
@pytest.mark.parametrize("flies", ["flies", "hovers", "is soaring"])
def test_a_walker_stands_on_the_ground_and_a_flyer_does_not(walks: str, flies: str) -> None:
    walker, flyer = boxes(f"a wug {walks} and a blicket {flies}")
    assert walker[0] is not None
    assert flyer[0] is not None
    assert walker[0][3] > 0.8
    assert flyer[0][3] < 0.6


@pytest.mark.parametrize("seed", range(60))
def test_shapes_have_no_size(seed: int) -> None:
    """The captions of Sprites keep the boxes that all measurements were made with."""
    layout = PLANNER.plan(caption(*sample_groups(random.Random(seed))))
    for track in layout.tracks:
        for box in track.boxes:
            assert box is not None
            assert (round(box[2] - box[0], 6), round(box[3] - box[1], 6)) == (0.25, 0.25)
