"""Layouts as callers give them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ttom_pl.layout import Layout, LayoutError, Track
from ttom_pl.layout.form import short
from ttom_pl.layout.numbers import reals
from ttom_pl.layout.spans import find_words
from ttom_pl.layout.text import as_read, layout_as_read

LayoutLike = Layout | Mapping[str, Any]
"""A layout, its dict, or a mapping from phrases of the prompt to a box or to a list of boxes, one a keyframe."""


def layout_from(value: LayoutLike, prompt: str) -> Layout:
    """Return the layout of a prompt that a caller gives.

    Args:
        value: a layout; its dict, where ``prompt`` may be left out; or for phrases of the prompt a box (x0, y0, x1, y1)
            in fractions of the frame, or a list of boxes or ``None``, one a keyframe. A single box stands still.
        prompt: the prompt.

    Raises:
        LayoutError: if it is none of these, belongs to another prompt, or has a word that the prompt has not.
    """
    if isinstance(value, Layout):
        layout = value
    elif not isinstance(value, Mapping):
        raise LayoutError(
            f"layout is {short(value)}; give a Layout, its dict, or a mapping from phrases of the prompt to boxes"
        )
    elif "tracks" in value and not _is_boxes(value["tracks"]):
        layout = Layout.from_dict({"prompt": prompt, **value})
    else:
        return _from_phrases(value, as_read(prompt), "" if as_read(prompt) == prompt else prompt)
    if as_read(prompt) not in {as_read(text) for text in (layout.prompt, layout.original_prompt)}:
        raise LayoutError(
            f"the layout is of the prompt {short(layout.prompt)}, the call's is {short(prompt)}; plan it for this one, "
            "or give its prompt as prompt_for_layout"
        )
    return layout_as_read(layout)


def _from_phrases(boxes: Mapping[str, Any], prompt: str, original: str) -> Layout:
    if not boxes:
        raise LayoutError("layout is empty; give a box for at least one phrase of the prompt, or leave it out")
    paths = {phrase: _path(value, phrase) for phrase, value in boxes.items()}
    keyframes = max(map(len, paths.values()))
    tracks = []
    for number, (phrase, path) in enumerate(paths.items()):
        words, spans = find_words(prompt, as_read(str(phrase)))
        tracks.append(Track(number, str(phrase), words, path * keyframes if len(path) == 1 else path, spans))
    return Layout(prompt, tuple(tracks), planner="given", original_prompt=original)


def _path(value: Any, phrase: str) -> tuple[Any, ...]:
    """Return a box for each keyframe; one for an object that stands still."""
    boxes = [value] if _is_box(value) else value
    if not _is_boxes(boxes):
        raise LayoutError(
            f"layout[{phrase!r}] is {short(value)}; give a box [x0, y0, x1, y1] in fractions of the frame, or a list "
            "of boxes or None, one a keyframe"
        )
    return tuple(None if box is None else tuple(reals(box, 4)) for box in boxes)


def _is_boxes(value: Any) -> bool:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    return listed and len(value) > 0 and all(box is None or _is_box(box) for box in value)


def _is_box(value: Any) -> bool:
    try:
        reals(value, 4)
    except (ValueError, TypeError):
        return False
    return True
