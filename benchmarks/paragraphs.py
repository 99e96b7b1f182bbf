"""What must hold of the layouts of paragraphs in the style of Wan's prompt extension, written for this benchmark.

Each names two objects (one, where it is ``single``) and may state a relation that holds throughout and a way that one
of them goes. Their first half served to develop the planner; the second half was only measured.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vbench import _NOT_DRAWN, MOST_TRACKS

from ttom_pl.layout import Box, Layout, Track

FILE = Path(__file__).parent / "data" / "paragraphs.json"


@dataclass(frozen=True)
class Paragraph:
    """A paragraph, the names of its objects, and what it says of them; empty where it says nothing."""

    text: str
    objects: tuple[str, ...]
    relation: tuple[str, str, str] | tuple[()] = ()
    moves: tuple[str, str] | tuple[()] = ()


def read_paragraphs() -> Iterator[Paragraph]:
    for each in json.loads(FILE.read_text()):
        objects = each["objects"][:1] if each.get("single") else each["objects"]
        yield Paragraph(each["text"], tuple(objects), tuple(each.get("relation", ())), tuple(each.get("moves", ())))


def held_out() -> list[Paragraph]:
    """Return the half that the planner was not developed on."""
    every = list(read_paragraphs())
    return every[len(every) // 2 :]


def tracks_of(layout: Layout, name: str) -> list[Track]:
    """Return the tracks whose phrase, up to its first preposition, ends with a name."""
    cores = [re.split(r" (?:with|in|on|of|that|which|holding|wearing) ", t.phrase.lower())[0] for t in layout.tracks]
    return [t for t, core in zip(layout.tracks, cores, strict=True) if re.search(rf"\b{name}(?:e?s)?$", core)]


def holds(relation: str, a: Box, b: Box) -> bool:
    ax, ay, bx, by = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2, (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    match relation:
        case "left" | "right":
            return (bx - ax) * (1 if relation == "left" else -1) > abs(by - ay) and wide <= 0
        case "above":
            return by > ay and high <= 0
        case "top":
            return by > ay and wide > 0 and abs(a[3] - b[1]) < 0.06
    raise ValueError(f"unknown relation {relation!r}")


def wrong_paragraph(layout: Layout, paragraph: Paragraph) -> str:
    """Return what is wrong with a layout; an empty text where all is right."""
    found = {name: tracks_of(layout, name) for name in paragraph.objects}
    for name, tracks in found.items():
        if len(tracks) != 1:
            return f"{len(tracks)} tracks for {name!r}"
    if len(layout.tracks) > MOST_TRACKS:
        return f"{len(layout.tracks)} tracks"
    odd = [t.phrase for t in layout.tracks if _NOT_DRAWN.match(t.words[-1].lower())]
    if odd:
        return f"cannot be drawn: {odd}"
    if paragraph.relation:
        first, relation, second = paragraph.relation
        pairs = zip(found[first][0].boxes, found[second][0].boxes, strict=True)
        bad = [k for k, (p, q) in enumerate(pairs) if p is not None and q is not None and not holds(relation, p, q)]
        if bad:
            return f"not {relation!r} at keyframes {bad}"
    if paragraph.moves:
        name, direction = paragraph.moves
        boxes = [box for box in found[name][0].boxes if box is not None]
        dx, dy = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[direction]
        along = ((boxes[-1][0] - boxes[0][0]) * dx + (boxes[-1][1] - boxes[0][1]) * dy) if boxes else 0
        if along < 0.2:
            return f"{name!r} does not move {direction}"
    return ""
