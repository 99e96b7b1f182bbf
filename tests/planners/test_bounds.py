"""No prompt takes long, whatever is in it; what is not read or not placed is said."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttom_pl.layout import Layout
from ttom_pl.planners import GrammarPlanner
from ttom_pl.planners.english.legible import MOST_WORDS
from ttom_pl.planners.geometry.arrangement import MOST_WORK, Body, search
from ttom_pl.planners.geometry.motions import Motion
from ttom_pl.planners.geometry.relations import Relation

PLANNER = GrammarPlanner()
LONGEST = 120_000
WORDS = (
    "a the two five nine twelve cat dogs red car left right up down between of on top and while it they moves falls "
    "rolling behind above in front one other each from to with upper corner chases into around . , ; the camera half "
    "seconds bird table sitting towards piece pair then not is which who"
).split(" ")


def plan_in_time(prompt: str) -> Layout:
    for _ in range(2):  # the first time may pay for a collection of garbage
        search.cache_clear()
        start = time.process_time()
        layout = PLANNER.plan(prompt)
        seconds = time.process_time() - start
        if seconds < 1:
            return layout
    raise AssertionError(f"{prompt[:80]!r}... takes {seconds:.1f} s")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=400).map(" ".join), st.integers(1, 400))
def test_any_english_is_planned_in_a_second(text: str, times: int) -> None:
    prompt = " ".join([text] * times)[:LONGEST]
    if any(letter.isalnum() for letter in prompt):
        plan_in_time(prompt)


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=300), st.integers(1, 400))
def test_any_noise_is_planned_in_a_second(text: str, times: int) -> None:
    prompt = (text * times)[:LONGEST]
    if not any(letter.isalnum() for letter in prompt):
        with pytest.raises(ValueError, match="has no word to plan for"):
            plan_in_time(prompt)
        return
    layout = plan_in_time(prompt)
    assert layout.prompt == prompt
    for track in layout.tracks:
        assert tuple(prompt[start:end] for start, end in track.spans) == track.words


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["left", "right", "up", "down", ""]), st.integers(1, 9)), min_size=1, max_size=9
    ),
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from(["left", "above", "on", "beside", "in"]), st.integers(0, 8))),
)
def test_no_search_goes_on_past_its_limit(things: list[tuple[str, int]], relations: list[tuple[int, str, int]]) -> None:
    steps = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
    bodies = tuple(Body(Motion((steps[way],) if way else ()), count) for way, count in things)
    count = len(bodies)
    known = tuple(Relation(kind, (a,), (b,)) for a, kind, b in relations if a < count and b < count and a != b)  # type: ignore[arg-type]
    found = search(bodies, known, 6, 0.45)
    assert found.boxes is None or found.spent <= MOST_WORK


def test_what_is_too_much_to_place_is_said() -> None:
    layout = PLANNER.plan("nine cats move left, ten dogs move right, eight cows move up, seven pigs move down")
    assert layout.confidence < 0.1
    assert "take too long to find" in layout.reason or "too many objects" in layout.reason
    assert len(layout.tracks) > 4


def test_only_the_beginning_of_a_book_is_read() -> None:
    prompt = "A cat walks to the left. " + "The light is soft and warm. " * 4000
    layout = plan_in_time(prompt)
    assert [track.words for track in layout.tracks] == [("cat",)]
    assert layout.confidence <= 0.5
    assert f"only its first {MOST_WORDS - 4} words" in layout.reason or "too long" in layout.reason


@pytest.mark.parametrize("text", ["other ", "a of ", "red, ", "from the left ", "a cat and ", "-", "who ", "a slowly "])
def test_one_word_again_and_again(text: str) -> None:
    plan_in_time("a dog " + text * (LONGEST // len(text)))


def test_relations_by_the_hundred() -> None:
    prompt = "; ".join(f"a {one} is on the left of a {other}" for one in WORDS[9:12] for other in WORDS[9:12])
    assert plan_in_time(prompt * 20).tracks


@pytest.mark.parametrize("most", [1, 2, 6])
def test_a_layout_holds_no_more_objects_than_asked_for(most: int) -> None:
    prompt = "a cat, a dog, a bird, a horse, a sheep, a fox and a goose walk in a park"
    layout = GrammarPlanner(max_objects=most).plan(prompt)
    assert [track.phrase for track in layout.tracks] == ["a cat", "a dog", "a bird", "a horse", "a sheep", "a fox"][
        :most
    ]
    assert "more than" in layout.reason
    assert layout.confidence <= 0.5
