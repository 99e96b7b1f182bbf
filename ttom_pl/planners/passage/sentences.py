"""The sentences of a paragraph, and what kind of sentence each one is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ttom_pl.planners.english.nouns import singular
from ttom_pl.planners.english.syntax import Chunk, NounPhrase, Verb, Word
from ttom_pl.planners.english.tokens import Token

_BACKDROP = re.compile(
    r"\b(?:back(?:ground|drop)|in the (?:far )?distance|surround(?:ed|ing|ings|s)|on the horizon)\b", re.IGNORECASE
)
_LOOK = re.compile(
    r"\b(?:shots?|views?|close-?ups?|angles?|perspectives?|lighting|style|focus(?:ing)?|aesthetics?|lens"
    r"|compositions?|photography|cinematic|footage)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a paragraph.

    Attributes:
        number: its place, from 0.
        chunks: its phrases.
        words: the singulars of its words, in lower case.
        backdrop: from which character on it is about what is behind it all; ``None`` where it is not.
        look: whether it only says how the picture is taken.
    """

    number: int
    chunks: Sequence[Chunk]
    words: frozenset[str]
    backdrop: int | None = None
    look: bool = False

    def is_opening(self, noun: NounPhrase) -> bool:
        """Whether a noun phrase is the first one of the first sentence."""
        first = next((chunk for chunk in self.chunks if isinstance(chunk, NounPhrase)), None)
        return self.number == 0 and first is not None and first.start == noun.start


def split(prompt: str, tokens: Sequence[Token], chunks: Sequence[Chunk]) -> list[Sentence]:
    """Return the sentences of a paragraph that have a phrase."""
    ends = [token.end for token in tokens if token.low in {".", "!", "?"}]
    sentences: list[Sentence] = []
    start = 0
    for end in [*ends, len(prompt)]:
        inside = [chunk for chunk in chunks if start <= _start(chunk) < end]
        words = frozenset(singular(token.low) for token in tokens if start <= token.start < end and token.is_word)
        if any(isinstance(chunk, NounPhrase) for chunk in inside):
            text = prompt[start:end]
            backdrop = _BACKDROP.search(text)
            look = _LOOK.search(text) is not None and not any(isinstance(c, Verb) and c.is_finite for c in inside)
            behind = None if backdrop is None else start + backdrop.start()
            sentences.append(Sentence(len(sentences), inside, words, behind, look and bool(sentences)))
        start = end
    return sentences


def _start(chunk: Chunk) -> int:
    return chunk.token.start if isinstance(chunk, Verb | Word) else chunk.start
