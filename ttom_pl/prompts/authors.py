"""The layout caches of TTOM's authors: a JSON object with an entry per prompt, boxes in pixels.

An entry has ``original_prompt``, ``enriched_prompt`` (which the video is made from), ``objects`` with their phrases and
words in the enriched prompt, and ``layout`` with ``frames`` (``"1"`` … ``"6"``, lists of ``{"id", "name", "box": [x, y,
width, height]}``) and ``background``. Nothing in it says how large the frame is.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ttom_pl.io.whole_files import write_text
from ttom_pl.layout.form import FormError, check_form, check_text, short
from ttom_pl.layout.schema import MOST_KEYFRAMES, Layout, LayoutError, Track
from ttom_pl.layout.spans import find_phrase, find_words
from ttom_pl.prompts.members import Member
from ttom_pl.prompts.pixels import Sighting, Size, join_sightings, read_id, read_sighting
from ttom_pl.prompts.prompt import Prompt, PromptError

SIZE: Size = (832, 480)
"""The frame of the authors' experiments with Wan2.1."""


def read_authors_cache(entries: Iterable[Member], path: str, size: Size = SIZE) -> list[Prompt]:
    """Read the entries of a cache; the layouts are those of the enriched prompts, where there are any.

    Args:
        entries: the members of the file's object.
        path: the file's name, for errors.
        size: width and height of the frame in pixels.

    Raises:
        PromptError: if an entry cannot be used; the message names the file, the line, the entry and the field.
    """
    prompts = []
    for entry in entries:
        try:
            check_text(entry.key)
            check_form(entry.value)
            prompts.append(_read_entry(entry, size))
        except (LayoutError, FormError) as error:
            raise PromptError(f"{path}, line {entry.line}, entry {entry.key!r}: {error}") from None
    return prompts


def write_authors_cache(path: Path | str, layouts: Iterable[Layout], size: Size = SIZE) -> None:
    """Write layouts as a cache that the authors' code reads, boxes rounded to pixels.

    Args:
        path: the file; its folder is made when missing.
        layouts: what to write; entries are named by their place.
        size: width and height of the frame in pixels.
    """
    cache = {str(number): _entry(layout, size) for number, layout in enumerate(layouts)}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(cache, indent=1, ensure_ascii=False) + "\n")


def _read_entry(entry: Member, size: Size) -> Prompt:
    data = _mapping(entry.value, "the entry")
    original = _text(data, "original_prompt")
    enriched = _optional(data, "enriched_prompt").strip()
    layout = _mapping(data.get("layout"), "field 'layout'")
    frames = {
        number: [read_sighting(box, f"layout.frames.{number}[{i}]") for i, box in enumerate(seen)]
        for number, seen in _frames(layout).items()
    }
    text = enriched or original
    objects = _objects(data) if enriched else {}
    tracks = []
    for path in join_sightings(frames, size, max(frames)):
        named = objects.get(path.id, [(path.name, "")])
        places = {span for phrase, word in named for span in find_words(text, phrase, [word] if word else [])[1]}
        spans = tuple(sorted(places))
        if any(box is not None for box in path.boxes):
            words = tuple(text[start:end] for start, end in spans)
            tracks.append(Track(path.id, named[0][0], words, path.boxes, spans))
    background = _optional(layout, "background")
    made = Layout(text, tuple(tracks), entry.key, background, "ttom", original_prompt=original)
    return Prompt(entry.key, original, made)


def _objects(data: Mapping[str, Any]) -> dict[int, list[tuple[str, str]]]:
    """Return the phrases of each object, each with its word."""
    phrases_by_id = {}
    for key, value in _mapping(data.get("objects"), "field 'objects'").items():
        where = f"objects.{key}"
        record = _mapping(value, where)
        phrases, words = record.get("object_phrases"), record.get("object_words")
        if not isinstance(phrases, list) or not isinstance(words, list) or not phrases or len(phrases) != len(words):
            raise LayoutError(
                f"{where}: 'object_phrases' and 'object_words' must be lists with a word for each phrase, "
                f"got {short(phrases)} and {short(words)}"
            )
        number = read_id(record.get("object_id", key), f"{where}: field 'object_id'")
        if not all(isinstance(text, str) and text.strip() for text in (*phrases, *words)):
            raise LayoutError(f"{where}: phrases and words must be non-empty texts, got {short([phrases, words])}")
        phrases_by_id[number] = list(zip(phrases, words, strict=True))
    return phrases_by_id


def _frames(layout: Mapping[str, Any]) -> dict[int, list[Any]]:
    frames = {}
    for key, seen in _mapping(layout.get("frames"), "field 'layout.frames'").items():
        number = int(key) if key.isdecimal() and len(key) < 9 else 0
        if not 1 <= number <= MOST_KEYFRAMES or not isinstance(seen, list):
            raise LayoutError(
                f"layout.frames.{key}: frames are numbered from 1 to {MOST_KEYFRAMES} and are lists, got {short(seen)}"
            )
        frames[number] = seen
    if not frames:
        raise LayoutError("field 'layout.frames' has no frame; give one per keyframe")
    return frames


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise LayoutError(f"{name} must be an object, got {short(value)}")
    return value


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.strip():
        raise LayoutError(f"field {name!r} must be a non-empty text, got {short(value)}")
    return value


def _optional(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise LayoutError(f"field {name!r} must be a text, got {short(value)}")
    return value or ""


def _entry(layout: Layout, size: Size) -> dict[str, Any]:
    frames: dict[str, list[dict[str, Any]]] = {}
    for keyframe in range(layout.num_keyframes):
        seen = [_sighting(track, keyframe, size) for track in layout.tracks]
        frames[str(keyframe + 1)] = [
            {"id": path.id, "name": path.name, "box": list(path.box)} for path in seen if path is not None
        ]
    objects = {
        str(track.id): {
            "object_id": str(track.id),
            "object": _name(track.phrase),
            "object_phrases": _phrases(track, layout.prompt),
            "object_words": list(track.words),
        }
        for track in layout.tracks
    }
    return {
        "original_prompt": layout.original_prompt or layout.prompt,
        "enriched_prompt": layout.prompt,
        "objects": objects,
        "layout": {"frames": frames, "background": layout.background},
    }


def _sighting(track: Track, keyframe: int, size: Size) -> Sighting | None:
    box = track.boxes[keyframe]
    if box is None:
        return None
    x0, y0, x1, y1 = box
    # The size is rounded by itself: an object must not grow and shrink on its way.
    sides = ((x0, size[0], 0), (y0, size[1], 0), (x1 - x0, size[0], 1), (y1 - y0, size[1], 1))
    x, y, width, height = (max(round(side * length), least) for side, length, least in sides)
    return Sighting(track.id, _name(track.phrase), (x, y, width, height))


def _phrases(track: Track, prompt: str) -> list[str]:
    """Return a phrase for each word: the track's, or the words that follow where the word stands elsewhere."""
    place = find_phrase(prompt, track.phrase) or (0, len(prompt))
    phrases = []
    for start, end in track.spans:
        ends = [end + match.end() for match in re.finditer(r"\W+\w+", prompt[end:])]
        following = (prompt[start:stop] for stop in (end, *ends))
        unique = next((word for word in following if (find_phrase(prompt, word) or (-1,))[0] == start), track.phrase)
        phrases.append(track.phrase if place[0] <= start and end <= place[1] else unique)
    return phrases or [track.phrase] * len(track.words)


def _name(phrase: str) -> str:
    first, _, rest = phrase.partition(" ")
    return rest if first.casefold() in ("a", "an", "the") and rest else phrase
