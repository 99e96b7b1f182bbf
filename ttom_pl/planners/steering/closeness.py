"""How close what two noun phrases name is."""

from ttom_pl.planners.english.adjectives import COLORS
from ttom_pl.planners.english.compounds import compound
from ttom_pl.planners.english.lexicon import is_kind_of, look_up
from ttom_pl.planners.english.syntax import NounPhrase

SAME = 3.0
"""From here on both name the same kind of thing; below, the one may be a special case of the other."""
_SYNONYM, _KIND, _GENERAL = 3.0, 2.0, 1.0
_OTHER_NUMBER, _OTHER_COLOR, _SAME_MODIFIER = -1.6, -0.8, 0.1
_OTHERS = frozenset({"other", "others", "second", "another", "different"})


def closeness(noun: NounPhrase, wanted: NounPhrase) -> float:
    """Return how clearly a noun phrase names an object that another one names; 0 or less where it does not."""
    score = _by_noun(noun, wanted)
    if not score:
        return 0.0
    own, asked = ({word.low for word in each.modifiers} for each in (noun, wanted))
    if noun.plural != wanted.plural:
        score += _OTHER_NUMBER
    if own & COLORS and asked & COLORS and not own & asked & COLORS:
        score += _OTHER_COLOR
    if {noun.determiner, *own} & _OTHERS:
        score += _OTHER_NUMBER
    return score + _SAME_MODIFIER * len(own & asked)


def _by_noun(noun: NounPhrase, wanted: NounPhrase) -> float:
    word, asked = compound(noun), compound(wanted)
    if word == asked:
        return SAME + 0.5
    if noun.lemma == wanted.lemma:
        return _by_same_head(word, asked, noun.lemma)
    if _are_synonyms(word, asked):
        return _SYNONYM
    if is_kind_of(word, asked):
        return _KIND
    if is_kind_of(asked, word):
        return _GENERAL
    return 0.0


def _by_same_head(word: str, asked: str, lemma: str) -> float:
    """Return the closeness of "sports car" and "car"; a hot dog is no dog."""
    if asked == lemma:
        return SAME if is_kind_of(word, lemma) else 0.0
    return _KIND if word == lemma else 0.0


def _are_synonyms(word: str, asked: str) -> bool:
    one, other = look_up(word), look_up(asked)
    return one is not None and other is not None and bool(set(one.senses[:1]) & set(other.senses))
