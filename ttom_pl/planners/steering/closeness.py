"""How close what two noun phrases name is."""

from collections.abc import Sequence

from ttom_pl.planners.english.adjectives import COLORS
from ttom_pl.planners.english.compounds import compound
from ttom_pl.planners.english.lexicon import is_kind_of, look_up
from ttom_pl.planners.english.nouns import is_plural, singular
from ttom_pl.planners.english.objects import is_scenery
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.english.word_lists import word_groups

SAME = 3.0
"""From here on both name the same kind of thing; below, the one may be a special case of the other."""
DESCRIBED = 0.5
"""Of what only has the object's name before its noun ("a TV screen")."""
_SYNONYM, _CLOSE, KIND, _GENERAL = 3.0, 2.5, 2.0, 1.0
_OTHER_NUMBER, _OTHER_COLOR, _SAME_MODIFIER = -1.6, -0.8, 0.1
_OTHERS = frozenset({"other", "others", "second", "another", "different"})
_ALIVE = frozenset({"animal", "person"})


def closeness(noun: NounPhrase, wanted: NounPhrase) -> float:
    """Return how clearly a noun phrase names an object that another one names; 0 or less where it does not."""
    score = _by_noun(noun, wanted)
    if not score:
        return DESCRIBED if naming_word(noun, wanted) else 0.0
    own, asked = ({word.low for word in each.modifiers} for each in (noun, wanted))
    if is_plural(noun.head.low) != is_plural(wanted.head.low):
        score += _OTHER_NUMBER
    if own & COLORS and asked & COLORS and not own & asked & COLORS:
        score += _OTHER_COLOR
    if {noun.determiner, *own} & _OTHERS:
        score += _OTHER_NUMBER
    return score + _SAME_MODIFIER * len(own & asked)


def naming_word(noun: NounPhrase, wanted: NounPhrase) -> Token | None:
    """Return the word before the noun that names the object ("*bear* cub", "*TV* screen"), if one does.

    In what the lexicon has as a thing of its own it does not: a dog house is no dog.
    """
    if is_scenery(noun):
        return None
    words = (*noun.modifiers, noun.head)
    for at, word in enumerate(noun.modifiers):
        joined = (words[max(at - 1, 0) : at + 1], words[at : at + 2])
        if _same(singular(word.low), _name(wanted)) and not any(map(_is_compound, joined)):
            return word
    return None


def is_alive(noun: NounPhrase) -> bool:
    """Whether it names an animal or a person in the first place."""
    entry = look_up(noun.lemma)
    return entry is not None and entry.kind in _ALIVE


def _is_compound(words: Sequence[Token]) -> bool:
    return len(words) > 1 and look_up(f"{words[0].low} {singular(words[1].low)}") is not None


def _by_noun(noun: NounPhrase, wanted: NounPhrase) -> float:
    word, asked = _name(noun), _name(wanted)
    if word == asked:
        return SAME + 0.5
    if noun.lemma == wanted.lemma:
        return _by_same_head(word, asked, noun.lemma)
    if _are_synonyms(word, asked):
        return _SYNONYM
    if _are_close(word, asked):
        return _CLOSE
    if is_kind_of(word, asked):
        return KIND
    if is_kind_of(asked, word):
        return _GENERAL
    return 0.0


def _name(noun: NounPhrase) -> str:
    """Return its compound; also where a hot dog is somebody in the first place, but no dog anyhow."""
    both = f"{noun.modifiers[-1].low} {noun.lemma}" if noun.modifiers else ""
    return both if look_up(both) is not None and not is_kind_of(both, noun.lemma) else compound(noun)


def _by_same_head(word: str, asked: str, lemma: str) -> float:
    """Return the closeness of "sports car" and "car"; a hot dog is no dog."""
    if asked == lemma:
        return SAME if is_kind_of(word, lemma) else 0.0
    return KIND if word == lemma else 0.0


def _same(word: str, asked: str) -> bool:
    return word == asked or _are_synonyms(word, asked) or _are_close(word, asked)


def _are_close(word: str, asked: str) -> bool:
    return word in word_groups("close_words").get(asked, ())


def _are_synonyms(word: str, asked: str) -> bool:
    one, other = look_up(word), look_up(asked)
    return one is not None and other is not None and bool(set(one.senses[:1]) & set(other.senses))
