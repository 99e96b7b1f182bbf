"""Boxes of other programs: (x, y, width, height) in pixels, frame by frame, as language models wrote them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ttom_pl.layout.form import short
from ttom_pl.layout.numbers import reals, whole
from ttom_pl.layout.schema import Box, LayoutError

Size = tuple[int, int]
"""(width, height) of the frame in pixels."""
PixelBox = tuple[float, float, float, float]
"""(x, y, width, height) in pixels; it may leave the frame."""


@dataclass(frozen=True)
class Sighting:
    """An object in one frame.

    Attributes:
        id: number of the object.
        name: what it is called.
        box: where it is.
    """

    id: int
    name: str
    box: PixelBox


@dataclass(frozen=True)
class Path:
    """An object over all keyframes.

    Attributes:
        id: number of the object.
        name: what it is called.
        boxes: a box per keyframe as fractions of the frame, ``None`` where it is absent.
    """

    id: int
    name: str
    boxes: tuple[Box | None, ...]


def read_sighting(data: Any, where: str) -> Sighting:
    """Read ``{"id": 0, "name": "cat", "box": [x, y, width, height]}``.

    Raises:
        LayoutError: if a field is missing or is not what it should be.
    """
    if not isinstance(data, Mapping):
        raise LayoutError(f"{where}: an object is written as {{'id', 'name', 'box'}}, got {short(data)}")
    for name in ("id", "name", "box"):
        if name not in data:
            raise LayoutError(f"{where}: field {name!r} is missing; an object has 'id', 'name' and 'box'")
    number = read_id(data["id"], f"{where}: field 'id'")
    try:
        x, y, width, height = reals(data["box"], 4)
    except ValueError:
        raise LayoutError(f"{where}: field 'box' must be [x, y, width, height], got {short(data['box'])}") from None
    if not (all(map(math.isfinite, (x, y, width, height))) and width > 0 and height > 0):
        raise LayoutError(f"{where}: field 'box' must have a positive width and height, got {short(data['box'])}")
    if not isinstance(data["name"], str) or not data["name"].strip():
        raise LayoutError(f"{where}: field 'name' must be a non-empty text, got {short(data['name'])}")
    return Sighting(number, data["name"], (x, y, width, height))


def read_id(value: Any, where: str) -> int:
    """Return the number of an object, which language models also write as a text.

    Raises:
        LayoutError: if it is none.
    """
    try:
        return whole(int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else value)
    except ValueError:
        raise LayoutError(f"{where} must be a whole number, got {short(value)}") from None


def join_sightings(frames: Mapping[int, Sequence[Sighting]], size: Size, num_keyframes: int) -> list[Path]:
    """Return the objects of all frames, each over time, in the order of their first sighting.

    Boxes are clipped to the frame; an object whose box lies outside of it is absent. Keyframes that are not in
    ``frames`` are interpolated: an object that is in the frames before and after goes from one to the other, else it is
    as in the nearer frame.

    Args:
        frames: what is seen in each frame, by its number from 1; a frame that is known to be empty has no sightings.
        size: width and height of the frame in pixels.
        num_keyframes: number of keyframes; there is one for each number.

    Raises:
        LayoutError: if there is no frame.
    """
    if not frames:
        raise LayoutError("there is no frame in it")
    names: dict[int, str] = {}
    for frame in sorted(frames):
        for sighting in frames[frame]:
            names.setdefault(sighting.id, sighting.name)
    paths = []
    for number, name in names.items():
        by_frame = {
            frame: next((seen.box for seen in sightings if seen.id == number), None)
            for frame, sightings in frames.items()
        }
        boxes = (_box_at(by_frame, frame) for frame in range(1, num_keyframes + 1))
        paths.append(Path(number, name, tuple(box and _clip(box, size) for box in boxes)))
    return paths


def _clip(box: PixelBox, size: Size) -> Box | None:
    (x, y, width, height), (columns, rows) = box, size
    x0, y0 = max(x, 0.0), max(y, 0.0)
    x1, y1 = min(x + width, columns), min(y + height, rows)
    if x1 - x0 < 1 or y1 - y0 < 1:
        return None
    return (round(x0 / columns, 6), round(y0 / rows, 6), round(x1 / columns, 6), round(y1 / rows, 6))


def _box_at(known: Mapping[int, PixelBox | None], frame: int) -> PixelBox | None:
    if frame in known:
        return known[frame]
    before = max((number for number in known if number < frame), default=None)
    after = min((number for number in known if number > frame), default=None)
    if before is None or after is None:
        nearest = after if before is None else before
        assert nearest is not None
        return known[nearest]
    first, last = known[before], known[after]
    share = (frame - before) / (after - before)
    if first is None or last is None:
        return first if share <= 0.5 else last
    x, y, width, height = (a + share * (b - a) for a, b in zip(first, last, strict=True))
    return (x, y, width, height)
