"""Videos as files and pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import matplotlib
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ttom_pl.io.whole_files import replacing
from ttom_pl.layout import Layout, interpolate_boxes

TRACK_COLORS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080", "#9a6324", "#808000")
"""Outline colours of tracks, by their place in the layout."""
TALLEST = 128
"""Pixels of the tallest frames in film strips: a row of five of a video of 480 × 832 comes to 0.4 MB at most."""
HEAT_COLORS = ("#0d0887", "#f0f921", "#cc4778")
"""Colours of no, most and half of the attention."""


def text_font(size: float) -> ImageFont.FreeTypeFont:
    """Return the font of our pictures, DejaVu Sans, which matplotlib brings: Latin, Greek, Cyrillic, Arabic and more.

    Args:
        size: pixels.
    """
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def to_pixels(video: Tensor, scale: int = 1) -> NDArray[np.uint8]:
    """Return a video (F, 3, H, W) in [0, 1] as pixels (F, scale·H, scale·W, 3), enlarged without smoothing."""
    pixels = (video.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    enlarged: NDArray[np.uint8] = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    return enlarged


def write_mp4(path: Path, video: Tensor, fps: int, scale: int = 1) -> None:
    """Write a video (F, 3, H, W) in [0, 1] as H.264 mp4; a file that is there stays until the new one is whole.

    Args:
        path: the file; its folder must exist.
        video: the video; scaled height and width must be even.
        fps: frames per second.
        scale: enlargement without smoothing, for very small videos.
    """
    pixels = to_pixels(video, scale)
    with replacing(path) as unfinished, av.open(str(unfinished), mode="w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "12", "preset": "fast"})
        stream.height, stream.width, stream.pix_fmt = pixels.shape[1], pixels.shape[2], "yuv420p"
        for frame in pixels:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def write_picture(path: Path, picture: Image.Image, **options: Any) -> None:
    """Write a picture; a file that is there stays until the new one is whole.

    Args:
        path: the file; its ending gives the format, and its folder must exist.
        picture: the picture.
        options: of the format, as :meth:`PIL.Image.Image.save` has them.

    Raises:
        ValueError: if no format has the ending.
    """
    format = Image.registered_extensions().get(path.suffix.lower())
    if format is None or format not in Image.SAVE:
        raise ValueError(f"no picture format has the ending {path.suffix!r} of {str(path)!r}; write .png")
    with replacing(path) as unfinished:
        picture.save(unfinished, format, **options)


def read_mp4(path: Path) -> Tensor:
    """Read a video file: shape (F, 3, H, W) in [0, 1]."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def film_strip(video: Tensor, layout: Layout | None = None, frames: int = 5, height: int = 96) -> Image.Image:
    """Return evenly spaced frames side by side, with the layout's boxes drawn over them.

    Args:
        video: shape (F, 3, H, W) in [0, 1].
        layout: whose boxes are drawn; none when not given.
        frames: how many.
        height: pixels that smaller frames are enlarged to by a whole factor, or as near as it comes; frames of more
            than ``TALLEST`` are reduced to that.
    """
    chosen = np.linspace(0, len(video) - 1, min(frames, len(video))).round().astype(int)
    pixels = to_pixels(video[torch.from_numpy(chosen)], max(1, height // video.shape[2]))
    pictures = [_reduced(Image.fromarray(frame)) for frame in pixels]
    wide, high = pictures[0].size
    strip = Image.new("RGB", (len(pictures) * (wide + 2) - 2, high), "white")
    boxes = None if layout is None else interpolate_boxes(layout, len(video)).numpy()
    for column, (picture, index) in enumerate(zip(pictures, chosen, strict=True)):
        if boxes is not None:
            _draw_boxes(picture, boxes[:, index])
        strip.paste(picture, (column * (wide + 2), 0))
    return strip


def _reduced(picture: Image.Image) -> Image.Image:
    if picture.height <= TALLEST:
        return picture
    return picture.resize((max(1, round(picture.width * TALLEST / picture.height)), TALLEST), Image.Resampling.LANCZOS)


def _draw_boxes(picture: Image.Image, boxes: NDArray[np.float32]) -> None:
    draw = ImageDraw.Draw(picture)
    size = np.array([picture.width - 1, picture.height - 1] * 2)
    for number, box in enumerate(boxes):
        if not np.isnan(box).any():
            draw.rectangle(list((box * size).tolist()), outline=TRACK_COLORS[number % len(TRACK_COLORS)])


def contact_sheet(
    rows: Sequence[tuple[str, Sequence[Image.Image]]],
    headings: Sequence[str] = (),
    notes: Sequence[Sequence[str]] = (),
    legend: str = "",
) -> Image.Image:
    """Return pictures in rows, each row under its title, the columns under their headings.

    Args:
        rows: title and pictures of each row.
        headings: one for each column.
        notes: for each row one for each picture, below it.
        legend: what the pictures show, below them all.

    Raises:
        ValueError: if there is no row.
    """
    if not rows:
        raise ValueError("a contact sheet needs at least one row")
    font, gap, line = text_font(12), 10, 18
    widths = [
        max(pictures[c].width for _, pictures in rows if c < len(pictures)) for c in range(max(len(p) for _, p in rows))
    ]
    below = line if notes else 0
    heights = [line + max(picture.height for picture in pictures) + below + gap for _, pictures in rows]
    top = line + gap if headings else gap
    width = max(sum(widths) + gap * (len(widths) + 1), 400)
    sheet = Image.new("RGB", (width, top + sum(heights) + (line if legend else 0)), "white")
    draw = ImageDraw.Draw(sheet)
    lefts = [gap + sum(widths[:c]) + gap * c for c in range(len(widths))]
    for left, heading in zip(lefts, headings, strict=False):
        draw.text((left, gap // 2), heading, fill="#666666", font=font)
    for (title, pictures), said, height in zip(rows, notes or [()] * len(rows), heights, strict=True):
        draw.text((gap, top), title, fill="black", font=font)
        for left, picture in zip(lefts, pictures, strict=False):
            sheet.paste(picture, (left, top + line))
        for left, picture, note in zip(lefts, pictures, said, strict=False):
            draw.text((left, top + line + picture.height + 2), note, fill="#666666", font=font)
        top += height
    draw.text((gap, top), legend, fill="#666666", font=font)
    return sheet
