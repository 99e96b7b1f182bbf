"""The members of a JSON document with their lines, so that an error can say where it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ttom_pl.layout.form import decoder

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Member:
    """A value of the outermost object or list of a document.

    Attributes:
        line: where it begins, from 1.
        key: its name in the object; its position, from 0, in a list.
        value: the value.
    """

    line: int
    key: str
    value: Any


def members(text: str) -> Iterator[Member]:
    """Yield the members of the object or list that a valid JSON document is; repeated keys are all there."""
    at = _skip(text, 0)
    is_object = text[at] == "{"
    at, line, seen, index = _skip(text, at + 1), 1, 0, 0
    while text[at] not in "]}":
        line, seen = line + text.count("\n", seen, at), at
        key = str(index)
        if is_object:
            key, at = decoder().raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        value, at = decoder().raw_decode(text, at)
        yield Member(line, key, value)
        at, index = _skip(text, at), index + 1
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match
    return match.end()
