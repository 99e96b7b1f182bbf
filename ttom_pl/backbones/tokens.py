"""Where an object's words are in the tokenized prompt."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PreTrainedTokenizerBase


def token_positions(
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    words: Sequence[str],
    spans: Sequence[tuple[int, int]] = (),
    max_length: int = 512,
) -> list[int]:
    """Return the positions of the tokens that an object's words are made of.

    Args:
        tokenizer: a fast tokenizer (it must report character offsets).
        prompt: the prompt, as it is given to the text encoder.
        words: the object's words; every occurrence in the prompt counts, case is ignored.
        spans: character spans (start, end) of the words in the prompt; where given, only these occurrences count.
        max_length: tokens that the text encoder sees; what lies beyond is cut off.

    Raises:
        ValueError: if a word is not in the prompt or lies beyond ``max_length``, or if the tokenizer does not know a
            word of the prompt, be it the object's or another.
    """
    if not spans:
        spans = [span for word in words for span in _occurrences(word, prompt)]
    encoded = tokenizer(prompt, truncation=True, max_length=max_length, return_offsets_mapping=True)
    _check_known(tokenizer, prompt, encoded)
    positions = []
    for start, end in spans:
        found = [i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > start]
        if not found:
            raise ValueError(
                f"the word {prompt[start:end]!r} lies beyond the {max_length} tokens that the text encoder sees of the "
                f"prompt {prompt!r}; shorten the prompt or raise max_sequence_length"
            )
        positions += found
    return sorted(set(positions))


def _check_known(tokenizer: PreTrainedTokenizerBase, prompt: str, encoded: Mapping[str, Any]) -> None:
    """Refuse a prompt with a word (not merely a sign) that the text encoder would see as "unknown"."""
    for token, (start, end) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
        if token == tokenizer.unk_token_id and re.search(r"\w", prompt[start:end]):
            raise ValueError(
                f"the text encoder does not know the word {prompt[start:end]!r} of the prompt {prompt!r}; "
                "use words of its vocabulary"
            )


def _occurrences(word: str, prompt: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", prompt, re.IGNORECASE)]
    if not spans:
        raise ValueError(f"the word {word!r} is not in the prompt {prompt!r}; an object's words must occur in it")
    return spans
