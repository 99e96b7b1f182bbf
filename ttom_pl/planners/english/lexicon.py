"""What WordNet says of English words: which part of speech, whether a thing that can be drawn, what kind of thing."""

import gzip
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_KINDS = "animal artifact body food object person plant".split()
_SHARES = "0123456789"


@dataclass(frozen=True)
class WordEntry:
    """A word.

    Attributes:
        noun: how often it is a noun, from 0 to 9 of 9.
        verb: how often it is a verb, likewise.
        adjective: how often it is an adjective, likewise.
        thing: how often it, as a noun, names what can be drawn in a box of its own, likewise.
        kind: the kind of thing that it names; empty for none.
        senses: numbers of the things that it can name, the most frequent first.
    """

    noun: int
    verb: int
    adjective: int
    thing: int
    kind: str
    senses: tuple[int, ...]


@cache
def _lines() -> tuple[list[str], dict[str, str]]:
    """Return the numbers of what is above each thing, and the words with what is said of them.

    The first line of the file holds, for each thing, the number of the more general one, or "-". Each other line holds
    a word, five signs for the fields of :class:`WordEntry`, and its senses; all numbers are of base 36.
    """
    packed = files(__package__).joinpath("data", "lexicon.txt.gz").read_bytes()
    tree, *rows = gzip.decompress(packed).decode().split("\n")
    return tree.split(" "), dict(row.split("\t", 1) for row in rows)


@cache
def look_up(word: str) -> WordEntry | None:
    """Return what is known of a word in lower case, or of two, in the singular; ``None`` for an unknown one."""
    row = _lines()[1].get(word)
    if row is None:
        return None
    signs, senses = row.split("\t")
    noun, verb, adjective, thing = map(_SHARES.index, signs[:4])
    kind = "" if signs[4] == "-" else _KINDS[int(signs[4])]
    return WordEntry(noun, verb, adjective, thing, kind, tuple(int(sense, 36) for sense in senses.split()))


@cache
def kinds_of(sense: int) -> tuple[int, ...]:
    """Return a thing and all that is more general than it, the nearest first."""
    tree = _lines()[0]
    path = [sense]
    while tree[path[-1]] != "-":
        path.append(int(tree[path[-1]], 36))
    return tuple(path)


def is_kind_of(word: str, general: str) -> bool:
    """Whether one of the things that a word names is a thing that another word names in the first place.

    A car is a vehicle and a machine, a sofa is a couch; both words in the singular.
    """
    one, other = look_up(word), look_up(general)
    if one is None or other is None or not other.senses:
        return False
    return any(set(other.senses) & set(kinds_of(sense)[:_FAR]) for sense in one.senses)


_FAR = 8
