"""How large the things of a scene are to each other, and whether they are on the ground or in the air."""

from collections.abc import Sequence
from typing import Literal

from ttom_pl.planners.english.classes import class_of
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.word_lists import word_classes
from ttom_pl.planners.geometry.relations import Relation

Level = Literal["", "ground", "air"]
"""Where in the frame something is at home: anywhere, with its foot on the ground, in the upper part."""

CLASSES = ("tiny", "small", "medium", "large", "huge")
"""Classes of size, as in ``english/data/sizes.txt``."""
_STEP, _MOST = 1.25, 1.6
"""How much wider and higher a box is than that of a thing of the class below; and than the usual one at most."""
_NEARER = 1.15
_REPLICAS = frozenset("toy model miniature paper lego origami".split())
"""Words before a noun that make anything as small as a hand can hold."""


def size_class(noun: NounPhrase) -> int | None:
    """Return the number of a thing's class in :data:`CLASSES`; ``None`` where it is not known."""
    if any(word.low in _REPLICAS for word in noun.modifiers):
        return CLASSES.index("small")
    name = class_of(noun, "sizes", CLASSES)
    return CLASSES.index(name) if name else None


def relative_sizes(nouns: Sequence[NounPhrase]) -> list[float]:
    """Return how large to make the things of a scene, 1 being the usual size; 1 for all that are of one class."""
    classes = [size_class(noun) for noun in nouns]
    known = [number for number in classes if number is not None]
    if len(set(known)) < 2:
        return [1.0] * len(nouns)
    middle = (min(known) + max(known)) / 2
    sizes = [1.0 if number is None else _STEP ** (number - middle) for number in classes]
    return [min(max(size, 1 / _MOST), _MOST) for size in sizes]


def depths(count: int, relations: Sequence[Relation]) -> list[float]:
    """Return how much larger what is in front of something is drawn, and how much smaller what is behind it."""
    front = [i for r in relations for i in {"front": r.firsts, "behind": r.seconds}.get(r.kind, ())]
    back = [i for r in relations for i in {"front": r.seconds, "behind": r.firsts}.get(r.kind, ())]
    return [_NEARER ** ((i in front) - (i in back)) for i in range(count)]


def level_of_verb(lemma: str) -> Level:
    """Return where something is that does what a verb says ("walk": on the ground, "fly": in the air)."""
    classed = word_classes("levels").get(lemma)
    name = "" if classed is None else classed.name
    return "ground" if name == "ground" else "air" if name == "air" else ""


def levels(said: Sequence[Level]) -> list[Level]:
    """Return what of a scene is in the air and what on the ground, where its verbs say that some is in the air.

    Where nothing is, or all, each is at home in the middle of the frame, as a camera would follow it.

    Args:
        said: what the verbs say of each thing.
    """
    if "air" not in said or all(level == "air" for level in said):
        return [""] * len(said)
    return [level or "ground" for level in said]
