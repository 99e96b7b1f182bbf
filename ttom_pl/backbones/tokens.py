"""Where an object's words are in the tokenized prompt."""

import re
from collections.abc import Sequence

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
        ValueError: if a word is not in the prompt, lies beyond ``max_length``, or is unknown to the tokenizer.
    """
    if not spans:
        spans = [span for word in words for span in _occurrences(word, prompt)]
    encoded = tokenizer(prompt, truncation=True, max_length=max_length, return_offsets_mapping=True)
    positions = []
    for start, end in spans:
        found = [i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > start]
        if not found:
            raise ValueError(
                f"the word {prompt[start:end]!r} lies beyond the {max_length} tokens that the text encoder sees of the "
                f"prompt {prompt!r}; shorten the prompt or raise max_sequence_length"
            )
        if any(encoded["input_ids"][i] == tokenizer.unk_token_id for i in found):
            raise ValueError(
                f"the text encoder does not know the word {prompt[start:end]!r} of the prompt {prompt!r}; "
                "use a word of its vocabulary"
            )
        positions += found
    return sorted(set(positions))


def _occurrences(word: str, prompt: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", prompt, re.IGNORECASE)]
    if not spans:
        raise ValueError(f"the word {word!r} is not in the prompt {prompt!r}; an object's words must occur in it")
    return spans
