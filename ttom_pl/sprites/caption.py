"""Captions read back: the inverse of the grammar of :mod:`ttom_pl.sprites.world`."""

import re

from ttom_pl.sprites.world import COLORS, MOTIONS, NUMBERS, RELATIONS, SHAPES, Group, vocabulary

_PHRASE = rf"({'|'.join(NUMBERS)}) ({'|'.join(COLORS)}) ({'|'.join(SHAPES)})s?"
_MOTION = re.compile(rf"{_PHRASE} (?:stays?|moves?) ({'|'.join(MOTIONS)})")
_RELATION = re.compile(rf"{_PHRASE} is ({'|'.join(RELATIONS)}) {_PHRASE}")


def parse_caption(text: str) -> tuple[tuple[Group, ...], str | None]:
    """Return the groups and the relation that a caption asks for.

    Raises:
        ValueError: if the text is not a caption of the Sprites grammar.
    """
    text = " ".join(text.lower().split()).rstrip(".")
    if match := _RELATION.fullmatch(text):
        return (_group(*match.group(1, 2, 3)), _group(*match.group(5, 6, 7))), match[4]
    clauses = [_MOTION.fullmatch(clause) for clause in text.split(" and ")]
    groups = [_group(*clause.group(1, 2, 3, 4)) for clause in clauses if clause]
    if len(groups) < len(clauses):
        unknown = [word for word in re.findall(r"\w+", text) if word not in vocabulary()]
        hint = f"it does not know {unknown[0]!r}" if unknown else "its words are not in an order that it knows"
        raise ValueError(
            f"{text!r} is not a caption of the Sprites world: {hint}; "
            "write e.g. 'a red circle moves left and two blue squares move up'"
        )
    return tuple(groups), None


def _group(number: str, color: str, shape: str, motion: str = "still") -> Group:
    return Group(color, shape, motion, NUMBERS.index(number) + 1)
