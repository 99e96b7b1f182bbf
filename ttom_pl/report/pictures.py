"""Small pictures that live in the page itself, as data URIs."""

import base64
import io
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ttom_pl.io.media import HEAT_COLORS

_SHADES = 64
_POSTER, _FRAME = 256, 112


def read_small_frames(path: Path, width: int = _POSTER) -> list[Image.Image]:
    """Return the frames of a video file, at most so many pixels wide.

    Raises:
        OSError: if it cannot be read as a video.
    """
    with av.open(str(path)) as container:
        (stream,) = container.streams.video[:1] or (None,)
        if stream is None:
            raise OSError(f"{path} has no video stream")
        wide = min(width, stream.width)
        high = max(2, round(stream.height * wide / stream.width))
        return [
            Image.fromarray(frame.to_ndarray(format="rgb24", width=wide, height=high))
            for frame in container.decode(stream)
        ]


def poster(frame: Image.Image) -> str:
    """Return a picture as WebP."""
    return _uri(frame, "webp", quality=70)


def frame_strip(frames: list[Image.Image], count: int) -> str:
    """Return ``count`` evenly spaced frames side by side as WebP."""
    chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
    wide = min(_FRAME, frames[0].width)
    high = round(frames[0].height * wide / frames[0].width)
    strip = Image.new("RGB", (count * wide, high))
    for place, index in enumerate(chosen):
        strip.paste(frames[index].resize((wide, high), Image.Resampling.LANCZOS), (place * wide, 0))
    return _uri(strip, "webp", quality=70)


def heat_strip(maps: NDArray[np.uint8]) -> str:
    """Return attention maps (T, h, w) side by side as PNG, a pixel a cell."""
    strip = Image.fromarray(np.concatenate(list(maps // (256 // _SHADES)), axis=1))
    shades = Image.fromarray(np.linspace(0, 255, _SHADES).round().astype(np.uint8)[None])
    strip.putpalette(ImageOps.colorize(shades, *HEAT_COLORS).tobytes())
    return _uri(strip, "png", optimize=True)


def _uri(picture: Image.Image, format: str, **options: object) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return f"data:image/{format};base64,{base64.b64encode(buffer.getvalue()).decode()}"
