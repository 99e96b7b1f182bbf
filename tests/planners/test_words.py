"""The small parts of English that the planner knows."""

import pytest

from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.mark_rules import find_marks
from ttom_pl.planners.english.nouns import is_place, is_plural, singular
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.tokens import tokenize
from ttom_pl.planners.english.verbs import guessed_verb, known_verb


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("cats", "cat"), ("boxes", "box"), ("children", "child"), ("geese", "goose"), ("ladies", "lady"),
        ("wolves", "wolf"), ("bus", "bus"), ("buses", "bus"), ("glass", "glass"), ("cactus", "cactus"),
        ("bonsais", "bonsai"), ("tennis", "tennis"), ("horses", "horse"), ("deer", "deer"), ("branches", "branch"),
    ],
)  # fmt: skip
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


def test_plural() -> None:
    assert is_plural("mice")
    assert is_plural("fish")
    assert not is_plural("bus")


def test_places_by_list_and_by_ending() -> None:
    assert [is_place(word) for word in ("garden", "boatyard", "mushroom", "classrooms", "car")] == [
        True,
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("word", "lemma", "form"),
    [
        ("flies", "fly", "s"), ("running", "run", "ing"), ("gliding", "glide", "ing"), ("fell", "fall", "ed"),
        ("dragged", "drag", "ed"), ("lies", "lie", "s"), ("sink", "sink", "base"), ("fleeing", "flee", "ing"),
    ],
)  # fmt: skip
def test_known_verbs(word: str, lemma: str, form: str) -> None:
    verb = known_verb(word)
    assert verb is not None
    assert (verb.lemma, verb.form) == (lemma, form)


def test_unknown_verbs_are_guessed_by_their_ending() -> None:
    assert known_verb("glimbing") is None
    guess = guessed_verb("glimbing")
    assert guess is not None
    assert guess.form == "ing"
    assert guessed_verb("glass") is None


@pytest.mark.parametrize(
    ("prompt", "kind", "text", "signs"),
    [
        ("a cat moves left", "step", "left", ((-1, 0),)),
        ("a cat moves to the far left side of the screen", "step", "to the far left side of the screen", ((-1, 0),)),
        ("from the upper left corner to the lower right", "route", None, ((-1, -1), (1, 1))),
        ("a cat on the left of a dog", "side of", "on the left of", ((-1, 0),)),
        ("a cat in the upper right corner", "at", "in the upper right corner", ((1, -1),)),
        ("a cat runs toward the camera", "growth", "toward the camera", ()),
        ("it goes up and to the left", "step", "up and to the left", ((-1, -1),)),
    ],
)
def test_marks(prompt: str, kind: str, text: str | None, signs: tuple[tuple[int, int], ...]) -> None:
    (mark,) = find_marks(prompt)
    assert (mark.kind, mark.signs) == (kind, signs)
    assert prompt[mark.start : mark.end] == (text or prompt)


@pytest.mark.parametrize("prompt", ["his left hand", "oranges are left over", "the right shoe", "a right-handed man"])
def test_no_marks(prompt: str) -> None:
    assert find_marks(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "phrases"),
    [
        ("Penguin waiter slides dinner to customers", ["Penguin waiter", "dinner", "customers"]),
        ("Soap bubbles float", ["Soap bubbles"]),
        ("a large flowing river", ["a large flowing river"]),
        ("an old vending machine", ["an old vending machine"]),
        ("a lush, green plant", ["a lush, green plant"]),
        ("a child building a sandcastle", ["a child", "a sandcastle"]),
        ("the building collapses", ["the building"]),
        ("A green rose darkens", ["A green rose"]),
        ("a cat's green eyes turn red", ["a cat's green eyes"]),
        ("three hot air balloons rise", ["three hot air balloons"]),
        ("a piece of bread", ["a piece of bread"]),
        ("water dripping from fallen leaves", ["water", "fallen leaves"]),
    ],
)
def test_noun_phrases(prompt: str, phrases: list[str]) -> None:
    chunks = chunk(tokenize(prompt), find_marks(prompt))
    assert [prompt[c.start : c.end] for c in chunks if isinstance(c, NounPhrase)] == phrases
