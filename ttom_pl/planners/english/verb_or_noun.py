"""English's hardest question here: is this word the verb, or still a part of the noun phrase?"""

from dataclasses import dataclass, field

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.adjectives import is_adjective
from ttom_pl.planners.english.lexicon import look_up
from ttom_pl.planners.english.line import Line, is_participle
from ttom_pl.planners.english.nouns import (
    ANIMATE,
    CLOTHES,
    ING_MODIFIERS,
    ING_NOUNS,
    INVARIANT,
    IRREGULAR_PLURALS,
    PLACES,
    SINGULAR_S,
    is_plural,
    singular,
)
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.english.verbs import MOVES, VerbForm, guessed_verb, known_verb

_WITH_BASE = frozenset({"watch", "see", "hear", "feel", "let", "make", "help", "observe"})
"""Verbs that take an object with a verb of its own ("watches *a goldfish swim*")."""
_RATHER_A_VERB = 8
_WAYS = frozenset({"step", "particle", "goto", "route", "from", "growth", "away", "swing", "circle"})
_SET_IN = frozenset("in on at against amid amidst during within".split())
_BEHIND_VERBS = fw.ARTICLES | fw.POSSESSIVE | {"out", "off", "away", "over", "back"}
_BEFORE_GERUNDS = frozenset({"after", "before", "upon", "without", "from"})


@dataclass
class OpenPhrase:
    """A noun phrase while it is read.

    Attributes:
        start: its first character.
        words: its words so far, without determiners and numbers.
        determiner: its article or possessive.
        count: the number that it begins with.
        before: the word before it.
        adjoins: whether another noun phrase stands right before it.
        joined: whether "NP and" stands before it, and no verb: its verb is a plural's ("a kid and a dog play").
    """

    start: int
    words: list[Token] = field(default_factory=list)
    determiner: str = ""
    count: int | None = None
    before: str = ""
    adjoins: bool = False
    joined: bool = False

    @property
    def is_bare(self) -> bool:
        """Whether it has neither determiner nor number."""
        return not self.determiner and self.count is None

    @property
    def is_singular(self) -> bool:
        """Whether its noun must be one."""
        owned = any(word.low.endswith("'s") for word in self.words)
        return not owned and (self.determiner in fw.SINGULAR or self.count == 1)

    @property
    def has_noun(self) -> bool:
        """Whether one of its words is more than an adverb or an adjective."""
        return any(not is_adjective(w.low) and not is_participle(w.low) and not fw.is_adverb(w.low) for w in self.words)


def is_verb(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Return whether the word at ``at`` is the verb after a noun phrase, or where one could begin."""
    low = line.low(at)
    after = line.mark(at + 1)
    if low in {"lights", "light"} and after is not None and after.kind == "particle":
        return True
    if low == "set" and phrase.has_noun and line.low(at + 1) in _SET_IN:
        return True
    verb = known_verb(low) or guessed_verb(low)
    if verb is None:
        return bool(phrase.words) and _is_unknown_verb(line, at, phrase)
    if low in ING_NOUNS:
        return _is_gerund(line, at, phrase)
    if not phrase.words:
        return phrase.is_bare and _begins_with_verb(verb, line, at, phrase)
    match verb.form:
        case "ing":
            return _is_active_participle(line, at, phrase)
        case "ed":
            return phrase.has_noun and (known_verb(low) is not None or not line.word_follows(at))
        case "s":
            return _is_third_person(line, at, phrase)
        case _:
            return _is_base(line, at, phrase)


def _is_gerund(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Decide on "painting", "building": after who could do it, or before its object, it is the verb."""
    if not phrase.words:
        return phrase.is_bare and at > 0 and not line.closes(at - 1)
    last = singular(phrase.words[-1].low)
    return phrase.has_noun and (line.low(at + 1) in fw.DETERMINERS or last in CLOTHES | ANIMATE)


def _is_active_participle(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Decide on "flying": a verb after a noun, but not in "a large flowing river", "an old vending machine"."""
    last = phrase.words[-1].low
    if not phrase.has_noun or last.endswith("'s"):
        return (not line.word_follows(at) or is_plural(line.low(at + 1))) and not is_adjective(last)
    modifies = line.low(at) in ING_MODIFIERS and line.word_follows(at)
    return not (modifies and (is_adjective(last) or (phrase.is_singular and line.is_finite(at + 2))))


def _is_third_person(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Decide on "moves": a verb after one thing, but the plural noun in "three paper planes"."""
    low, last = line.low(at), phrase.words[-1].low
    known = known_verb(low) is not None
    if low in SINGULAR_S and line.word_follows(at):
        return False
    if phrase.is_singular:
        return not last.endswith("'s")
    if phrase.count is not None:
        return is_plural(last)
    if not known:
        needed = phrase.before in fw.CLAUSE_OPENERS and not line.word_follows(at)
        return phrase.has_noun and (line.low(at + 1) in _BEHIND_VERBS or needed)
    if not phrase.has_noun:
        after_adverb = all(word.low in fw.ORDINALS for word in phrase.words)
        follows = phrase.adjoins or phrase.before in fw.AUXILIARIES | fw.PRONOUNS
        return not phrase.determiner and (follows or (known and after_adverb))
    if phrase.before in fw.PREPOSITIONS and (low in IRREGULAR_PLURALS or low in PLACES):
        return False
    if is_plural(last) and last not in INVARIANT:
        entry = look_up(singular(low))
        if entry is not None and entry.verb >= _RATHER_A_VERB and not line.is_finite(at + 1):
            return True
        return phrase.before in {"with", "without", "of", "in"}
    return not line.is_finite(at + 1)


def _is_base(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Decide on "move": a verb after a plural, or after "a cat and a dog"."""
    last = phrase.words[-1].low
    before = known_verb(phrase.before)
    if before is not None and before.lemma in _WITH_BASE and phrase.has_noun and not line.word_follows(at):
        return True
    if phrase.count is not None and phrase.count > 1:
        return is_plural(last)
    if phrase.is_singular and phrase.has_noun and _acts_without_ending(line, at, last):
        return True
    if phrase.joined and phrase.has_noun and (phrase.is_singular or not line.word_follows(at)):
        return True
    return is_plural(last) and not phrase.is_singular and (bool(phrase.determiner) or phrase.has_noun)


def _acts_without_ending(line: Line, at: int, last: str) -> bool:
    """Decide on "rise" in "a balloon rise into the sky": rather a verb than a noun, with what only verbs take."""
    low, entry = line.low(at), look_up(line.low(at))
    if entry is None or entry.verb < entry.noun or look_up(f"{last} {low}") is not None:
        return False
    mark = line.mark(at + 1)
    if mark is not None:
        return low in MOVES and mark.kind in _WAYS
    behind = line.low(at + 1)
    if behind in fw.ARTICLES | fw.POSSESSIVE:
        return True
    return low in MOVES and (behind in fw.PREPOSITIONS - {"of", "for", "with"} or fw.is_adverb(behind))


def _can_be_noun(low: str) -> bool:
    entry = look_up(low)
    return entry is not None and entry.noun > 0


def _is_unknown_verb(line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Decide on a word that no list holds: a plural's verb in "two dogs glimble in the sand"."""
    low, last = line.low(at), phrase.words[-1].low
    plural = is_plural(last) and ((phrase.count or 0) > 1 or not phrase.determiner) and last not in INVARIANT
    if is_adjective(low) or not plural or is_plural(low):
        return False
    return not line.word_follows(at) and not is_adjective(last)


def _begins_with_verb(verb: VerbForm, line: Line, at: int, phrase: OpenPhrase) -> bool:
    """Decide on a word where a noun phrase without article could begin."""
    if phrase.adjoins:
        return True
    if verb.form in ("ing", "ed"):
        if phrase.before in fw.PREPOSITIONS and (verb.form == "ed" or phrase.before not in _BEFORE_GERUNDS):
            return not line.word_follows(at)
        return not (line.begins(at) and line.word_follows(at))
    if at == 0 or line.low(at - 1) in {".", ";"} | fw.CLAUSE_OPENERS:
        return False
    if verb.form == "base" and is_participle(line.low(at + 1)):  # "a kettle boils, steam rising from it"
        return False
    if verb.form == "s" and (line.is_finite(at + 1) or (phrase.joined and _can_be_noun(singular(line.low(at))))):
        return False
    return known_verb(line.low(at)) is not None and not _noun_expected(line, at)


def _noun_expected(line: Line, at: int) -> bool:
    """Whether only a noun can stand here: after a preposition, or between a verb and the end."""
    before, mark = line.low(at - 1), line.mark(at - 1)
    if before in fw.PREPOSITIONS and before != "to":
        return True
    if mark is not None:
        return mark.kind in {"relation", "side of"} or (mark.kind == "particle" and line.low(at) in PLACES)
    verb = known_verb(before)
    return verb is not None and verb.form != "base" and not line.is_finite(at + 1)
