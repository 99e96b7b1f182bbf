"""Positions of an object's tokens."""

import pytest
from transformers import PreTrainedTokenizerFast

from ttom_pl.backbones.tokens import token_positions
from ttom_pl.sprites.tokenizer import make_tokenizer

PROMPT = "a red circle moves left and a blue circle moves up"


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


def test_one_word(tokenizer: PreTrainedTokenizerFast) -> None:
    assert token_positions(tokenizer, PROMPT, ["blue"]) == [7]


def test_every_occurrence_counts_without_spans(tokenizer: PreTrainedTokenizerFast) -> None:
    assert token_positions(tokenizer, PROMPT, ["circle", "red"]) == [1, 2, 8]


def test_spans_choose_the_occurrence(tokenizer: PreTrainedTokenizerFast) -> None:
    assert token_positions(tokenizer, PROMPT, ["circle"], [(35, 41)]) == [8]


def test_case_is_ignored(tokenizer: PreTrainedTokenizerFast) -> None:
    assert token_positions(tokenizer, PROMPT.upper(), ["Blue"]) == [7]


def test_words_of_several_tokens_and_phrases(tokenizer: PreTrainedTokenizerFast) -> None:
    assert token_positions(tokenizer, PROMPT, ["blue circle"]) == [7, 8]


def test_parts_of_words_are_not_words(tokenizer: PreTrainedTokenizerFast) -> None:
    """The singular does not match the plural."""
    with pytest.raises(ValueError, match="'circle' is not in the prompt"):
        token_positions(tokenizer, "two red circles move left", ["circle"])


def test_a_word_that_is_not_in_the_prompt(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="'square' is not in the prompt"):
        token_positions(tokenizer, PROMPT, ["circle", "square"])


def test_a_word_that_the_tokenizer_does_not_know(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="does not know the word 'dog'"):
        token_positions(tokenizer, "a red dog moves left", ["dog"])


def test_unknown_words_elsewhere_are_refused_too(tokenizer: PreTrainedTokenizerFast) -> None:
    """The model would see something else than was asked for; signs do not matter."""
    with pytest.raises(ValueError, match="does not know the word 'dog'"):
        token_positions(tokenizer, "a red circle and a dog", ["circle"])
    assert token_positions(tokenizer, "a red circle, and a blue square.", ["circle", "square"]) == [2, 7]


def test_a_word_beyond_the_text_encoders_sight(tokenizer: PreTrainedTokenizerFast) -> None:
    """Of max_length tokens the last is the end token."""
    assert token_positions(tokenizer, PROMPT, ["up"], max_length=12) == [10]
    with pytest.raises(ValueError, match="'up' lies beyond the 11 tokens"):
        token_positions(tokenizer, PROMPT, ["up"], max_length=11)
