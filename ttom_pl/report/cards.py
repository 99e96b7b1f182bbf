"""What the report shows of one prompt."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
from numpy.typing import NDArray

from ttom_pl.layout import Layout, interpolate_boxes, object_tracks
from ttom_pl.memory.attention_maps import unpack_maps
from ttom_pl.report.charts import Chart, loss_chart
from ttom_pl.report.pictures import frame_strip, heat_strip, poster, read_small_frames
from ttom_pl.report.preview.frames import looks
from ttom_pl.report.preview.prompt_words import INK, Piece, prompt_pieces
from ttom_pl.run import Decision, Result

_FRAMES = 6
_SAMPLES = 25


@dataclass(frozen=True)
class Outline:
    """Boxes of one colour as data of an SVG path, in hundredths of a frame's sides."""

    color: str
    path: str


@dataclass(frozen=True)
class Strip:
    """Frames side by side, with boxes over them.

    Attributes:
        label: what it shows.
        uri: the picture.
        columns: number of frames.
        outlines: boxes; frame i lies between 100 i and 100 (i + 1).
        cells: whether its pixels are cells, to be drawn with hard edges.
    """

    label: str
    uri: str
    columns: int
    outlines: list[Outline]
    cells: bool = False


@dataclass(frozen=True)
class MovingBox:
    """A track for the player.

    Attributes:
        color: its colour.
        boxes: at evenly spaced times, (x0, y0, x1, y1) in hundredths; ``None`` where it is absent.
        way: data of an SVG path along its centres.
    """

    color: str
    boxes: list[list[float] | None]
    way: str


@dataclass(frozen=True)
class Video:
    """A video file as the page needs it.

    Attributes:
        src: the file, relative to the page.
        poster: its first frame.
        frames: number of frames.
        size: width and height of the poster, for its proportions.
    """

    src: str
    poster: str
    frames: int
    size: tuple[int, int]


@dataclass(frozen=True)
class AttentionRow:
    """The attention to an object: without and with what was learnt, and of the plain model that takes over."""

    phrase: str
    color: str
    strips: list[Strip]


@dataclass(frozen=True)
class Card:
    """What the report shows of a prompt below its title."""

    result: Result
    planned_as: str
    tracks: list[MovingBox]
    video: Video | None
    frames: Strip | None
    attention: list[AttentionRow]
    loss: Chart | None
    losses: list[float]
    seconds: float

    @property
    def memory(self) -> Decision | None:
        """What the memory decided."""
        return self.result.memory


def make_card(run: Path, result: Result) -> Card:
    """Return what the report shows of a result; what it lacks, and files that cannot be read, are left out.

    Args:
        run: the folder of the page, to which its files are relative.
        result: the result, or as much of one as there is.
    """
    layout, files = result.layout, result.files
    maps = _attention(run / str(files["attention"])) if "attention" in files else {}
    columns = next((heat.shape[1] for heat in maps.values()), _FRAMES)
    colors = [look.color for look in looks(layout)] if layout else []
    video, frames = _video(run, str(files["video"]), layout, colors, columns) if "video" in files else (None, None)
    same = layout is not None and layout.prompt == result.prompt
    return Card(
        result=result,
        planned_as=layout.prompt if layout and not same else "",
        tracks=_moving(layout, colors) if layout else [],
        video=video,
        frames=frames,
        attention=_attention_rows(layout, maps, colors) if layout else [],
        loss=loss_chart(result.losses),
        losses=list(result.iterations),
        seconds=sum(result.seconds.values()),
    )


def title(result: Result) -> list[Piece]:
    """Return the prompt with the words that are steered in the colours of their objects."""
    layout = result.layout
    return prompt_pieces(layout) if layout and layout.prompt == result.prompt else [Piece(result.prompt)]


def _video(
    run: Path, name: str, layout: Layout | None, colors: Sequence[str], columns: int
) -> tuple[Video | None, Strip | None]:
    try:
        frames = read_small_frames(run / name)
    except (OSError, ValueError, av.FFmpegError):
        return None, None
    if not frames:
        return None, None
    columns = min(columns, len(frames))
    outlines = _outlines(layout, colors, columns, range(len(layout.tracks))) if layout else []
    strip = Strip("video", frame_strip(frames, columns), columns, outlines)
    return Video(quote(name), poster(frames[0]), len(frames), frames[0].size), strip


def _attention(path: Path) -> dict[str, NDArray[np.uint8]]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: unpack_maps(kept[name]) for name in ("before", "after", "content") if name in kept}
    except (OSError, ValueError):
        return {}


def _attention_rows(layout: Layout, maps: Mapping[str, NDArray[np.uint8]], colors: Sequence[str]) -> list[AttentionRow]:
    rows = []
    for number, tracks in enumerate(object_tracks(layout)):
        strips = [
            Strip(name, heat_strip(heat[number]), heat.shape[1], _outlines(layout, colors, heat.shape[1], tracks), True)
            for name, heat in maps.items()
            if number < len(heat)
        ]
        if strips:
            rows.append(AttentionRow(layout.tracks[tracks[0]].phrase, colors[tracks[0]], strips))
    return rows


def _outlines(layout: Layout, colors: Sequence[str], columns: int, tracks: Sequence[int]) -> list[Outline]:
    boxes = interpolate_boxes(layout, columns).double().numpy() * 100
    paths: dict[str, str] = {}
    for track in tracks:
        for column, (x0, y0, x1, y1) in enumerate(boxes[track]):
            if not np.isnan(x0):
                box = f"M{100 * column + x0:.1f} {y0:.1f}h{x1 - x0:.1f}v{y1 - y0:.1f}h{x0 - x1:.1f}z"
                paths[colors[track]] = paths.get(colors[track], "") + box
    return [Outline(color, path) for color, path in paths.items()]


def _moving(layout: Layout, colors: Sequence[str]) -> list[MovingBox]:
    tracks = []
    for color, boxes in zip(colors, interpolate_boxes(layout, _SAMPLES).double().numpy() * 100, strict=True):
        samples = [None if np.isnan(box).any() else [round(float(side), 1) for side in box] for box in boxes]
        way, pen = "", "M"
        for box in samples:
            way += "" if box is None else f"{pen}{(box[0] + box[2]) / 2:.1f} {(box[1] + box[3]) / 2:.1f}"
            pen = "M" if box is None else "L"
        tracks.append(MovingBox(color, samples, way))
    return tracks


__all__ = ["INK", "Card", "make_card", "title"]
