"""The layout caches of LVD: for each prompt, answers of a language model as it wrote them.

A cache is a JSON object from prompts to lists of answers. An answer is a text with a line ``Frame 1: [{'id': 0, 'name':
'bear', 'box': [x, y, width, height]}]`` for each frame, in pixels of a frame of 512 × 512, among reasoning, comments
and a line ``Background keyword: forest``.
"""

import ast
import re
from collections.abc import Iterable
from typing import Any

from ttom_pl.layout.form import FormError, check_form, check_text, short
from ttom_pl.layout.schema import MOST_KEYFRAMES, Layout, LayoutError, Track
from ttom_pl.layout.spans import find_words
from ttom_pl.prompts.members import Member
from ttom_pl.prompts.pixels import Sighting, Size, join_sightings, read_sighting
from ttom_pl.prompts.prompt import Prompt, PromptError

SIZE: Size = (512, 512)
"""The frame that LVD asks language models to draw on."""
KEYFRAMES = 6
"""Frames that LVD asks for."""

_FRAME = re.compile(r"^[^\w\n\[\]]*Frame[ \t]*(\d+)\W*?:", re.IGNORECASE | re.MULTILINE)
_BACKGROUND = re.compile(r"^[^\w\n\[\]]*Background(?:[ \t]+keywords?)?\W*?:[ \t*]*(.*)$", re.IGNORECASE | re.MULTILINE)
_COMMENT = re.compile(r"""(?:\#|//)[^'"\n\]]*$""", re.MULTILINE)


def read_lvd_cache(entries: Iterable[Member], path: str, size: Size = SIZE) -> list[Prompt]:
    """Read the entries of a cache, of each the first answer that can be used.

    A prompt none of whose answers can be used comes without a layout and with a note that says why: it is in the nature
    of such a cache that some are of no use.

    Args:
        entries: the members of the file's object.
        path: the file's name, for errors.
        size: width and height of the frame in pixels.

    Raises:
        PromptError: if an entry is no list of texts; the message names the file, the line and the prompt.
    """
    prompts = []
    for number, entry in enumerate(entries, start=1):
        answers = [entry.value] if isinstance(entry.value, str) else entry.value
        where = f"{path}, line {entry.line}, prompt {entry.key!r}"
        try:
            check_text(entry.key)
            check_form(entry.value)
        except FormError as error:
            raise PromptError(f"{where}: {error}") from None
        if not entry.key.strip():
            raise PromptError(f"{where}: a prompt must be a non-empty text")
        if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers) or not answers:
            raise PromptError(f"{where}: the answers must be a list of texts, got {short(entry.value)}")
        prompts.append(_first(entry.key, answers, f"{number:04d}", where, size))
    return prompts


def read_lvd_answer(answer: str, prompt: str, id: str = "", size: Size = SIZE) -> Layout:
    """Read one answer.

    Frames that are missing or cannot be read are interpolated, boxes are clipped to the frame, objects that the prompt
    does not name are left out; the layout's reason tells of them.

    Raises:
        LayoutError: if fewer than half of the frames can be read, or if no object is left.
    """
    frames, wrong = _frames(answer)
    num_keyframes = max(KEYFRAMES, *frames, *wrong) if frames else KEYFRAMES
    if 2 * len(frames) < num_keyframes:
        first = f"; frame {min(wrong)}: {wrong[min(wrong)]}" if wrong else ""
        raise LayoutError(f"{len(frames)} of {num_keyframes} frames can be read{first}")
    missing = sorted(set(range(1, num_keyframes + 1)) - set(frames))
    notes = [f"frames {', '.join(map(str, missing))} are interpolated"] if missing else []
    tracks = []
    for path in join_sightings(frames, size, num_keyframes):
        if all(box is None for box in path.boxes):
            notes.append(f"{path.name!r} is never inside of the frame and is left out")
            continue
        try:
            words, spans = find_words(prompt, path.name)
        except LayoutError:
            notes.append(f"{path.name!r} is not in the prompt and is left out")
            continue
        tracks.append(Track(path.id, path.name, words, path.boxes, spans))
    if not tracks:
        raise LayoutError(f"no object is left: {'; '.join(notes) or 'all frames are empty'}")
    background = _BACKGROUND.search(answer)
    trust = round(max(0.5, 1 - 0.1 * len(notes)), 3)
    return Layout(
        prompt, tuple(tracks), id, background[1].strip(" .'\"`*") if background else "", "lvd", trust, "; ".join(notes)
    )


def _first(prompt: str, answers: list[str], id: str, where: str, size: Size) -> Prompt:
    wrong = []
    for number, answer in enumerate(answers, start=1):
        try:
            return Prompt(id, prompt, read_lvd_answer(answer, prompt, id, size))
        except LayoutError as error:
            wrong.append(f"answer {number}: {error}")
    return Prompt(id, prompt, note=f"{where}: no answer can be used ({'; '.join(wrong)})")


def _frames(answer: str) -> tuple[dict[int, list[Sighting]], dict[int, LayoutError]]:
    """Return what is in each frame that can be read, and what is wrong with the others that there are."""
    headings = list(_FRAME.finditer(answer))
    if not headings:
        return {}, {}
    ends = [heading.start() for heading in headings[1:]]
    background = _BACKGROUND.search(answer, headings[-1].end())
    ends.append(background.start() if background else len(answer))
    frames: dict[int, list[Sighting]] = {}
    wrong: dict[int, LayoutError] = {}
    for heading, end in zip(headings, ends, strict=True):
        number = int(heading[1]) if len(heading[1]) < 9 else MOST_KEYFRAMES + 1
        if not 1 <= number <= MOST_KEYFRAMES:
            continue
        try:
            items = _list(answer[heading.end() : end])
            frames[number] = [read_sighting(item, f"object {i}") for i, item in enumerate(items, start=1)]
        except LayoutError as error:
            wrong.setdefault(number, error)
    return frames, {number: error for number, error in wrong.items() if number not in frames}


def _list(section: str) -> list[Any]:
    """Return the list in the text between two headings, without comments."""
    text = _COMMENT.sub("", section)
    start, end = text.find("["), text.rfind("]")
    while start >= 0 and end > start:
        try:
            value = ast.literal_eval(" ".join(text[start : end + 1].split()))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            end = text.rfind("]", start, end)
            continue
        if isinstance(value, list):
            return value
        break
    raise LayoutError(f"no list of objects in {' '.join(section.split())[:60]!r}")
