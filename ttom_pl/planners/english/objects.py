"""Which noun phrases name an object to place, and which a place, a time or an idea."""

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english.adjectives import COLORS, is_adjective
from ttom_pl.planners.english.compounds import compound
from ttom_pl.planners.english.nouns import (
    ABSTRACT,
    ANIMATE,
    CLOTHES,
    CONTAINERS,
    FRAME,
    PARTS,
    SOLID_PLACES,
    STYLE,
    TIMES,
    UNCOUNTED,
    VEHICLES,
    WEATHER,
    is_place,
)
from ttom_pl.planners.english.syntax import NounPhrase

_POINTED = frozenset(
    {"left", "right", "front", "behind", "between", "under", "above", "below", "beside", "past", "top"}
)
_POINTED |= {"on", "onto", "top", "over", "near", "toward", "towards", "from", "against", "opposite"}

_PICTURES = frozenset({"photo", "photos", "picture", "pictures", "selfie", "selfies"})
_LIGHTS = frozenset({"sun", "moon", "star", "neon", "candle", "street", "fire"})
_NOTHING = TIMES | ABSTRACT | FRAME | WEATHER | {"none", "nothing", "something", "everything", "way", "viewer"}


def is_scenery(noun: NounPhrase) -> bool:
    """Whether a noun phrase names where it all happens."""
    return is_place(noun.head.low)


def is_nothing(noun: NounPhrase) -> bool:
    """Whether a noun phrase names no thing at all: a time, an idea, the weather, the frame itself."""
    names = {noun.head.low, noun.lemma}
    bare = not noun.determiner and not noun.modifiers and not noun.plural
    if " " in compound(noun):
        return False
    if names & PARTS and noun.count in (1, None) and (not noun.determiner or noun.determiner in fw.POSSESSIVE):
        return True
    if noun.determiner in {"a", "an"} and names & {"camera", "screen", "picture", "canvas", "frame", "image"}:
        return False
    if noun.head.low == "light" and noun.determiner not in fw.SINGULAR and noun.count == 1:
        return all(is_adjective(word.low) or word.low in COLORS | TIMES | _LIGHTS for word in noun.modifiers)
    if names & STYLE and not noun.determiner and noun.count in (1, None):
        return True
    if names & UNCOUNTED:
        return bare or noun.head.low in _PICTURES
    return bool(names & _NOTHING)


def is_subject(noun: NounPhrase, moves: bool = False) -> bool:
    """Whether a noun phrase, as the subject of a clause, names an object; what moves is more than an idea."""
    moves = moves and noun.has_article and bool({noun.head.low, noun.lemma} & (ABSTRACT - TIMES))
    return (moves or not is_nothing(noun)) and (noun.determiner not in {"their", "its"} or noun.has_article)


def is_solid(noun: NounPhrase, relation: str) -> bool:
    """Whether a place is an object among others here ("in front of a shop", but not "above a city")."""
    if noun.lemma not in SOLID_PLACES:
        return False
    pointed = relation in _POINTED or (relation == "into" and is_container(noun))
    return (noun.has_article and pointed) or relation in {"left", "right", "front", "behind", "between"}


def is_target(noun: NounPhrase, relation: str, among_places: bool = False) -> bool:
    """Whether a noun phrase after a preposition names an object; places do where the subject is one."""
    if is_nothing(noun) or is_color(noun):
        return False
    if is_scenery(noun):
        return is_solid(noun, relation) or (noun.count or 0) > 1 or (among_places and bool(noun.modifiers))
    return True


def is_patient(noun: NounPhrase, headline: bool) -> bool:
    """Whether a direct object is to be placed; in headlines ("Chef slices cucumber") nouns need no article.

    A bare noun otherwise goes with its verb ("plays guitar", "takes photos").
    """
    if is_nothing(noun) or is_color(noun):
        return False
    if is_scenery(noun) and not (is_solid(noun, "past") or (noun.count or 0) > 1):
        return False
    bare = not noun.determiner and (noun.count is None or not noun.plural) and not noun.portion
    described = any(is_adjective(word.low) or word.low in COLORS for word in noun.modifiers)
    return headline or described or not bare


def is_color(noun: NounPhrase) -> bool:
    """Whether a noun phrase is a colour ("a bright red"), not a thing that a colour is named after ("an orange")."""
    return noun.only_colors and is_adjective(noun.head.low)


def is_clothing(noun: NounPhrase) -> bool:
    """Whether a noun phrase names something worn."""
    return noun.head.low in CLOTHES or noun.lemma in CLOTHES


def is_container(noun: NounPhrase) -> bool:
    """Whether something can be in it without its being the place of it all."""
    return noun.lemma in CONTAINERS


def is_vehicle(noun: NounPhrase) -> bool:
    """Whether what is on it goes with it."""
    return noun.lemma in VEHICLES


def is_animate(noun: NounPhrase) -> bool:
    """Whether a noun phrase names a person or an animal that the lists know."""
    return noun.lemma in ANIMATE
