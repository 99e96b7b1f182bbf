"""The files of a preview: a contact sheet over all prompts, and a GIF for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ttom_pl.io.media import write_picture
from ttom_pl.layout import Layout
from ttom_pl.report.preview.frames import draw_frames
from ttom_pl.report.preview.prompt_words import TROUBLE, Piece, draw_text, pieces, prompt_pieces

SHEET = "contact_sheet.png"
_FAILED, _FAINT = "#b91c1c", "#8c8c88"
_GAP = 6
_MARGIN = 16
_STRIP = 4
_STRIP_WIDTH = 190
_PER_SHEET = 120
_GIF_WIDTH, _GIF_FRAMES, _GIF_MS, _GIF_REST_MS = 448, 25, 80, 900


@dataclass(frozen=True)
class Plan:
    """What became of a prompt.

    Attributes:
        id: its name in the stream.
        prompt: the prompt.
        layout: its layout; ``None`` where there is none.
        error: why there is none.
    """

    id: str
    prompt: str
    layout: Layout | None = None
    error: str = ""


def write_preview(folder: Path, plans: Sequence[Plan], frame: tuple[int, int] = (832, 480)) -> list[Path]:
    """Write a contact sheet of all plans, and ``0001.gif`` … numbered by their places; return the sheets.

    More prompts than fit on one sheet go on ``contact_sheet-2.png`` and so on.

    Args:
        folder: where to; made when missing.
        plans: prompts with their layouts.
        frame: width and height of the video, of which the pictures have the proportions.

    Raises:
        ValueError: if there is no plan.
    """
    if not plans:
        raise ValueError("a preview needs at least one prompt")
    folder.mkdir(parents=True, exist_ok=True)
    sheets = []
    for page, start in enumerate(range(0, len(plans), _PER_SHEET), start=1):
        path = folder / (SHEET if page == 1 else SHEET.replace(".", f"-{page}."))
        write_picture(path, plan_sheet(plans[start : start + _PER_SHEET], frame, start + 1))
        sheets.append(path)
    for number, plan in enumerate(plans, start=1):
        if plan.layout is not None:
            write_gif(folder / f"{number:04d}.gif", plan.layout, frame)
    return sheets


def plan_sheet(plans: Sequence[Plan], frame: tuple[int, int], first: int = 1) -> Image.Image:
    """Return a picture with a cell for each plan: the prompt, what was not understood, and four frames.

    Args:
        plans: prompts with their layouts.
        frame: width and height of the video.
        first: place of the first plan, by which its GIF is named.
    """
    cells = [_cell(plan, number, frame) for number, plan in enumerate(plans, start=first)]
    columns = 1 if len(cells) < 4 else 2
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    heights = [max(cell.height for cell in row) + _MARGIN for row in rows]
    width = columns * (cells[0].width + _MARGIN) + _MARGIN
    sheet = Image.new("RGB", (width, sum(heights) + _MARGIN), "white")
    top = _MARGIN
    for row, height in zip(rows, heights, strict=True):
        for column, cell in enumerate(row):
            sheet.paste(cell, (_MARGIN + column * (cell.width + _MARGIN), top))
        top += height
    return sheet


def write_gif(path: Path, layout: Layout, frame: tuple[int, int]) -> None:
    """Write a film of a layout's boxes over its prompt; it rests at the end and starts again."""
    size = (_GIF_WIDTH, round(_GIF_WIDTH * frame[1] / frame[0]))
    text = draw_text(prompt_pieces(layout), size[0] - 2 * _GAP, 13, max_lines=4)
    times = [index / (_GIF_FRAMES - 1) for index in range(_GIF_FRAMES)]
    films = [_stack([picture, text], size[0], inset=_GAP) for picture in draw_frames(layout, size, times)]
    # One palette for all frames: boxes must not shimmer, nor lose their colour when they leave before the end.
    palette = _stack(films[:: _GIF_FRAMES // 4], size[0]).quantize(128, dither=Image.Dither.NONE)
    first, *rest = (film.quantize(palette=palette, dither=Image.Dither.NONE) for film in films)
    durations = [_GIF_MS] * len(rest) + [_GIF_REST_MS]
    write_picture(path, first, save_all=True, append_images=rest, duration=durations, loop=0)


def _cell(plan: Plan, number: int, frame: tuple[int, int]) -> Image.Image:
    width = _STRIP * (_STRIP_WIDTH + _GAP) - _GAP
    size = (_STRIP_WIDTH, max(round(_STRIP_WIDTH * frame[1] / frame[0]), 1))
    names = dict.fromkeys((f"{number:04d}", plan.id))
    label = Piece(" · ".join(filter(None, names)), _FAINT)
    if plan.layout is None:
        text = draw_text([label, *pieces(plan.prompt)], width, 14)
        why = draw_text(pieces(f"no layout: {plan.error}", _FAILED), width, 12, max_lines=4)
        return _stack([text, why], width)
    parts = [draw_text([label, *prompt_pieces(plan.layout)], width, 14)]
    note = plan.layout.reason
    if plan.layout.confidence < 1:
        note = f"confidence {plan.layout.confidence:g}: {note}"
    if note:
        parts.append(draw_text(pieces(note, TROUBLE), width, 12))
    strip = Image.new("RGB", (width, size[1]), "white")
    times = [index / (_STRIP - 1) for index in range(_STRIP)]
    for index, picture in enumerate(draw_frames(plan.layout, size, times, text_size=10)):
        strip.paste(picture, (index * (_STRIP_WIDTH + _GAP), 0))
    return _stack([*parts, strip], width)


def _stack(pictures: Sequence[Image.Image], width: int, inset: int = 0) -> Image.Image:
    """Return pictures below each other; those that are narrower are inset."""
    gap = max(inset, 2)
    stacked = Image.new("RGB", (width, sum(picture.height for picture in pictures) + gap * len(pictures)), "white")
    top = 0
    for picture in pictures:
        stacked.paste(picture, (0 if picture.width == width else inset, top))
        top += picture.height + gap
    return stacked
