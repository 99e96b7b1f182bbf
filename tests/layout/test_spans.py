"""Words found in prompts."""

import pytest

from ttom_pl.layout import LayoutError
from ttom_pl.layout.spans import find_phrase, find_words, head_word


@pytest.mark.parametrize(
    ("prompt", "phrase", "found"),
    [
        ("A red  Car drives", "a red car", "A red  Car"),
        ("the red car drives", "a red car", "red car"),
        ("scars and a car", "car", "car"),
        ("a cat", "a", "a"),
        ("a cat (black)", "cat (black)", "cat (black)"),
        ("a cat", "dog", None),
        ("a cat", "the", None),
    ],
)
def test_find_phrase(prompt: str, phrase: str, found: str | None) -> None:
    span = find_phrase(prompt, phrase)
    assert (span and prompt[slice(*span)]) == found


@pytest.mark.parametrize(
    ("phrase", "word"),
    [("a tall man in a white vest", "man"), ("hot air balloon", "balloon"), ("Cat", "cat"), ("a cup of tea", "cup")],
)
def test_head_word(phrase: str, word: str) -> None:
    assert head_word(phrase).casefold() == word


@pytest.mark.parametrize(
    ("prompt", "phrase", "words", "spans"),
    [
        ("a red circle and a blue circle", "a blue circle", ["circle"], ((24, 30),)),
        ("a red circle and a blue circle", "a blue circle", ["blue", "circle"], ((19, 23), (24, 30))),
        ("a red circle and a blue circle", "a blue circle", [], ((24, 30),)),
        ("three cars race", "car", [], ((6, 10),)),
        ("two butterflies", "a butterfly", [], ((4, 15),)),
        ("a leaf falls", "leaves", [], ((2, 6),)),
        ("two boxes", "box", [], ((4, 9),)),
        ("the dog dog", "dog dog", ["dog"], ((8, 11),)),
    ],
)
def test_find_words(prompt: str, phrase: str, words: list[str], spans: tuple[tuple[int, int], ...]) -> None:
    found, places = find_words(prompt, phrase, words)
    assert places == spans
    assert found == tuple(prompt[start:end] for start, end in spans)


@pytest.mark.parametrize("word", ["dog", " ", "ca"])
def test_words_that_are_nowhere(word: str) -> None:
    with pytest.raises(LayoutError, match="is not in the prompt 'a cat'; steer a word that the prompt has"):
        find_words("a cat", "a cat", [word])
