"""What an entry of an unknown origin must keep to: a type and a range for each of its fields."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from ttom_pl.memory.attention_maps import unpack_maps
from ttom_pl.memory.entry import Entry, check_key

_TEXTS = {"key_text": 1_000_000, "prompt": 1_000_000, "fingerprint": 1_000}
"""Texts, and how many characters they may have."""
_COUNTS = {"iterations": (0, 10**12), "iterations_saved": (0, 10**12), "hits": (0, 10**12), "merged": (1, 10**9)}
_NUMBERS = {"weight": (1e-9, 1e9), "created": (0.0, 253_402_300_799.0), "last_used": (0.0, 253_402_300_799.0)}
"""Numbers and their ranges; times are from 1970 to the end of the year 9999."""
_LARGEST_LOSS = 1e9
_SPEC = {"rank": (1, 65_536), "alpha": (1e-9, 1e9), "active_steps": (1, 1_000_000)}
_MODULES, _MODULE_LENGTH = 100_000, 512
_SHIFT = (1, 65_536)
_PARENTS, _PARENT_LENGTH = 10_000, 256
_DIMENSIONS = 65_536
_DEPTH = 64
_INTEGER = 2**64
_COLD_ITERATIONS = (0, 10**9)
_SIDES = (1, 4096)


def check_terms(entry: Entry, record: Mapping[str, Any]) -> None:
    """Check all fields of an entry but for its adapter's.

    Args:
        entry: the entry.
        record: the JSON form that it was read from.

    Raises:
        ValueError: if a field has another type or is out of its range; the message names it.
    """
    for name, fault in _faults(entry):
        if fault:
            raise ValueError(f"{name} of entry {str(entry.id)[:64]!r} is not what it must be: {fault}")
    expected = json.loads(json.dumps(entry.to_dict()))
    if record != expected:
        odd = [name for name, value in expected.items() if record.get(name) != value]
        raise ValueError(f"{', '.join(odd) or 'a field'} of entry {entry.id!r} is not written as an export writes it")


def _faults(entry: Entry) -> Iterator[tuple[str, str | None]]:
    """Yield each field's name and what is wrong with it, cheap checks before those that rely on them."""
    for name, most in _TEXTS.items():
        yield f"the text {name}", _text(getattr(entry, name), most)
    for name, bounds in _COUNTS.items():
        yield f"the count {name}", _whole(getattr(entry, name), *bounds)
    for name, limits in _NUMBERS.items():
        yield f"the number {name}", _number(getattr(entry, name), *limits)
    for name in ("loss_before", "loss_after"):
        loss = getattr(entry, name)
        yield f"the loss {name}", None if loss is None else _number(loss, -_LARGEST_LOSS, _LARGEST_LOSS)
    for name, extent in _SPEC.items():
        yield f"the specification's {name}", _number(getattr(entry.spec, name), *extent)
    yield "the specification's target_modules", _texts(entry.spec.target_modules, _MODULES, _MODULE_LENGTH)
    yield "the specification's shift", _shift(entry.spec.shift)
    yield "the list of parents", _texts(entry.parents, _PARENTS, _PARENT_LENGTH)
    yield "the key", _key(entry)
    for name in ("layout", "extra"):
        yield name, _json(getattr(entry, name))
    yield "extra", _extra(entry.extra)


def _shift(shape: tuple[int, ...]) -> str | None:
    if len(shape) not in (0, 5):
        return f"the shape of a shift has 5 numbers, not {len(shape)}"
    return next((fault for size in shape if (fault := _whole(size, *_SHIFT))), None)


def _text(value: object, most: int) -> str | None:
    if not isinstance(value, str):
        return f"it is no text but {type(value).__name__}"
    if len(value) > most:
        return f"it has {len(value)} characters, more than {most}"
    if value != value.encode(errors="replace").decode():  # JSON can hold half of a character, UTF-8 cannot
        return "it has half of a character"
    return None


def _texts(values: tuple[object, ...], number: int, most: int) -> str | None:
    if len(values) > number:
        return f"it has {len(values)} names, more than {number}"
    return next((fault for value in values if (fault := _text(value, most))), None)


def _whole(value: object, least: int, most: int) -> str | None:
    if type(value) is not int:
        return f"it is no whole number but {type(value).__name__}"
    return None if least <= value <= most else f"it is not from {least} to {most}"


def _number(value: object, least: float, most: float) -> str | None:
    if type(value) not in (int, float):
        return f"it is no number but {type(value).__name__}"
    return None if least <= value <= most else f"it is not from {least:g} to {most:g}"  # type: ignore[operator]


def _key(entry: Entry) -> str | None:
    if entry.key.size > _DIMENSIONS:
        return f"it has {entry.key.size} dimensions, more than {_DIMENSIONS}"
    try:
        check_key(entry.key)
    except ValueError as error:
        return str(error)
    return None


def _json(value: object) -> str | None:
    """Return what is wrong with what the caller of the store keeps, of which only the form is known."""
    if not isinstance(value, dict):
        return f"it is no object but {type(value).__name__}"
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        piece, depth = waiting.pop()
        if depth > _DEPTH:
            return f"it is nested more than {_DEPTH} deep"
        if isinstance(piece, dict):
            waiting += [(part, depth + 1) for item in piece.items() for part in item]
        elif isinstance(piece, list | tuple):
            waiting += [(part, depth + 1) for part in piece]
        elif isinstance(piece, str):
            if fault := _text(piece, 1 << 30):
                return fault
        elif isinstance(piece, float):
            if not math.isfinite(piece):
                return "a number in it is not finite"
        elif isinstance(piece, int) and abs(piece) >= _INTEGER:
            return "a number in it has more than 64 bits"
    return None


def _extra(extra: Mapping[str, Any]) -> str | None:
    """Return what is wrong with what the stream keeps with an entry and reads again."""
    if "cold_iterations" in extra and (fault := _whole(extra["cold_iterations"], *_COLD_ITERATIONS)):
        return f"cold_iterations: {fault}"
    if "writer" in extra and (fault := _text(extra["writer"], _PARENT_LENGTH)):
        return f"writer: {fault}"
    attention = extra.get("attention", {})
    if not isinstance(attention, dict):
        return "attention: it is no object"
    for name, maps in attention.items():
        try:
            sides = maps["shape"]
            if len(sides) != 4 or any(_whole(side, *_SIDES) for side in sides):
                raise ValueError(f"its shape must be four numbers from {_SIDES[0]} to {_SIDES[1]}")
            unpack_maps(maps)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return f"attention {str(name)[:20]!r}: {error}"
    return None


__all__ = ["check_terms"]
