"""Short constructions, each drawn from its kind with whatever objects."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttom_pl.layout import Box
from ttom_pl.planners import GrammarPlanner

PLANNER = GrammarPlanner()
THINGS = ["oven", "toaster", "piano", "lantern", "drum", "robot", "statue", "trumpet", "suitcase", "pumpkin", "wug"]
ANIMALS = ["fox", "horse", "parrot", "goat", "walrus", "lynx", "kangaroo"]
PAIRED = ["skis", "scissors", "trousers", "sunglasses", "binoculars", "pliers", "headphones"]
ODD = [
    "hair drier",
    "hot dog",
    "teddy bear",
    "fire hydrant",
    "traffic light",
    "parking meter",
    "stop sign",
    "can opener",
]
ODD += ["washing machine", "vacuum cleaner", "polar bear", "sewing machine", "rocking chair", "cell phone"]
BELOW = ["on the bottom of", "at the bottom of", "beneath", "underneath", "below", "under"]
ABOVE = ["on top of", "on the top of", "atop", "above", "over", "on"]
BESIDE = [
    "beside",
    "next to",
    "to the side of",
    "at the side of",
    "by the side of",
    "alongside",
    "opposite",
    "facing",
    "near",
]
two_things = st.permutations(THINGS).map(lambda names: names[:2])


def article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def first_boxes(prompt: str) -> dict[str, Box]:
    layout = PLANNER.plan(prompt)
    boxes = {track.words[-1]: track.boxes[0] for track in layout.tracks}
    assert layout.confidence >= 0.8, (prompt, layout.reason)
    assert None not in boxes.values()
    return {name: box for name, box in boxes.items() if box is not None}


def middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


@settings(max_examples=120, deadline=None)
@given(two_things, st.sampled_from(BELOW + ABOVE), st.sampled_from(["", ", front view", " in a kitchen"]))
def test_above_and_below(names: list[str], relation: str, ending: str) -> None:
    first, second = names
    boxes = first_boxes(f"{article(first)} {relation} {article(second)}{ending}")
    assert list(boxes) == [first, second]
    assert (middle(boxes[first])[1] > middle(boxes[second])[1]) == (relation in BELOW)
    assert min(boxes[first][2], boxes[second][2]) > max(boxes[first][0], boxes[second][0])


@settings(max_examples=80, deadline=None)
@given(two_things, st.sampled_from(BESIDE))
def test_beside(names: list[str], relation: str) -> None:
    first, second = names
    boxes = first_boxes(f"{article(first)} {relation} {article(second)}")
    assert list(boxes) == [first, second]
    (x, y), (other_x, other_y) = (middle(boxes[name]) for name in names)
    assert abs(x - other_x) > abs(y - other_y)


@settings(max_examples=60, deadline=None)
@given(two_things, st.sampled_from(["on either side of", "on both sides of", "on opposite sides of"]))
def test_two_on_the_sides_of_one(names: list[str], relation: str) -> None:
    first, second = names
    layout = PLANNER.plan(f"two {first}s {relation} {article(second)}")
    by_name = {name: [t.boxes[0] for t in layout.tracks if t.words[-1].startswith(name)] for name in names}
    assert [len(boxes) for boxes in by_name.values()] == [2, 1]
    left, middle_one, right = sorted(middle(box)[0] for boxes in by_name.values() for box in boxes if box is not None)
    (center,) = (middle(box)[0] for box in by_name[second] if box is not None)
    assert left < middle_one == center < right


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PAIRED), st.sampled_from(THINGS), st.booleans(), st.booleans())
def test_things_that_only_have_a_plural_are_one(paired: str, thing: str, pair_of: bool, before: bool) -> None:
    name = f"a pair of {paired}" if pair_of else paired
    prompt = f"{name} and {article(thing)}" if before else f"{article(thing)} and {name}"
    assert sorted(track.words[-1] for track in PLANNER.plan(prompt).tracks) == sorted([paired, thing])


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(ODD), st.sampled_from(THINGS), st.sampled_from(["and", "to the left of", "on the top of"]))
def test_compounds_are_one_thing(name: str, thing: str, relation: str) -> None:
    """Whatever their last word means elsewhere."""
    layout = PLANNER.plan(f"{article(name)} {relation} {article(thing)}")
    assert [track.phrase for track in layout.tracks] == [article(name), article(thing)]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 4),
    st.integers(2, 4),
    st.sampled_from([("car", "carport"), ("cat", "catfish"), ("ant", "antelope"), ("pan", "panda"), ("bee", "beetle")]),
)
def test_counts_are_of_whole_words(many: int, more: int, names: tuple[str, str]) -> None:
    numbers = {2: "two", 3: "three", 4: "four"}
    plurals = {"catfish": "catfish"}
    one, other = (plurals.get(name, f"{name}s") for name in names)
    layout = PLANNER.plan(f"{numbers[many]} {one} and {numbers[more]} {other}")
    assert Counter(track.words[-1] for track in layout.tracks) == {one: many, other: more}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ANIMALS),
    st.sampled_from(["walk", "run", "move", "leap", "crawl"]),
    st.sampled_from(["left", "right"]),
)
def test_verbs_without_their_ending(animal: str, verb: str, way: str) -> None:
    (track,) = PLANNER.plan(f"a {animal} {verb} to the {way}").tracks
    assert track.words == (animal,)
    start, end = track.boxes[0], track.boxes[-1]
    assert start is not None
    assert end is not None
    assert (end[0] - start[0]) * (1 if way == "right" else -1) > 0.2


@settings(max_examples=60, deadline=None)
@given(
    st.permutations(ANIMALS).map(lambda names: names[:2]),
    st.sampled_from(["cup", "ball", "lantern"]),
    st.sampled_from([("hands", "to"), ("gives", "to"), ("throws", "to"), ("passes", "to")]),
    st.sampled_from(["who then runs off to the", "which walks away to the", "who then moves to the"]),
    st.sampled_from(["left", "right"]),
)
def test_who_does_what_across_clauses(
    names: list[str], thing: str, verb: tuple[str, str], clause: str, way: str
) -> None:
    """Who gets something goes off with the last clause; the giver stays."""
    giver, getter = names
    layout = PLANNER.plan(f"A {giver} {verb[0]} a {thing} {verb[1]} a {getter}, {clause} {way}")
    ways = {}
    for track in layout.tracks:
        start, end = track.boxes[0], track.boxes[-1]
        assert start is not None
        assert end is not None
        ways[track.words[-1]] = end[0] - start[0]
    assert ways[getter] * (1 if way == "right" else -1) > 0.2
    assert abs(ways[giver]) < 0.05


@pytest.mark.parametrize("place", ["in the corner", "in the middle of the room", "along the edge of the field"])
def test_where_it_is_adds_no_object(place: str) -> None:
    for thing in THINGS:
        layout = PLANNER.plan(f"{article(thing)} stands {place}")
        assert [track.words[-1] for track in layout.tracks] == [thing]
