"""A prompt as text in lines, its steered words in the colours of their boxes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from ttom_pl.io.media import text_font
from ttom_pl.layout import Layout
from ttom_pl.report.preview.frames import looks

INK, TROUBLE = "#222222", "#b45309"
_LEADING = 1.45


@dataclass(frozen=True)
class Piece:
    """A word with the colour it is written in."""

    text: str
    color: str = INK


def pieces(text: str, color: str = INK) -> list[Piece]:
    """Return the words of a text, all of one colour."""
    return [Piece(word, color) for word in text.split()]


def prompt_pieces(layout: Layout) -> list[Piece]:
    """Return the words of a layout's prompt, each steered one in the colour of its object."""
    colored = {}
    for track, look in zip(layout.tracks, looks(layout), strict=True):
        for start, end in track.spans or _occurrences(track.words, layout.prompt):
            colored[start, end] = look.color
    pieces_made = []
    for match in re.finditer(r"\S+", layout.prompt):
        hues = [color for (start, end), color in colored.items() if start < match.end() and end > match.start()]
        pieces_made.append(Piece(match[0], hues[0] if hues else INK))
    return pieces_made


def draw_text(
    words: Sequence[Piece], width: int, size: int, max_lines: int = 2, background: str = "white"
) -> Image.Image:
    """Return a picture of a text that is broken into lines; what does not fit is cut off with an ellipsis."""
    font = text_font(0.9 * size)
    height = round(size * _LEADING)
    lines = list(_lines(words, width, font))
    if len(lines) > max_lines:
        lines = [*lines[: max_lines - 1], _cut(lines[max_lines - 1], width, font)]
    picture = Image.new("RGB", (width, max(len(lines), 1) * height), background)
    draw = ImageDraw.Draw(picture)
    for row, line in enumerate(lines):
        x = 0.0
        for piece in line:
            draw.text((x, row * height), piece.text, fill=piece.color, font=font)
            x += font.getlength(f"{piece.text} ")
    return picture


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _lines(words: Sequence[Piece], width: int, font: Font) -> Iterator[list[Piece]]:
    line: list[Piece] = []
    for word in words:
        if line and font.getlength(" ".join(piece.text for piece in (*line, word))) > width:
            yield line
            line = []
        line.append(word)
    if line:
        yield line


def _cut(line: list[Piece], width: int, font: Font) -> list[Piece]:
    kept = list(line)
    while len(kept) > 1 and font.getlength(" ".join(piece.text for piece in kept) + " …") > width:
        kept.pop()
    return [*kept, Piece("…")]


def _occurrences(words: Sequence[str], prompt: str) -> list[tuple[int, int]]:
    patterns = (rf"(?<!\w){re.escape(word)}(?!\w)" for word in words)
    return [match.span() for pattern in patterns for match in re.finditer(pattern, prompt, re.IGNORECASE)]
