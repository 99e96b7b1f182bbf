"""How close what two noun phrases name is."""

from collections.abc import Sequence

from ttom_pl.planners.english.adjectives import COLORS, is_adjective
from ttom_pl.planners.english.compounds import compound
from ttom_pl.planners.english.lexicon import is_kind_of, kinds_of, look_up
from ttom_pl.planners.english.nouns import is_plural, singular
from ttom_pl.planners.english.objects import is_scenery
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.things import EVERYTHING, can_be_drawn
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.english.word_lists import word_groups

SAME = 3.0
"""From here on both name the same kind of thing; below, the one may be a special case of the other."""
DESCRIBED = 0.5
"""Of what only has the object's name before its noun ("a TV screen")."""
_SYNONYM, _CLOSE, KIND, _GENERAL = 3.0, 2.5, 2.0, 1.0
_OTHER_NUMBER, _OTHER_COLOR, _SAME_MODIFIER = -1.6, -0.8, 0.1
_OTHERS = frozenset({"other", "others", "second", "another", "different"})
_FAR, _NEAR = 7, 3
_MOSTLY = 5
_ALIVE = frozenset({"animal", "person"})


def closeness(noun: NounPhrase, wanted: NounPhrase) -> float:
    """Return how clearly a noun phrase names an object that another one names; 0 or less where it does not."""
    score = _by_noun(noun, wanted)
    if not score:
        return DESCRIBED if naming_word(noun, wanted) else 0.0
    words, asked = ({word.low for word in phrase.modifiers} for phrase in (noun, wanted))
    if is_plural(noun.head.low) != is_plural(wanted.head.low):
        score += _OTHER_NUMBER
    if words & COLORS and asked & COLORS and not words & asked & COLORS:
        score += _OTHER_COLOR
    if {noun.determiner, *words} & _OTHERS:
        score += _OTHER_NUMBER
    return score + _SAME_MODIFIER * len(words & asked)


def naming_word(noun: NounPhrase, wanted: NounPhrase) -> Token | None:
    """Return the word before the noun that names the object ("*bear* cub", "*TV* screen"), if one does.

    In what the lexicon has as a thing of its own it does not: a dog house is no dog.
    """
    if is_scenery(noun):
        return None
    words = (*noun.modifiers, noun.head)
    for at, word in enumerate(noun.modifiers):
        joined = (words[max(at - 1, 0) : at + 1], words[at : at + 2])
        if _same(singular(word.low), _own_name(wanted)) and not any(map(_is_compound, joined)):
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
    if word == asked and _own_name(noun) == _own_name(wanted):
        return SAME + 0.5
    if noun.lemma == wanted.lemma:
        return _by_same_head(noun, wanted)
    if _are_synonyms(word, asked):
        return _SYNONYM
    if _are_close(word, _own_name(wanted)):
        return _CLOSE
    if _own_name(wanted) != asked:
        return 0.0
    if _is_below(word, asked, _FAR):
        return KIND
    if _is_below(asked, word, _NEAR) and word not in EVERYTHING and noun.determiner and not is_scenery(noun):
        return _GENERAL
    return 0.0


def _by_same_head(noun: NounPhrase, wanted: NounPhrase) -> float:
    """Return the closeness of "sports car" and "car", "glass" and "wine glass"; a hot dog is no dog, light no lamp."""
    word, asked, lemma = _name(noun), _own_name(wanted), noun.lemma
    if word != lemma and not is_kind_of(word, lemma):
        return 0.0
    if asked == lemma:
        return SAME
    odd = _name(wanted) != lemma and not is_kind_of(_name(wanted), lemma)
    return KIND if can_be_drawn(noun) and not odd else 0.0


def _name(noun: NounPhrase) -> str:
    """Return the noun in the singular, with the word before it where the lexicon has both as one ("hot dog")."""
    both = f"{noun.modifiers[-1].low} {noun.lemma}" if noun.modifiers else ""
    if look_up(both) is not None and not is_kind_of(both, noun.lemma):
        return both
    return compound(noun)


def _own_name(noun: NounPhrase) -> str:
    """Return its name with the noun before it, whether the lexicon has both or not ("sports ball", "traffic light")."""
    name = _name(noun)
    if not noun.modifiers or name != noun.lemma:
        return name
    before = noun.modifiers[-1].low
    entry = look_up(before)
    is_noun = entry is not None and entry.noun > max(entry.adjective, entry.verb) and not is_adjective(before)
    return f"{before} {noun.lemma}" if is_noun and before not in COLORS else name


def _same(word: str, asked: str) -> bool:
    return word == asked or _are_synonyms(word, asked) or _are_close(word, asked)


def _are_close(word: str, asked: str) -> bool:
    return word in word_groups("close_words").get(asked, ())


def _are_synonyms(word: str, asked: str) -> bool:
    one, other = look_up(word), look_up(asked)
    return one is not None and other is not None and bool(one.senses) and one.senses[:1] == other.senses[:1]


def _is_below(word: str, general: str, steps: int) -> bool:
    """Whether what a word names in the first place is a kind of what another one does, at most so many steps below."""
    one, other = look_up(word), look_up(general)
    if one is None or other is None or not (one.senses and other.senses):
        return False
    things = min(one.thing, other.thing, one.noun, other.noun) >= _MOSTLY
    return things and one.kind == other.kind and other.senses[0] in kinds_of(one.senses[0])[: steps + 1]
