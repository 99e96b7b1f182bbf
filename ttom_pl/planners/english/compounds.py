"""Nouns of two words: a hot dog is no dog."""

from ttom_pl.planners.english.lexicon import look_up
from ttom_pl.planners.english.syntax import NounPhrase

_THINGS = frozenset({"animal", "artifact", "food"})


def compound(noun: NounPhrase) -> str:
    """Return the noun in the singular, with the word before it where the lexicon has a thing of both ("hot dog")."""
    if noun.modifiers:
        both = f"{noun.modifiers[-1].low} {noun.lemma}"
        entry = look_up(both)
        if entry is not None and entry.kind in _THINGS:
            return both
    return noun.lemma
