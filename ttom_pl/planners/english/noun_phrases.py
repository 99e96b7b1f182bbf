"""Noun phrases: from the article to the noun, and on to what it measures."""

from collections.abc import Sequence

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.adjectives import COLORS, is_adjective
from ttom_pl.planners.english.lexicon import look_up
from ttom_pl.planners.english.line import Line, is_participle
from ttom_pl.planners.english.nouns import (
    COLLECTIVES,
    ING_NOUNS,
    INVARIANT,
    MEASURES,
    PAIRED_THINGS,
    PARTS,
    SINGLE_MEASURES,
    is_plural,
    singular,
)
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.english.verb_or_noun import OpenPhrase, is_verb

_DEEPEST, _LONGEST = 4, 24
_SPOTS = frozenset(
    "back base border bottom brink center centre corner edge end front interior middle rim side surface tip top".split()
)
"""Spots of a thing: what is on the edge of a table is on the table."""


def noun_phrase(
    line: Line, at: int, joined: bool = False, adjoins: bool = False, depth: int = 0
) -> tuple[NounPhrase | None, int]:
    """Read a noun phrase.

    Args:
        line: the prompt.
        at: where to begin.
        joined: whether "NP and" stands before it, without a verb.
        adjoins: whether another noun phrase stands right before it.
        depth: in how many others it stands, behind their "of".

    Returns:
        The noun phrase, or ``None`` where there is none, and the place behind it.
    """
    phrase = OpenPhrase(line.items[at].start, before=line.low(at - 1), joined=joined, adjoins=adjoins)
    at = _determiners(line, at, phrase)
    while at < len(line) and isinstance(token := line.items[at], Token):
        if token.low in {",", "and"} and _joins_adjectives(line, at, phrase):
            at += 1
            continue
        if len(phrase.words) == _LONGEST or line.closes(at) or _ends(line, at, phrase) or is_verb(line, at, phrase):
            break
        phrase.words.append(token)
        at += 1
    words = [w for w in phrase.words if is_adjective(w.low) or not fw.is_adverb(w.low)]
    words = words or (phrase.words[-1:] if phrase.determiner else [])
    if not words or (phrase.is_bare and not phrase.has_noun and words[-1].low not in ING_NOUNS):
        return None, at
    return _close(line, at, phrase, words, depth)


def number(low: str) -> int | None:
    """Return the number that a word says, if it does."""
    if low.isdecimal():
        return int(low)
    if "-" in low and all(part in fw.NUMBERS for part in low.split("-")):
        return sum(fw.NUMBERS[part] for part in low.split("-"))
    return fw.NUMBERS.get(low)


def _determiners(line: Line, at: int, phrase: OpenPhrase) -> int:
    """Read articles, possessives and numbers; return the place behind them."""
    while at < len(line) and (low := line.low(at)):
        if low == "that" and not line.word_follows(at):
            break
        if low == "both" and line.low(at + 1) in fw.ARTICLES | fw.POSSESSIVE:  # "both a cook and a cat"
            at += 1
            continue
        if low in {"couple", "pair", "dozen", "few", "lot"} and phrase.determiner and line.low(at + 1) == "of":
            break
        if number(low) is not None and line.low(at + 1) != "of":
            phrase.count = number(low)
            phrase.determiner = phrase.determiner or ("one" if low == "one" else "")
        elif low in fw.DETERMINERS and low != "no":
            phrase.determiner = phrase.determiner or low
        else:
            break
        at += 1
    return at


def _joins_adjectives(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Whether a comma or "and" stands between words that describe the noun to come ("a lush, green plant")."""
    at += fw.is_adverb(line.low(at + 1)) and line.low(at + 1).endswith("ly")
    low = line.low(at + 1)
    describes = is_adjective(low) or low in COLORS or (is_participle(low) and bool(phrase.determiner))
    unknown = line.low(at) == "," and phrase.determiner in {"a", "an"} and len(phrase.words) == 1 and is_adjective(low)
    if line.low(at) == "," and phrase.determiner in {"a", "an"} and len(phrase.words) == 1 and not line.closes(at + 1):
        entry = look_up(phrase.words[0].low)
        unknown |= entry is not None and entry.adjective > 5
        describes |= unknown
    begun = bool(phrase.words) and (not phrase.has_noun or unknown)
    return begun and describes and line.word_follows(at + 1)


def _ends(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Whether an adverb, a number or an adjective behind the noun ends the phrase."""
    low = line.low(at)
    if fw.is_adverb(low) and not is_adjective(low):
        described = is_adjective(line.low(at + 1)) or is_participle(line.low(at + 1))
        if phrase.determiner and not phrase.has_noun and (not low.endswith("ly") or described):
            return False
        entry = look_up(low)
        if (
            phrase.determiner and entry is not None and entry.noun > 3 and line.word_follows(at)
        ):  # "a modern home office"
            return False
        return phrase.has_noun or not line.word_follows(at)
    return phrase.has_noun and (number(low) is not None or (is_adjective(low) and not line.word_follows(at)))


def _close(line: Line, at: int, phrase: OpenPhrase, words: Sequence[Token], depth: int) -> tuple[NounPhrase, int]:
    """Close a noun phrase, with the "of …" that belongs to it."""
    head = words[-1]
    plural = (phrase.count or 1) > 1 or (phrase.count is None and not phrase.is_singular and is_plural(head.low))
    if head.low in INVARIANT and phrase.count is None:
        plural = False
    count = phrase.count if phrase.count is not None else (None if plural else 1)
    if head.low in PAIRED_THINGS and phrase.count is None:
        count, plural = 1, False
    end, of = phrase.words[-1].end, None
    if line.low(at) == "of" and at + 1 < len(line) and depth < _DEEPEST:
        inner, after = noun_phrase(line, at + 1, depth=depth + 1)
        if inner is not None and {head.low, singular(head.low)} & (MEASURES | PARTS):
            return _portion(phrase, head.low, inner), after
        if inner is not None and singular(head.low) in _SPOTS:
            return inner, after
        if inner is not None and inner.plural and (some := number(head.low)) is not None:
            some_of = NounPhrase(phrase.start, inner.end, inner.head, inner.modifiers, "", some, some > 1)
            return some_of, after
        if inner is not None:
            at, end, of = after, inner.end, inner
    return NounPhrase(phrase.start, end, head, tuple(words[:-1]), phrase.determiner, count, plural, "", of), at


def _portion(phrase: OpenPhrase, measure: str, inner: NounPhrase) -> NounPhrase:
    """Return "a pair of dogs", "three slices of bread", "a flock of birds": its noun is the one behind "of"."""
    count: int | None = phrase.count or 1
    collective = COLLECTIVES.get(measure)
    if collective is not None and inner.plural:
        count = 1 if inner.head.low in PAIRED_THINGS else collective * (phrase.count or 1)
    elif inner.plural and singular(measure) not in SINGLE_MEASURES:
        count = inner.count
    determiner = phrase.determiner or inner.determiner
    several = count is None or count > 1
    return NounPhrase(phrase.start, inner.end, inner.head, inner.modifiers, determiner, count, several, measure)
