"""Pictures of a layout at a time: boxes with names, and the ways that their centres have gone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ttom_pl.io.media import TRACK_COLORS, text_font
from ttom_pl.layout import Layout, Track, interpolate_boxes, object_tracks

_SMOOTH = 2  # drawn so much larger and scaled down, as Pillow's lines have hard edges
_PAPER, _GRID, _RIM, _FAINT = "#fbfbf9", "#ececea", "#c4c4c0", "#8c8c88"
_NAME_LENGTH = 22

Point = tuple[float, float]
Corners = tuple[float, float, float, float]


@dataclass(frozen=True)
class Look:
    """How a track is drawn.

    Attributes:
        name: its words, numbered where several tracks are one object.
        color: the same for all tracks of an object, in every frame.
    """

    name: str
    color: str


def looks(layout: Layout) -> list[Look]:
    """Return how each track of a layout is drawn."""
    looks_by_index: dict[int, Look] = {}
    for number, members in enumerate(object_tracks(layout)):
        color = TRACK_COLORS[number % len(TRACK_COLORS)]
        for place, index in enumerate(members, start=1):
            name = _name(layout.tracks[index])
            looks_by_index[index] = Look(f"{name} {place}" if len(members) > 1 else name, color)
    return [looks_by_index[index] for index in range(len(layout.tracks))]


def draw_frames(
    layout: Layout, size: tuple[int, int], times: Sequence[float], text_size: int = 11
) -> list[Image.Image]:
    """Return pictures of a layout.

    Args:
        layout: the layout.
        size: width and height of a picture.
        times: when, from 0 (first frame) to 1 (last frame).
        text_size: height of the names.
    """
    steps = 61
    boxes = interpolate_boxes(layout, steps).double().numpy()
    shown = looks(layout)
    return [_draw(layout, shown, boxes, round(time * (steps - 1)), size, text_size) for time in times]


def _draw(
    layout: Layout,
    shown: Sequence[Look],
    boxes: NDArray[np.float64],
    step: int,
    size: tuple[int, int],
    text_size: int,
) -> Image.Image:
    large = (size[0] * _SMOOTH, size[1] * _SMOOTH)
    picture = Image.new("RGB", large, _PAPER)
    draw = ImageDraw.Draw(picture, "RGBA")
    for third in (1 / 3, 2 / 3):
        draw.line([(third * large[0], 0), (third * large[0], large[1])], fill=_GRID, width=_SMOOTH)
        draw.line([(0, third * large[1]), (large[0], third * large[1])], fill=_GRID, width=_SMOOTH)
    font = text_font(0.9 * text_size * _SMOOTH)
    if layout.background:
        edge = (large[0] - 4 * _SMOOTH, large[1] - 3 * _SMOOTH)
        draw.text(edge, layout.background, fill=_FAINT, font=font, anchor="rs")
    scale = np.array(large * 2) - 1
    for look, track in zip(shown, boxes, strict=True):
        if not np.isnan(track[step]).any():
            corners = [float(side) for side in track[step] * scale]
            draw.rectangle(corners, fill=f"{look.color}2e", outline=look.color, width=2 * _SMOOTH)
    for look, track in zip(shown, boxes, strict=True):
        _draw_way(draw, track[: step + 1] * scale, look.color)
    taken: list[Corners] = []
    for look, track in zip(shown, boxes, strict=True):
        if not np.isnan(track[step]).any():
            x0, y0, x1, y1 = (float(side) for side in track[step] * scale)
            taken.append(_draw_name(draw, look, (x0, y0, x1, y1), large, font, taken))
    draw.rectangle((0, 0, large[0] - 1, large[1] - 1), outline=_RIM, width=_SMOOTH)
    return picture.resize(size, Image.Resampling.LANCZOS)


def _draw_way(draw: ImageDraw.ImageDraw, boxes: NDArray[np.float64], color: str) -> None:
    """Draw where a centre has been, with a dot at its start and an arrowhead at its end."""
    if np.isnan(boxes[-1]).any():
        return
    gone = np.flatnonzero(np.isnan(boxes).any(-1))
    boxes = boxes[gone[-1] + 1 :] if len(gone) else boxes
    points = [(float((x0 + x1) / 2), float((y0 + y1) / 2)) for x0, y0, x1, y1 in boxes]
    length = sum(math.dist(a, b) for a, b in pairwise(points))
    if length < 6 * _SMOOTH:
        return
    draw.line(points, fill=color, width=2 * _SMOOTH, joint="curve")
    (x, y), radius = points[0], 2.5 * _SMOOTH
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    draw.polygon(_arrowhead(points, 7 * _SMOOTH), fill=color)


def _arrowhead(points: Sequence[Point], length: float) -> list[Point]:
    (x, y) = points[-1]
    behind = next((point for point in reversed(points) if math.dist(point, points[-1]) >= length / 2), points[0])
    angle = math.atan2(y - behind[1], x - behind[0])
    sides = [(x - length * math.cos(angle + turn), y - length * math.sin(angle + turn)) for turn in (-0.45, 0.45)]
    return [(x, y), *sides]


def _draw_name(
    draw: ImageDraw.ImageDraw,
    look: Look,
    box: Corners,
    size: tuple[int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    taken: Sequence[Corners],
) -> Corners:
    """Draw a name in a box's corner, or above a box that is small; inside of the picture, below the names there are."""
    left, top, right, bottom = draw.textbbox((0, 0), look.name, font=font)
    pad = 2.0 * _SMOOTH
    width, height = right - left + 2 * pad, bottom - top + 2 * pad
    x0, y0, _, y1 = box
    x = min(max(x0, 0.0), size[0] - width)
    y = y0 - height if y1 - y0 < 3 * height and y0 >= height else y0
    for ax, ay, bx, by in sorted(taken, key=lambda place: place[1]):
        if x < bx and ax < x + width and y < by and ay < y + height:
            y = by
    y = min(max(y, 0.0), size[1] - height)
    draw.rectangle((x, y, x + width, y + height), fill=look.color)
    draw.text((x + pad - left, y + pad - top), look.name, fill="white", font=font)
    return x, y, x + width, y + height


def _name(track: Track) -> str:
    name = " ".join(dict.fromkeys(track.words))
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"
