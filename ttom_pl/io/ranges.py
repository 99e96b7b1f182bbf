"""Numbers that users set, refused by name where they are out of their range."""

import math


def check_range(
    name: str,
    value: float | None,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    meaning: str = "",
) -> None:
    """Check that an option is a finite number within its range.

    Args:
        name: the option, as the user knows it.
        value: what it is set to; ``None``, for an option that is left to a default, is always right.
        least: lowest value.
        most: highest value.
        above: what it must be more than.
        below: what it must be less than.
        meaning: what the number is, to help with choosing another, e.g. ``"pixels"``.

    Raises:
        ValueError: if it is not.
    """
    if value is None:
        return
    right = (
        math.isfinite(value)
        and (least is None or value >= least)
        and (most is None or value <= most)
        and (above is None or value > above)
        and (below is None or value < below)
    )
    if not right:
        hint = f" ({meaning})" if meaning else ""
        raise ValueError(f"{name} is {value}; it must be {_range(least, most, above, below)}{hint}")


def _range(least: float | None, most: float | None, above: float | None, below: float | None) -> str:
    if least is not None and most is not None:
        return f"from {least:g} to {most:g}"
    low = [f"at least {least:g}"] if least is not None else [f"above {above:g}"] if above is not None else []
    high = [f"at most {most:g}"] if most is not None else [f"below {below:g}"] if below is not None else []
    return " and ".join(low + high) or "a finite number"


__all__ = ["check_range"]
