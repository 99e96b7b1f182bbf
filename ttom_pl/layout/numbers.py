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
    if any(isinstance(each, bool) or not isinstance(each, int | float) for each in value):
        raise ValueError(value)
    try:
        return [float(each) for each in value]
    except OverflowError:
        raise ValueError(value) from None


__all__ = ["reals", "whole"]
