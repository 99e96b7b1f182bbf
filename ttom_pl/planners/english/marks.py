"""Set phrases of space and time: "from the left to the right", "in the upper corner", "in the second half"."""

from dataclasses import dataclass
from typing import Literal

Sign = tuple[int, int]
"""A direction or a part of the frame: -1, 0 or 1 along x (to the right) and along y (downwards)."""
MarkKind = Literal[
    "step",  # a direction: "leftwards", "to the right"
    "particle",  # "up" and "down", which are directions only after some verbs
    "goto",  # a corner or the middle as where a way leads
    "route",  # "from … to …"
    "at",  # a part of the frame as a place
    "from",  # where something comes from
    "swing",  # "back and forth"
    "circle",  # "in circles"
    "growth",  # towards the camera or away from it
    "away",  # "away", from nothing in particular
    "half",  # a half of the video
    "midway",  # the middle of the video
    "then",  # one thing after the other
    "side of",  # "on the left of", with a noun behind it
    "relation",  # a preposition of several words
    "beside it",  # a relation to what was named before: "overhead"
    "pass from",  # "from the left of", with "pass to" later
    "pass to",  # "to its right"
    "skip",  # says nothing about the scene
]


@dataclass(frozen=True)
class Mark:
    """A set phrase: ``prompt[start:end]``, its kind, the directions or places it names, and a word that says more."""

    kind: MarkKind
    start: int
    end: int
    signs: tuple[Sign, ...] = ()
    text: str = ""
