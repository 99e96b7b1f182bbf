"""JSON and text of strangers, refused where it has no form that everything behind the reader can take."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

DEEPEST = 32
"""Levels of lists and objects within each other; layouts have five."""
_LARGEST = 2**53
_FEW_DIGITS = 400


class FormError(ValueError):
    """A value that has no usable form; the message names the field and what is wrong, not the file."""


class _Twice:
    """Stands for the value of a key that an object has twice."""


class _TooLong:
    """Stands for a number of more digits than anybody means."""

    def __repr__(self) -> str:
        return "a number of very many digits"


def parse_json(text: str) -> Any:
    """Parse JSON so that :func:`check_form` can say where it is malformed.

    Raises:
        json.JSONDecodeError: if it is not JSON.
        FormError: if it is nested so deeply that it cannot be parsed.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise FormError(f"it is nested too deeply, more than {DEEPEST} levels") from None


def decoder() -> json.JSONDecoder:
    """Return the decoder of :func:`parse_json`, for parts of a text."""
    return _DECODER


def check_form(value: Any) -> None:
    """Check that a parsed value can be stored, shown and computed with.

    Texts must be Unicode that can be written (no lone surrogates) and be without control characters but for line ends
    and tabs; numbers must be finite and of no more than 2⁵³; no object may have a key twice; nothing may be nested more
    than :data:`DEEPEST` levels deep.

    Raises:
        FormError: if something in it is not so; the message names the field, as ``tracks[0].boxes[1][2]``.
    """
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        name, part, depth = waiting.pop()
        field = f"field {name!r}" if name else "it"
        wrong = _wrong(part, depth)
        if wrong:
            raise FormError(f"{field} {wrong}")
        waiting.extend((*inner, depth + 1) for inner in _inner(name, part))


def check_text(text: str) -> None:
    """Check one text as :func:`check_form` does."""
    wrong = _wrong(text, 0)
    if wrong:
        raise FormError(f"it {wrong}")


def short(value: Any, length: int = 60) -> str:
    """Return a value for a message, in at most so many characters."""
    try:
        text = repr(value)
    except RecursionError:
        return "…"
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _wrong(value: Any, depth: int) -> str:
    """Return what is wrong with a value by itself; empty if nothing."""
    if isinstance(value, _Twice):
        return "is there twice; leave one of them"
    if isinstance(value, _TooLong):
        return f"is a number of more than {_FEW_DIGITS} digits"
    if isinstance(value, str):
        odd = next((character for character in value if _is_odd(character)), "")
        return odd and f"holds the character {odd.encode('unicode_escape').decode()}, which is none of a text"
    if isinstance(value, float) and not math.isfinite(value):
        return "is no finite number"
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "is a number beyond 2⁵³"
    if isinstance(value, list | dict) and depth >= DEEPEST:
        return f"is nested too deeply, more than {DEEPEST} levels"
    return ""


def _is_odd(character: str) -> bool:
    code = ord(character)
    control = code < 0x20 or 0x7F <= code < 0xA0
    return 0xD800 <= code <= 0xDFFF or (control and character not in "\t\n\r\x85")


def _inner(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{name}.{key}" if name else key, inner
            if any(map(_is_odd, key)):
                yield (f"{name}.{key}" if name else key), key
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield f"{name}[{place}]", inner


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                members[key] = _Twice()
            seen.add(key)
    return members


def _int(digits: str) -> int | _TooLong:
    return int(digits) if len(digits) <= _FEW_DIGITS else _TooLong()


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_int)

__all__ = ["DEEPEST", "FormError", "check_form", "check_text", "decoder", "parse_json", "short"]
