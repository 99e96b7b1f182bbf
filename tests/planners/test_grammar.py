"""What the grammar planner returns, whatever it is asked."""

import random

import pytest

from ttom_pl.layout import interpolate_boxes
from ttom_pl.planners import GrammarPlanner, Planner

PLANNER = GrammarPlanner()


def test_is_a_planner() -> None:
    layout = PLANNER.plan("a cat", "0007")
    assert isinstance(PLANNER, Planner)
    assert (layout.id, layout.planner, layout.prompt) == ("0007", "grammar", "a cat")


def test_steer_decides_whose_tokens_are_steered() -> None:
    """The noun alone, or with its adjectives; the boxes are the same."""
    prompt = "two small red kites drift left over a wooden cabin"
    noun, phrase = (GrammarPlanner(steer=steer).plan(prompt).tracks for steer in ("noun", "phrase"))
    assert {track.words for track in noun} == {("kites",), ("cabin",)}
    assert {track.words for track in phrase} == {("small", "red", "kites"), ("wooden", "cabin")}
    assert all(tuple(prompt[start:end] for start, end in track.spans) == track.words for track in phrase)
    assert [track.boxes for track in noun] == [track.boxes for track in phrase]


def test_background_is_the_place() -> None:
    assert PLANNER.plan("A cat slinking to the left side of a cozy living room").background == "cozy living room"


@pytest.mark.parametrize("num_keyframes", [1, 2, 5, 21])
def test_number_of_keyframes(num_keyframes: int) -> None:
    planner = GrammarPlanner(num_keyframes=num_keyframes)
    assert planner.plan("a cat moves left and a dog jumps").num_keyframes == num_keyframes


def test_size_and_displacement_are_arguments() -> None:
    (track,) = GrammarPlanner(object_size=(0.2, 0.3), displacement=0.5).plan("a cat moves right").tracks
    first, last = track.boxes[0], track.boxes[-1]
    assert first is not None
    assert last is not None
    assert (first[2] - first[0], first[3] - first[1]) == pytest.approx((0.2, 0.3))
    assert last[0] - first[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_keyframes": 0}, "num_keyframes is 0"),
        ({"object_size": (0.2, 1.5)}, r"object_size is 1\.5"),
        ({"displacement": 0.0}, r"displacement is 0\.0"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GrammarPlanner(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", ["", "  ", "...!"])
def test_empty_prompt_is_an_error(prompt: str) -> None:
    with pytest.raises(ValueError, match="has no word to plan for"):
        PLANNER.plan(prompt)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("Ein kleiner Hund läuft nach links", "known English"),
        ("Ein Hund läuft nach links durch den Park", "known English"),
        ("un perro corre hacia la derecha", "known English"),
        ("一只猫向左走", "written in Chinese"),
        ("A beautiful sunset over the ocean", "stands for the whole scene"),
        ("left", "stands for the whole scene"),
        ("100 sheep in a meadow", "too many to place"),
        ("a dog is not on the table", "where something is not"),
    ],
)
def test_what_is_not_understood_is_said(prompt: str, reason: str) -> None:
    """Confidence falls, the reason says why, and the layout stands still."""
    layout = PLANNER.plan(prompt)
    assert layout.confidence < 1
    assert reason in layout.reason
    assert all(len(set(track.boxes)) == 1 for track in layout.tracks)


def test_crowds_get_smaller_boxes_instead_of_overlap() -> None:
    layout = PLANNER.plan("six children are flying five kites next to seven dogs")
    assert len(layout.tracks) == 18
    boxes = interpolate_boxes(layout, 1)[:, 0]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3]) > 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a cat moves left", "A shiny golden retriever trots leftwards in a park"),
        ("A red kayak paddles to the left side of a calm lake", "a cat moves left"),
        ("a bear walks from the left to the right", "a wug moves right"),
        ("a ball rolls left while a puppy dashes right", "A red balloon drifts leftward and a glass slides rightward"),
        ("a dog on the left of a fox", "a big child to the left of a chair in a library"),
        ("three bees", "three old wooden chairs in a kitchen"),
    ],
)
def test_same_meaning_same_boxes(one: str, other: str) -> None:
    assert [t.boxes for t in PLANNER.plan(one).tracks] == [t.boxes for t in PLANNER.plan(other).tracks]


def test_any_words_give_a_layout() -> None:
    """Whatever the words, a usable layout comes out, and the same one again."""
    words = (
        "a the two five cat dogs left right up between of on each other one it moves rolling thrown by and while , . "
        "upper left corner not é 12 from to with camera half second chases into red"
    ).split(" ")
    rng = random.Random(0)
    for _ in range(150):
        prompt = " ".join(rng.choice(words) for _ in range(rng.randint(1, 14)))
        if any(character.isalnum() for character in prompt):
            assert GrammarPlanner().plan(prompt) == GrammarPlanner().plan(prompt)
