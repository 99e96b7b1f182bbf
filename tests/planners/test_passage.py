"""Paragraphs, as Wan's prompt extension makes them: their things, once each, and what is said of these."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttom_pl.layout import Box, Layout
from ttom_pl.planners import GrammarPlanner

PLANNER = GrammarPlanner()
THINGS = {
    "teapot": ("spout", "lid"),
    "bicycle": ("frame", "wheels"),
    "tractor": ("tires", "cabin"),
    "violin": ("strings", "neck"),
    "lantern": ("handle", "glass"),
    "suitcase": ("clasps", "corners"),
    "guitar": ("strings", "body"),
    "kettle": ("handle", "lid"),
    "compass": ("needle", "lid"),
    "piano": ("keys", "lid"),
    "telescope": ("tube", "legs"),
    "helmet": ("visor", "strap"),
}
"""Things, each with parts that get no track."""
ANIMALS = ("fox", "horse", "rabbit", "parrot", "lion", "goat", "owl", "dog")
LOOKS = ("weathered", "sleek, modern", "old, battered", "bright red", "polished, gleaming", "small ceramic", "vintage")
FILLERS = (
    "Soft, warm light fills the room, casting gentle shadows across the floor.",
    "The mood is calm and nostalgic.",
    "The background is a plain wall with a subtle texture.",
    "Shot with a shallow depth of field, in a cinematic style with muted tones.",
    "The atmosphere is tranquil, evoking a sense of quiet wonder.",
    "Fine details and natural textures give the image depth and realism.",
    "Medium shot, eye level.",
)
things = st.permutations(list(THINGS)).map(lambda names: names[:2])
fillers = st.lists(st.sampled_from(FILLERS), min_size=3, max_size=5, unique=True)


def middle(box: Box | None) -> tuple[float, float]:
    assert box is not None
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def nouns(layout: Layout) -> list[str]:
    return [track.words[-1].lower() for track in layout.tracks]


@settings(max_examples=80, deadline=None)
@given(things, st.sampled_from(LOOKS), st.sampled_from(LOOKS), st.sampled_from(["left", "right"]), fillers)
def test_two_things_in_a_relation(pair: list[str], one: str, other: str, side: str, filler: list[str]) -> None:
    """One track each, however often they, their parts and their looks are named; light, mood and style have none."""
    first, second = pair
    text = " ".join(
        [
            f"A {one} {first} stands on the {side} of a {other} {second} on a wooden floor.",
            f"The {first} has a finely made {THINGS[first][0]}, worn and smooth.",
            filler[0],
            f"The {second} is slightly dusty, its {THINGS[second][1]} catching the light.",
            *filler[1:],
        ]
    )
    layout = PLANNER.plan(text)
    assert nouns(layout) == [first, second]
    (x, _), (other_x, _) = (middle(track.boxes[0]) for track in layout.tracks)
    assert (x < other_x) == (side == "left")


@settings(max_examples=60, deadline=None)
@given(st.permutations(ANIMALS).map(lambda names: names[:2]), st.sampled_from(["left", "right"]), fillers)
def test_later_sentences_say_what_the_things_do(pair: list[str], way: str, filler: list[str]) -> None:
    """What moves is who the later sentence names, not who was named first."""
    first, second = pair
    text = " ".join(
        [
            f"A {first} and a {second} in a wide, sunlit meadow.",
            filler[0],
            f"The {first} stands still and watches the {second}, its ears raised.",
            f"The {second} walks slowly to the {way}.",
            "Both animals look calm.",
            *filler[1:],
        ]
    )
    layout = PLANNER.plan(text)
    assert sorted(nouns(layout)) == sorted(pair)
    steps = {track.words[-1]: middle(track.boxes[-1])[0] - middle(track.boxes[0])[0] for track in layout.tracks}
    assert abs(steps[first]) < 0.05
    assert steps[second] * (1 if way == "right" else -1) > 0.2


@settings(max_examples=40, deadline=None)
@given(things, fillers, st.sampled_from([("left", "right"), ("right", "left")]))
def test_of_two_that_contradict_the_first_holds(pair: list[str], filler: list[str], sides: tuple[str, str]) -> None:
    first, second = pair
    opening = f"A {first} is on the {sides[0]} of a {second}."
    rest = " ".join(filler)
    sure = PLANNER.plan(f"{opening} The {first} is on the {sides[0]} of the {second}. {rest}")
    unsure = PLANNER.plan(f"{opening} The {first} is on the {sides[1]} of the {second}. {rest}")
    (x, _), (other_x, _) = (middle(track.boxes[0]) for track in unsure.tracks)
    assert (x < other_x) == (sides[0] == "left")
    assert unsure.confidence < sure.confidence
    assert "in another" in unsure.reason


@pytest.mark.parametrize("most", [1, 2, 3, 6])
def test_no_more_things_than_asked_for(most: int) -> None:
    text = (
        "A fox, a goat, a horse, a rabbit, an owl, a parrot, a lion and a dog stand in a meadow. The fox runs to the "
        "left. The goat eats. The horse stands beside the rabbit. " + " ".join(FILLERS)
    )
    layout = GrammarPlanner(max_objects=most).plan(text)
    assert len({track.phrase for track in layout.tracks}) <= most


ALIASES = [("sports car", "vehicle"), ("golden retriever", "dog"), ("stallion", "horse"), ("sofa", "couch")]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(ALIASES), fillers)
def test_another_word_for_the_same_thing_is_no_other_thing(names: tuple[str, str], filler: list[str]) -> None:
    name, other = names
    opening = f"A shiny {name} stands beside a tall lamp post."
    layout = PLANNER.plan(" ".join([opening, filler[0], f"The {other} is clean.", *filler[1:]]))
    assert nouns(layout)[0] == name.split()[-1]
    assert other not in nouns(layout)


def test_what_is_not_understood_is_said() -> None:
    """A layout that is not trusted says why."""
    text = f"A small world of its own, seen through glass. {' '.join(FILLERS)} Nothing stands out, everything glows."
    layout = PLANNER.plan(text)
    assert layout.confidence < 0.8
    assert layout.reason
