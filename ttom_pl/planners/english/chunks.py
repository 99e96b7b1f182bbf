"""Phrases of a prompt, in order: noun phrases, verbs, prepositions, set phrases and what joins them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.adjectives import COLORS, is_adjective
from ttom_pl.planners.english.marks import Mark
from ttom_pl.planners.english.nouns import (
    ANIMATE,
    CLOTHES,
    COLLECTIVES,
    ING_MODIFIERS,
    ING_NOUNS,
    INVARIANT,
    IRREGULAR_PLURALS,
    MEASURES,
    PAIRED_THINGS,
    PLACES,
    is_plural,
    singular,
)
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.english.verbs import VerbForm, guessed_verb, known_verb


@dataclass(frozen=True)
class NounPhrase:
    """A noun phrase: ``prompt[start:end]``.

    Attributes:
        start: first character.
        end: character after the last.
        head: the noun.
        modifiers: the words before the noun, without determiner and number.
        determiner: article or possessive, in lower case; empty without.
        count: how many; ``None`` for a plural that does not say.
        plural: whether there are several.
    """

    start: int
    end: int
    head: Token
    modifiers: tuple[Token, ...] = ()
    determiner: str = ""
    count: int | None = 1
    plural: bool = False
    portion: str = ""

    @property
    def lemma(self) -> str:
        """The singular of the noun, in lower case."""
        return singular(self.head.low)

    @property
    def only_colors(self) -> bool:
        """Whether it names nothing but a colour ("a bright red")."""
        return self.head.low in COLORS and all(is_adjective(word.low) for word in self.modifiers)


@dataclass(frozen=True)
class Verb:
    """A verb, or an auxiliary (with an empty ``lemma``)."""

    token: Token
    lemma: str
    form: Literal["base", "s", "ing", "ed", "aux"]


@dataclass(frozen=True)
class Word:
    """A word that joins: a preposition, a conjunction, a pronoun, a negation, or a punctuation mark."""

    token: Token
    kind: Literal["preposition", "coordinator", "subordinator", "relative", "pronoun", "negation", "stop", "reciprocal"]

    @property
    def low(self) -> str:
        """The word in lower case."""
        return self.token.low


Chunk = NounPhrase | Verb | Word | Mark


_CLAUSE_OPENERS = frozenset({"while", "whilst", "whereas", "as", "when"})


@dataclass
class _Nouns:
    """A noun phrase while it is read."""

    words: list[Token] = field(default_factory=list)
    determiner: str = ""
    count: int | None = None
    start: int = -1
    joined: bool = False
    needs_verb: bool = False
    follows_preposition: bool = False
    follows_be: bool = False
    adjoins: bool = False

    @property
    def owned(self) -> bool:
        return any(word.low.endswith("'s") for word in self.words)

    @property
    def is_singular(self) -> bool:
        return not self.owned and (self.determiner in fw.SINGULAR or self.count == 1)

    @property
    def has_noun(self) -> bool:
        return any(not is_adjective(word.low) and not _participle(word.low) for word in self.words)


def chunk(tokens: Sequence[Token], marks: Sequence[Mark]) -> list[Chunk]:
    """Return the phrases of a prompt in order.

    Args:
        tokens: the words of the prompt.
        marks: its set phrases, which are taken out before the rest is read.
    """
    items: list[Token | Mark] = sorted(
        [*marks, *(t for t in tokens if not any(m.start <= t.start < m.end for m in marks))], key=lambda item: item.start
    )
    chunks: list[Chunk] = []
    at = 0
    while at < len(items):
        item = items[at]
        if isinstance(item, Mark):
            chunks.append(item)
            at += 1
            continue
        adjoins = bool(chunks) and isinstance(chunks[-1], NounPhrase) and chunks[-1].end == item.start - 1
        phrase, after = _noun_phrase(items, at, _subjects_so_far(chunks), adjoins)
        if phrase is not None:
            chunks.append(phrase)
            at = after
            continue
        at += 1
        if (read := _single(item, items, at, chunks)) is not None:
            chunks.append(read)
    return chunks


def _low(items: Sequence[Token | Mark], at: int) -> str:
    item = items[at] if 0 <= at < len(items) else None
    return item.low if isinstance(item, Token) else ""


def _single(token: Token, items: Sequence[Token | Mark], after: int, chunks: Sequence[Chunk]) -> Chunk | None:
    """Read one word that begins no noun phrase; ``None`` for one that says nothing here."""
    low = token.low
    if low in fw.NEGATIONS or low.endswith("n't"):
        return Word(token, "negation")
    if low in {"each other", "one another"}:
        return Word(token, "reciprocal")
    if low in fw.AUXILIARIES:
        return Verb(token, "", "aux")
    if low in fw.PRONOUNS:
        return Word(token, "pronoun")
    if low in fw.COORDINATORS or low == ",":
        return Word(token, "coordinator")
    if low in fw.RELATIVES:
        return Word(token, "relative")
    if low in fw.SUBORDINATORS and not (low in {"as", "since", "until", "till"} and _is_comparison(chunks, low)):
        return Word(token, "subordinator")
    if low in fw.PREPOSITIONS:
        return Word(token, "preposition")
    if low in {".", ";", "!", "?", ":"}:
        return Word(token, "stop")
    verb = None if fw.is_adverb(low) or is_adjective(low) else known_verb(low) or guessed_verb(low)
    if is_adjective(low) and chunks and isinstance(last := chunks[-1], NounPhrase) and last.plural:
        verb = known_verb(low)
    return Verb(token, verb.lemma, verb.form) if verb is not None else None


def _is_comparison(chunks: Sequence[Chunk], low: str) -> bool:
    """Whether "as" is a preposition ("dressed as a clown")."""
    last = chunks[-1] if chunks else None
    return low == "as" and isinstance(last, Verb) and last.lemma in {"dress", "serve", "act", "disguise", "work"}


def _subjects_so_far(chunks: Sequence[Chunk]) -> bool:
    """Whether "NP and" has been read, and no verb: the verb of what comes is a plural's ("a kid and a dog play")."""
    if not (chunks and isinstance(chunks[-1], Word) and chunks[-1].low == "and"):
        return False
    for earlier in reversed(chunks[:-1]):
        if isinstance(earlier, Word) and earlier.kind in ("stop", "subordinator"):
            break
        if isinstance(earlier, Verb):
            return False
    return len(chunks) > 1 and isinstance(chunks[-2], NounPhrase)


def _closes(low: str) -> bool:
    """Whether a word can be no part of a noun phrase that has begun."""
    return (
        not low
        or not low[0].isalnum()
        or low in fw.PREPOSITIONS
        or low in fw.COORDINATORS
        or low in fw.SUBORDINATORS
        or low in fw.RELATIVES
        or low in fw.PRONOUNS
        or low in fw.AUXILIARIES
        or low in fw.DETERMINERS
        or low in fw.NEGATIONS
        or low in {"each other", "one another"}
    )


def _participle(low: str) -> bool:
    if not low.endswith(("ing", "ed", "en", "wn", "rn", "ung", "unk")) or low in ING_NOUNS:
        return False
    verb = known_verb(low) or (guessed_verb(low) if low.endswith(("ing", "ed")) else None)
    return verb is not None and verb.form in ("ing", "ed")


def _number(low: str) -> int | None:
    if low.isdigit():
        return int(low)
    if "-" in low and all(part in fw.NUMBERS for part in low.split("-")):
        return sum(fw.NUMBERS[part] for part in low.split("-"))
    return fw.NUMBERS.get(low)


def _noun_phrase(
    items: Sequence[Token | Mark], at: int, joined: bool = False, adjoins: bool = False
) -> tuple[NounPhrase | None, int]:
    """Read a noun phrase from ``items[at]`` on; return it and where it ends, or ``None``."""
    before = _low(items, at - 1)
    phrase = _Nouns(
        start=items[at].start,
        joined=joined,
        needs_verb=before in _CLAUSE_OPENERS,
        follows_preposition=before in fw.PREPOSITIONS,
        follows_be=before in fw.AUXILIARIES,
        adjoins=adjoins,
    )
    at = _determiners(items, at, phrase)
    while at < len(items) and isinstance(token := items[at], Token):
        low = token.low
        if low in {",", "and"} and _joins_adjectives(items, at, phrase):
            at += 1
            continue
        if _closes(low):
            break
        if fw.is_adverb(low) and not is_adjective(low) and (phrase.has_noun or not _word_follows(items, at)):
            break
        if phrase.has_noun and _number(low) is not None:
            break
        if _is_verb_here(items, at, phrase):
            break
        if phrase.has_noun and is_adjective(low) and not _word_follows(items, at):
            break
        phrase.words.append(token)
        at += 1
    words = [word for word in phrase.words if not (fw.is_adverb(word.low) and not is_adjective(word.low))]
    bare = not phrase.determiner and phrase.count is None
    if not words or (bare and all(is_adjective(word.low) or fw.is_adverb(word.low) for word in words)):
        return None, at
    return _finish(items, at, phrase, words)


def _determiners(items: Sequence[Token | Mark], at: int, phrase: _Nouns) -> int:
    while at < len(items) and isinstance(token := items[at], Token):
        low = token.low
        number = _number(low)
        if low == "that" and not _word_follows(items, at):
            break
        if number is not None and _low(items, at + 1) not in {"of"}:
            phrase.count = number
        elif low in {"couple", "pair", "dozen", "few", "lot"} and phrase.determiner and _low(items, at + 1) == "of":
            break
        elif low in fw.DETERMINERS and low not in {"no"}:
            phrase.determiner = phrase.determiner or low
        else:
            break
        at += 1
        if low == "both":
            phrase.count = 2
    return at


def _word_follows(items: Sequence[Token | Mark], at: int) -> bool:
    """Whether the next word can go on with a noun phrase."""
    low = _low(items, at + 1)
    if _closes(low) or (fw.is_adverb(low) and not is_adjective(low)):
        return False
    verb = None if low in IRREGULAR_PLURALS or low in PLACES else known_verb(low)
    return not (verb is not None and verb.form in ("s", "base") and not is_adjective(low) and _closes(_low(items, at + 2)))


def _joins_adjectives(items: Sequence[Token | Mark], at: int, phrase: _Nouns) -> bool:
    """Whether a comma or "and" stands between adjectives before the noun ("a lush, green plant")."""
    if not phrase.words or phrase.has_noun:
        return False
    low = _low(items, at + 1)
    return (is_adjective(low) or _participle(low) or low in COLORS) and _word_follows(items, at + 1)


def _is_verb_here(items: Sequence[Token | Mark], at: int, phrase: _Nouns) -> bool:
    """Whether the word at ``at`` is the verb after the noun phrase read so far, not a part of it."""
    low, nxt = _low(items, at), _low(items, at + 1)
    known = known_verb(low)
    verb = known or guessed_verb(low)
    after = items[at + 1] if at + 1 < len(items) else None
    if low in {"lights", "light"} and isinstance(after, Mark) and after.kind == "particle":
        return True
    if low in ING_NOUNS and verb is not None:
        last = phrase.words[-1].low if phrase.words else ""
        if not phrase.words and not phrase.determiner and phrase.count is None:
            return at > 0 and not _closes(_low(items, at - 1))
        return phrase.has_noun and (nxt in fw.DETERMINERS or singular(last) in CLOTHES | ANIMATE)
    if verb is None:
        return bool(phrase.words) and _unknown_plural_verb(items, at, phrase)
    if not phrase.words:
        return _begins_without_noun(verb, items, at, phrase)
    last = phrase.words[-1].low
    if verb.form == "ing":
        if not phrase.has_noun or last.endswith("'s"):
            return not _word_follows(items, at) and not is_adjective(last)
        if low in ING_MODIFIERS and _word_follows(items, at) and is_adjective(last):
            return False
        return True
    if verb.form == "ed":
        return phrase.has_noun and (known is not None or not _word_follows(items, at))
    singular_head = phrase.is_singular
    many = phrase.count is not None and phrase.count > 1
    if verb.form == "s":
        if singular_head:
            return not last.endswith("'s")
        if many and not is_plural(last):
            return False
        if many:
            return is_plural(last)
        if known is None:
            return phrase.has_noun and (nxt in fw.ARTICLES or (phrase.needs_verb and not _word_follows(items, at)))
        if phrase.follows_preposition and (low in IRREGULAR_PLURALS or low in PLACES):
            return False
        if not phrase.has_noun:
            return phrase.follows_be and not phrase.determiner
        return (not is_plural(last) or last in INVARIANT) and not _finite(nxt)
    if many:
        return is_plural(last)
    if phrase.joined and phrase.has_noun and known is not None and not _word_follows(items, at):
        return True
    return is_plural(last) and not singular_head and not (phrase.determiner == "" and not phrase.has_noun)


def _finite(low: str) -> bool:
    verb = known_verb(low)
    return (verb is not None and verb.form in ("s", "base") and not is_adjective(low)) or low in fw.AUXILIARIES


def _unknown_plural_verb(items: Sequence[Token | Mark], at: int, phrase: _Nouns) -> bool:
    """Whether a word that no list holds is the verb of a plural ("two dogs frolic in the sand")."""
    low, last = _low(items, at), phrase.words[-1].low
    several = (phrase.count or 0) > 1
    plural_before = is_plural(last) and (several or not phrase.determiner) and last not in INVARIANT
    if is_adjective(low) or not plural_before or is_plural(low):
        return False
    return not _word_follows(items, at) and not is_adjective(last)


def _begins_without_noun(verb: VerbForm, items: Sequence[Token | Mark], at: int, phrase: _Nouns) -> bool:
    """Whether the first word after the determiner (or without one) is a verb, not a modifier or a noun."""
    determined = bool(phrase.determiner) or phrase.count is not None
    if determined:
        return False
    if phrase.adjoins:
        return True
    if verb.form in ("ing", "ed"):
        before = items[at - 1] if at else None
        if _low(items, at - 1) in fw.PREPOSITIONS - {"after", "before", "upon", "without", "from"}:
            return not _word_follows(items, at)
        starts = before is None or (isinstance(before, Mark) and before.kind == "skip") or _low(items, at - 1) in {".", ";"}
        return not (starts and _word_follows(items, at))
    first = at == 0 or _low(items, at - 1) in {".", ";"}
    if first:
        return False
    if verb.form == "base":
        return known_verb(_low(items, at)) is not None and not _noun_expected(items, at)
    return known_verb(_low(items, at)) is not None and not _noun_expected(items, at)


def _noun_expected(items: Sequence[Token | Mark], at: int) -> bool:
    """Whether a word stands where only a noun can: after a preposition, or between verb and end."""
    before = _low(items, at - 1)
    if before in fw.PREPOSITIONS and before != "to":
        return True
    item = items[at - 1]
    if isinstance(item, Mark):
        return item.kind in {"relation", "side of"} or (item.kind == "particle" and _low(items, at) in PLACES)
    verb = known_verb(before)
    return verb is not None and verb.form != "base" and not _finite(_low(items, at + 1))


def _finish(
    items: Sequence[Token | Mark], at: int, phrase: _Nouns, words: list[Token]
) -> tuple[NounPhrase | None, int]:
    """Close a noun phrase; go on behind "of" where the noun so far only measures what follows."""
    head = words[-1]
    count = phrase.count
    plural = (count or 1) > 1 or (not phrase.is_singular and count is None and is_plural(head.low))
    if head.low in INVARIANT and count is None:
        plural = False
    if _low(items, at) == "of" and at + 1 < len(items):
        inner, after = _noun_phrase(items, at + 1)
        if inner is not None and (singular(head.low) in MEASURES or head.low in MEASURES):
            return _portion(phrase, head.low, count, inner), after
        if inner is not None:
            found = NounPhrase(
                phrase.start, inner.end, head, tuple(words[:-1]), phrase.determiner,
                count if count is not None else (None if plural else 1), plural,
            )  # fmt: skip
            return found, after
    end = phrase.words[-1].end
    total = count if count is not None else (None if plural else 1)
    return NounPhrase(phrase.start, end, head, tuple(words[:-1]), phrase.determiner, total, plural), at


def _portion(phrase: _Nouns, measure: str, count: int | None, inner: NounPhrase) -> NounPhrase:
    """Return "a pair of dogs", "three slices of bread", "a flock of birds": the noun is the one after "of"."""
    total: int | None = count or 1
    collective = COLLECTIVES.get(measure)
    if collective is not None and inner.plural:
        total = 1 if inner.head.low in PAIRED_THINGS else collective * (count or 1)
    elif inner.plural and singular(measure) not in {"piece", "slice", "image", "figure", "model", "shape", "pile", "stack"}:
        total = inner.count
    return NounPhrase(
        phrase.start, inner.end, inner.head, inner.modifiers, phrase.determiner or inner.determiner, total,
        total is None or total > 1, measure,
    )  # fmt: skip
