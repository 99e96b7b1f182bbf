"""What the planner knows of words: WordNet's kinds, and the word lists that are data."""

import gzip
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ttom_pl.planners.english import __name__ as english
from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.lexicon import is_kind_of, kinds_of, look_up
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.things import can_be_drawn, can_mean, is_part
from ttom_pl.planners.english.tokens import tokenize
from ttom_pl.planners.english.word_lists import word_classes, word_groups, word_list
from ttom_pl.planners.geometry.proportions import CLASSES

DATA = files(english).joinpath("data")
WORDS = [
    row.split("\t", 1)[0]
    for row in gzip.decompress(DATA.joinpath("lexicon.txt.gz").read_bytes()).decode().split("\n")[1:]
]
KINDS = {"animal", "artifact", "body", "food", "object", "person", "plant", ""}


def noun(text: str) -> NounPhrase:
    (found,) = (each for each in chunk(tokenize(text), []) if isinstance(each, NounPhrase))
    return found


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(WORDS))
def test_every_entry_can_be_read(word: str) -> None:
    """Shares of nine, a kind, and senses that lead up to something most general."""
    entry = look_up(word)
    assert entry is not None
    assert all(0 <= share <= 9 for share in (entry.noun, entry.verb, entry.adjective, entry.thing))
    assert entry.kind in KINDS
    for sense in entry.senses:
        above = kinds_of(sense)
        assert above[0] == sense
        assert len(set(above)) == len(above)
    assert not entry.senses or is_kind_of(word, word)


def test_unknown_words_are_unknown() -> None:
    assert look_up("wug") is None
    assert not is_kind_of("wug", "animal")


@pytest.mark.parametrize(
    ("word", "general"),
    [("terrier", "dog"), ("dog", "animal"), ("sofa", "couch"), ("couch", "sofa"), ("taxi", "car"), ("car", "vehicle")],
)
def test_kinds(word: str, general: str) -> None:
    assert is_kind_of(word, general)


@pytest.mark.parametrize(
    ("word", "general"), [("dog", "terrier"), ("dog", "cat"), ("car", "animal"), ("oak", "vehicle")]
)
def test_what_is_no_kind(word: str, general: str) -> None:
    assert not is_kind_of(word, general)


@pytest.mark.parametrize("text", ["a teapot", "two foxes", "a hot dog", "a pair of skis", "an old fisherman", "a wug"])
def test_things_that_can_be_drawn(text: str) -> None:
    assert can_be_drawn(noun(text))


@pytest.mark.parametrize(
    "text",
    ["natural sunlight", "a sense of wonder", "the atmosphere", "soft focus", "a modern", "warm tones", "elegance"],
)
def test_things_that_cannot(text: str) -> None:
    found = [each for each in chunk(tokenize(text), []) if isinstance(each, NounPhrase)]
    assert not any(can_be_drawn(each) for each in found if each.of is None)


def test_parts() -> None:
    assert is_part(noun("the wheel"))
    assert not is_part(noun("the wagon"))


@pytest.mark.parametrize(
    ("again", "first", "same"),
    [
        ("the vehicle", "a red sports car", True),
        ("the dog", "a small terrier", True),
        ("the couch", "a brown sofa", True),
        ("a red car", "a blue car", False),
        ("the cat", "a small terrier", False),
    ],
)
def test_what_can_be_meant_again(again: str, first: str, same: bool) -> None:
    assert can_mean(noun(again), noun(first)) is same


@pytest.mark.parametrize("name", ["things", "no_things", "parts", "verbs"])
def test_word_lists_are_lower_case_and_repeat_nothing(name: str) -> None:
    text = DATA.joinpath(f"{name}.txt").read_text(encoding="utf-8")
    words = [word for line in text.splitlines() for word in line.partition("#")[0].split()]
    assert word_list(name) == frozenset(words)
    assert all(word == word.lower() for word in words)
    assert len(words) == len(set(words))


def test_classes_are_those_that_are_asked_for() -> None:
    assert {each.name for each in word_classes("sizes").values()} == {*CLASSES, "unknown"}
    assert {each.name for each in word_classes("levels").values()} == {"ground", "air"}
    text = DATA.joinpath("sizes.txt").read_text(encoding="utf-8")
    words = [word.rstrip("+") for line in text.splitlines() if not line.startswith("#") for word in line.split()[1:]]
    assert sorted(words) == sorted(set(words)), "a word with two classes"


def test_close_words_are_close_both_ways() -> None:
    groups = word_groups("close_words")
    assert all(word in groups[other] for word, others in groups.items() for other in others)
    assert "mobile phone" in groups["cell phone"]
