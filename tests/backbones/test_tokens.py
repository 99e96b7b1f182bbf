"""Positions of an object's tokens."""

import pytest
from pipelines import t5_tokenizer
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


def test_a_word_that_occurs_again_beyond_sight(tokenizer: PreTrainedTokenizerFast) -> None:
    """What the text encoder sees of it counts, unless a span asks for the one that it does not see."""
    assert token_positions(tokenizer, PROMPT, ["moves"], max_length=8) == [3]
    with pytest.raises(ValueError, match="'moves' lies beyond"):
        token_positions(tokenizer, PROMPT, ["moves"], [(42, 47)], max_length=8)


def test_further_mentions_beyond_sight_are_left_out(tokenizer: PreTrainedTokenizerFast) -> None:
    mentions = [(6, 12), (35, 41)]
    assert token_positions(tokenizer, PROMPT, ["circle", "circle"], mentions, max_length=8) == [2]
    with pytest.raises(ValueError, match="'circle' lies beyond"):
        token_positions(tokenizer, PROMPT, ["circle", "circle"], mentions, max_length=2)


@pytest.fixture(scope="module")
def t5() -> PreTrainedTokenizerFast:
    """A sentencepiece tokenizer as the real models': "walking" is two pieces, "triangles" three."""
    return t5_tokenizer()


def test_a_word_in_pieces(t5: PreTrainedTokenizerFast) -> None:
    prompt = "a cat walking left, two triangles"
    assert t5.tokenize(prompt) == ["▁a", "▁cat", "▁walk", "ing", "▁left", ",", "▁two", "▁tri", "angle", "s"]
    assert token_positions(t5, prompt, ["walking"]) == [2, 3]
    assert token_positions(t5, prompt, ["triangles", "cat"]) == [1, 7, 8, 9]


def test_pieces_of_neighbours_do_not_count(t5: PreTrainedTokenizerFast) -> None:
    """Neither the comma after a word nor the space before one."""
    assert token_positions(t5, "a cat, a circle", ["cat"]) == [1]
    assert token_positions(t5, "a cat, a circle", ["circle"]) == [4]


def test_a_repeated_word(t5: PreTrainedTokenizerFast) -> None:
    """All occurrences count without spans, the chosen one with them."""
    prompt = "a cat moves left. the cat is still, cats walk"
    assert token_positions(t5, prompt, ["cat"]) == token_positions(t5, prompt, ["cat"], [(2, 5), (22, 25)])
    assert len(token_positions(t5, prompt, ["cat"], [(22, 25)])) == 1


def test_a_prompt_beyond_the_limit_with_pieces(t5: PreTrainedTokenizerFast) -> None:
    prompt = "a red circle " * 8 + "and a cat"
    with pytest.raises(ValueError, match="'cat' lies beyond the 12 tokens"):
        token_positions(t5, prompt, ["cat"], max_length=12)
    assert token_positions(t5, prompt, ["circle"], [(6, 12)], max_length=12) == [2]
