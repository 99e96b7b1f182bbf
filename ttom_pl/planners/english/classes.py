"""Classes of things by tables of words and by what WordNet says they are kinds of."""

from collections.abc import Collection
from functools import cache

from ttom_pl.planners.english.compounds import compound
from ttom_pl.planners.english.lexicon import kinds_of, look_up
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.word_lists import word_classes

_LIVING = frozenset({"animal", "food", "plant"})
"""Words whose later senses are of the same size: a trout is food and a fish."""


def class_of(noun: NounPhrase, table: str, classes: Collection[str]) -> str:
    """Return the class of a noun phrase in ``data/<table>.txt``; empty where it has none of the given ones.

    It is that of its noun, with the words before it where the table has them ("hot air balloon"), or else of the
    nearest of what WordNet says it is a kind of. Adjectives make no difference.
    """
    words = [word.low for word in (*noun.modifiers, noun.head)]
    names = [" ".join([*words[at:-1], noun.lemma]) for at in range(len(words))]
    known = word_classes(table)
    for name in (*names, noun.head.low):
        if name in known:
            return known[name].name if known[name].name in classes else ""
    kind_name = _by_kind(compound(noun), table)
    return kind_name if kind_name in classes else ""


def _by_kind(name: str, table: str) -> str:
    entry = look_up(name)
    if entry is None:
        return ""
    for sense in entry.senses[: None if entry.kind in _LIVING else 1]:
        for kind in kinds_of(sense):
            if kind in _by_sense(table):
                return _by_sense(table)[kind]
    return ""


@cache
def _by_sense(table: str) -> dict[int, str]:
    """Return the classes of what the words for many kinds mean in the first place."""
    entries = ((look_up(word), classed.name) for word, classed in word_classes(table).items() if classed.of_all)
    return {entry.senses[0]: name for entry, name in entries if entry is not None and entry.senses}
