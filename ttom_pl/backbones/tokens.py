"""Where an object's words are in the tokenized prompt."""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Template:
    """What a prompt is put into before it is tokenized.

    Attributes:
        before: text before the prompt.
        after: text after it.
        cropped: tokens that are cut off the start of what the text encoder returns.
        special: whether the tokenizer adds its own tokens, such as one for the end.
    """

    before: str = ""
    after: str = ""
    cropped: int = 0
    special: bool = True

    def check(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Warn if what is cropped is not what a tokenizer makes of the text before a prompt."""
        text = f"{self.before}a{self.after}"
        offsets = tokenizer(text, return_offsets_mapping=True, add_special_tokens=self.special)["offset_mapping"]
        before = next(i for i, (_, end) in enumerate(offsets) if end > len(self.before))
        if self.cropped and before != self.cropped:
            warnings.warn(
                f"{type(tokenizer).__name__} makes {before} tokens of the text before a prompt, of which the pipeline "
                f"crops {self.cropped}: it is not the tokenizer that the model was trained with, or was loaded as "
                "another class than its files are for; give a pipeline with the right one, e.g. loaded by "
                "PreTrainedTokenizerFast",
                stacklevel=3,
            )


def token_positions(
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    words: Sequence[str],
    spans: Sequence[tuple[int, int]] = (),
    max_length: int = 512,
    template: Template = Template(),
) -> list[int]:
    """Return the positions of the tokens that an object's words are made of.

    Args:
        tokenizer: a fast tokenizer (it must report character offsets).
        prompt: the prompt, as it is given to the text encoder.
        words: the object's words; every occurrence in the prompt that the text encoder sees counts, case is ignored.
        spans: character spans (start, end) of the words in the prompt; where given, only these occurrences count. Of
            several mentions of the object those that the text encoder sees do.
        max_length: tokens that the text encoder sees; what lies beyond is cut off.
        template: what the prompt is put into; positions are counted after what is cropped.

    Raises:
        ValueError: if a word is not in the prompt or lies beyond ``max_length``, with spans if all of them do, or if
            the tokenizer does not know a word of the prompt, be it the object's or another.
    """
    named = spans or [span for word in words for span in _occurrences(word, prompt)]
    encoded = tokenizer(
        template.before + prompt + template.after,
        truncation=True,
        max_length=max_length + template.cropped,
        return_offsets_mapping=True,
        add_special_tokens=template.special,
    )
    shift = len(template.before)
    offsets = [(start - shift, end - shift) for start, end in encoded["offset_mapping"]]
    inside = [i for i, (start, end) in enumerate(offsets) if end > 0 and start < len(prompt)]
    _check_known(tokenizer, prompt, [(encoded["input_ids"][i], offsets[i]) for i in inside])
    positions_by_span = {
        (start, end): [
            i - template.cropped
            for i in inside
            if i >= template.cropped and offsets[i][0] < end and offsets[i][1] > start
        ]
        for start, end in named
    }
    seen = {prompt[start:end].lower() for (start, end), positions in positions_by_span.items() if positions}
    for (start, end), positions in positions_by_span.items():
        if not positions and (not seen if spans else prompt[start:end].lower() not in seen):
            raise ValueError(
                f"the word {prompt[start:end]!r} lies beyond the {max_length} tokens that the text encoder sees of the "
                f"prompt {prompt!r}; shorten the prompt or raise max_sequence_length"
            )
    return sorted({position for positions in positions_by_span.values() for position in positions})


def spans_in(cleaned: str, prompt: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return where the words of some spans of a prompt are in the same prompt after it was cleaned.

    The n-th occurrence stays the n-th. Empty if cleaning has changed how often one of the words occurs.
    """
    moved = []
    for start, end in spans:
        word = re.escape(prompt[start:end])
        before = [match.start() for match in re.finditer(word, prompt)]
        after = [match.span() for match in re.finditer(word, cleaned)]
        if len(before) != len(after) or start not in before:
            return []
        moved.append(after[before.index(start)])
    return moved


def _check_known(
    tokenizer: PreTrainedTokenizerBase, prompt: str, tokens: Iterable[tuple[int, tuple[int, int]]]
) -> None:
    """Refuse a prompt with a word (not merely a sign) that the text encoder would see as "unknown"."""
    for token, (start, end) in tokens:
        if token == tokenizer.unk_token_id and re.search(r"\w", prompt[max(start, 0) : end]):
            raise ValueError(
                f"the text encoder does not know the word {prompt[max(start, 0) : end]!r} of the prompt {prompt!r}; "
                "use words of its vocabulary"
            )


def _occurrences(word: str, prompt: str) -> list[tuple[int, int]]:
    spans = [match.span() for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", prompt, re.IGNORECASE)]
    if not spans:
        raise ValueError(f"the word {word!r} is not in the prompt {prompt!r}; an object's words must occur in it")
    return spans
