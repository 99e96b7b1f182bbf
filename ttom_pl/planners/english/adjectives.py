"""Adjectives: needed to see where a noun phrase has its noun."""

from functools import cache

from ttom_pl.planners.english.function_words import NUMBERS
from ttom_pl.planners.english.lexicon import look_up
from ttom_pl.planners.english.word_lists import word_sections

_WORDS = word_sections("adjectives")
COLORS = _WORDS["colors"]
_ADJECTIVES = _WORDS["adjectives"]
_ALSO_NOUNS = _WORDS["also_nouns"]
_ENDINGS = (
    "ful",
    "ous",
    "ish",
    "less",
    "able",
    "ible",
    "ical",
    "shaped",
    "haired",
    "colored",
    "coloured",
    "like",
    "ular",
)
_MOSTLY = 7
_NOT = _WORDS["not"]


@cache
def is_adjective(word: str) -> bool:
    """Whether a word is an adjective, by the list, by its ending or by what the lexicon says of it."""
    if word in _ADJECTIVES or (word in COLORS and word not in _ALSO_NOUNS):
        return True
    if "-" in word and word.endswith("ed"):
        return True
    if word.endswith(("er", "est")) and len(word) > 4 and word not in _NOT:
        stem = word.removesuffix("est").removesuffix("er")
        short = stem[:-1] if stem[-1] == stem[-2] else ""
        entry = look_up(word)
        tool = entry is not None and entry.noun > 5 and not entry.adjective and entry.kind
        if not tool and {stem, stem + "e", short, stem.removesuffix("i") + "y"} & (_ADJECTIVES | COLORS - _ALSO_NOUNS):
            return True
    if len(word) > 5 and word.endswith(_ENDINGS) and word not in _NOT:
        return True
    entry = look_up(word)
    if entry is None or entry.adjective < _MOSTLY or entry.kind in ("person", "animal"):
        return False
    return word not in NUMBERS and not word.endswith(("ing", "ed", "en", "wn", "rn"))
