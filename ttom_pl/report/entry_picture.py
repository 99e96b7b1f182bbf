"""A picture of an entry: its layout beside the attention before and after."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from ttom_pl.io.media import HEAT_COLORS, TRACK_COLORS, contact_sheet
from ttom_pl.layout import Layout, interpolate_boxes, object_tracks
from ttom_pl.memory.attention_maps import unpack_maps
from ttom_pl.memory.entry import Entry

_FRAMES = 6
_CELL = (64, 64)
_GAP = 2


def entry_picture(entry: Entry) -> Image.Image:
    """Return a picture with a row for each object: its boxes, and the attention to it before and after, if it is kept.

    "After" is with the adapter as it was inserted; what was merged in since then is not in it.

    Args:
        entry: the entry; ``extra["attention"]`` holds the maps ``before`` and ``after``.

    Raises:
        ValueError: if the entry has no layout.
    """
    if not entry.layout:
        raise ValueError(f"entry {entry.id} was inserted without a layout; there is nothing to draw")
    layout = Layout.from_dict(dict(entry.layout))
    attention = entry.extra.get("attention", {})
    maps = {name: unpack_maps(attention[name]) for name in ("before", "after") if name in attention}
    frames = next(iter(maps.values())).shape[1] if maps else _FRAMES
    size = _size(next(iter(maps.values()))) if maps else _CELL
    boxes = interpolate_boxes(layout, frames).numpy()
    rows = []
    for number, members in enumerate(object_tracks(layout)):
        blank = [Image.new("RGB", size, "#eeeeee") for _ in range(frames)]
        strips = [_strip(blank, boxes, range(len(boxes)))]
        strips += [_strip([_heat(frame, size) for frame in heat[number]], boxes, members) for heat in maps.values()]
        rows.append((layout.tracks[members[0]].phrase, strips))
    columns = ["layout", *(f"attention {name}" for name in maps)]
    if maps and entry.merged > 1:
        columns[-1] += " (when inserted)"
    return contact_sheet(rows, columns)


def _size(maps: NDArray[np.uint8]) -> tuple[int, int]:
    height, width = maps.shape[2:]
    return round(_CELL[1] * width / height), _CELL[1]


def _heat(cells: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    enlarged = Image.fromarray(cells).resize(size, Image.Resampling.NEAREST)
    return ImageOps.colorize(enlarged, *HEAT_COLORS)


def _strip(pictures: list[Image.Image], boxes: NDArray[np.float32], tracks: range | list[int]) -> Image.Image:
    """Return pictures side by side with the boxes (N, T, 4) of some tracks drawn over them."""
    width, height = pictures[0].size
    strip = Image.new("RGB", (len(pictures) * (width + _GAP) - _GAP, height), "white")
    side = np.array([width - 1, height - 1] * 2)
    for frame, picture in enumerate(pictures):
        draw = ImageDraw.Draw(picture)
        for track in tracks:
            if not np.isnan(boxes[track, frame]).any():
                outline = TRACK_COLORS[track % len(TRACK_COLORS)]
                draw.rectangle([float(v) for v in boxes[track, frame] * side], outline=outline)
        strip.paste(picture, (frame * (width + _GAP), 0))
    return strip


__all__ = ["entry_picture"]
