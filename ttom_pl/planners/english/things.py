"""Whether a noun names a thing that can be drawn in a box of its own, and whether two nouns can name the same one."""

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.adjectives import COLORS, is_adjective
from ttom_pl.planners.english.compounds import compound
from ttom_pl.planners.english.lexicon import is_kind_of, look_up
from ttom_pl.planners.english.line import is_participle
from ttom_pl.planners.english.nouns import ANIMATE, PAIRED_THINGS, PARTS, singular
from ttom_pl.planners.english.objects import is_animate, is_clothing, is_color, is_nothing
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.word_lists import word_list

_RATHER_A_THING, _MOSTLY = 2, 6
_OWNERS = PARTS | {"color", "colour", "hue", "sound", "smell", "light", "shadow", "glow", "background", "backdrop"}
_IDEAS = ("ness", "tion", "sion", "ment", "ity", "ism", "ance", "ence", "ship", "hood", "acy", "ure", "ing")
EVERYTHING = frozenset(
    "object item thing element subject creature animal figure vehicle character product being person".split()
)
"""Nouns that mean what was named before, whatever it is ("both objects")."""


def can_be_drawn(noun: NounPhrase) -> bool:
    """Whether a noun phrase names a thing: no light, mood, stuff, place, part of a body or idea."""
    names = {noun.head.low, noun.lemma}
    joined = names | {f"{word.low}-{noun.lemma}" for word in noun.modifiers[-1:]}
    if joined & word_list("things") or names & (ANIMATE | PAIRED_THINGS):
        return True
    if joined & word_list("no_things") or is_adjective(noun.head.low) or is_color(noun) or fw.is_adverb(noun.head.low):
        return False
    if " " in compound(noun):
        return True
    if is_nothing(noun) or names & (PARTS | fw.PREPOSITIONS):
        return False
    entry = look_up(noun.lemma)
    if is_participle(noun.head.low) and (entry is None or not entry.noun):
        return False
    if entry is None:
        return not noun.lemma.endswith(_IDEAS) and noun.lemma.isalpha() and len(noun.lemma) > 1
    if entry.kind == "body" or entry.noun < max(1, entry.adjective):
        return False
    return entry.thing >= _RATHER_A_THING or (bool(entry.kind) and _has_noun_before(noun))


def essence(noun: NounPhrase) -> NounPhrase:
    """Return what a noun phrase is about: "a harbour" of "a wide view of a harbour", else itself."""
    while noun.of is not None and not can_be_drawn(noun) and noun.lemma not in _OWNERS:
        noun = noun.of
    return noun


def _has_noun_before(noun: NounPhrase) -> bool:
    """Whether the word before the noun is one too ("tennis racket", "television stand")."""
    entry = look_up(noun.modifiers[-1].low) if noun.modifiers else None
    return entry is not None and entry.noun > _MOSTLY and bool(entry.kind or entry.thing == 0)


def is_part(noun: NounPhrase) -> bool:
    """Whether a noun phrase rather names a part of something: a wheel, a petal, a label, or what someone wears."""
    is_one = " " not in compound(noun) and bool({noun.head.low, noun.lemma} & word_list("parts"))
    return is_one or is_clothing(noun)


def can_mean(noun: NounPhrase, antecedent: NounPhrase) -> bool:
    """Whether a noun phrase can name again what another one introduced ("the vehicle" after "a red sports car")."""
    if noun.lemma == antecedent.lemma:
        return not _conflict(noun, antecedent)
    words = {word.low for word in (*noun.modifiers, noun.head)} - COLORS
    before = {word.low for word in (*antecedent.modifiers, antecedent.head)}
    if noun.lemma in before or noun.head.low in before:
        return words <= before
    if not noun.determiner or noun.determiner in {"a", "an", "another", "one"}:
        return _are_synonyms(noun, antecedent)
    word, earlier = compound(noun), compound(antecedent)
    if noun.lemma in EVERYTHING:
        return _is_any(noun.lemma, antecedent)
    names = {earlier, antecedent.lemma}
    return any(is_kind_of(name, word) for name in names) or _are_synonyms(noun, antecedent)


def is_any_of(noun: NounPhrase, antecedent: NounPhrase) -> bool:
    """Whether a plural can take in what another noun phrase introduced ("both vehicles", "the two animals")."""
    return singular(noun.head.low) == antecedent.lemma or (
        _is_any(noun.lemma, antecedent)
        if noun.lemma in EVERYTHING
        else is_kind_of(compound(antecedent), noun.lemma) or is_kind_of(antecedent.lemma, noun.lemma)
    )


def _is_any(general: str, antecedent: NounPhrase) -> bool:
    if general in {"object", "item", "thing", "element", "subject", "product"}:
        return not is_animate(antecedent)
    if general in {"creature", "animal", "being", "character", "person", "figure"}:
        entry = look_up(compound(antecedent)) or look_up(antecedent.lemma)
        kind = entry.kind if entry else ""
        wanted = {"animal"} if general == "animal" else {"person"} if general == "person" else {"animal", "person"}
        return kind in wanted or (general != "person" and is_animate(antecedent))
    return is_kind_of(antecedent.lemma, general)


def _are_synonyms(noun: NounPhrase, antecedent: NounPhrase) -> bool:
    one, other = look_up(compound(noun)), look_up(compound(antecedent))
    return one is not None and other is not None and bool(set(one.senses[:1]) & set(other.senses[:1]))


def _conflict(noun: NounPhrase, antecedent: NounPhrase) -> bool:
    """Whether two noun phrases of the same noun tell two things apart ("a red car", "a blue car")."""
    one, other = ({word.low for word in phrase.modifiers} for phrase in (noun, antecedent))
    colors = one & COLORS, other & COLORS
    if all(colors) and not colors[0] & colors[1]:
        return True
    if noun.determiner not in {"a", "an", "one"}:
        return False
    return any(not is_adjective(word) for word in one - other)
