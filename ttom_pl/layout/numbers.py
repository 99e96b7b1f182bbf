"""Numbers of other people's files: no text that looks like one, no yes or no, nothing cut off."""

from collections.abc import Sequence
from typing import Any


def whole(value: Any) -> int:
    """Return a whole number.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**31:
        raise ValueError(value)
    return value


def reals(value: Any, length: int) -> list[float]:
    """Return a list of so many numbers.

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != length:
        raise ValueError(value)
    if any(isinstance(number, bool) or not isinstance(number, int | float) for number in value):
        raise ValueError(value)
    try:
        return [float(number) for number in value]
    except OverflowError:
        raise ValueError(value) from None


__all__ = ["reals", "whole"]
