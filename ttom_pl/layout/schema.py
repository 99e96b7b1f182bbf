"""The layout: for each object of a prompt, where it is in every keyframe."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ttom_pl.layout.form import short
from ttom_pl.layout.numbers import reals, whole

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) in fractions of the frame, x to the right and y downwards."""
MOST_KEYFRAMES = 10_000
"""Keyframes of a layout that is planned, or of a cache, at most; a number beyond it is a mistake."""


class LayoutError(ValueError):
    """A layout that cannot be used; the message names the object, the keyframe and what is wrong."""


@dataclass(frozen=True)
class Track:
    """One object's boxes over time.

    Attributes:
        id: number of the object, unique in its layout.
        phrase: the prompt's phrase for the object, e.g. ``"a moving car"``. Tracks of the same phrase share one target.
        words: the words of the prompt whose tokens are steered, e.g. ``("car",)``.
        boxes: one box per keyframe, ``None`` where the object is absent.
        spans: where each of the words is in the prompt, (start, end) in characters, so that the right one is steered
            when a word occurs twice; empty where unknown.

    Raises:
        LayoutError: if a box is malformed, empty or outside the frame, if the object is absent throughout, or if the
            spans do not match the words.
    """

    id: int
    phrase: str
    words: tuple[str, ...]
    boxes: tuple[Box | None, ...]
    spans: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        name = f"object {self.id} ({self.phrase!r})"
        if not self.phrase.strip():
            raise LayoutError(f"object {self.id} has an empty phrase; name it as the prompt does")
        if not self.words:
            raise LayoutError(f"{name} has no words to steer; give at least one word of the prompt")
        if self.spans and len(self.spans) != len(self.words):
            raise LayoutError(
                f"{name} has {len(self.spans)} spans for the words {self.words}; give one span per word, or none"
            )
        if all(box is None for box in self.boxes):
            raise LayoutError(f"{name} has no box in any keyframe; give one, or leave the object out")
        for keyframe, box in enumerate(self.boxes):
            if box is not None:
                _check_box(box, f"{name}, keyframe {keyframe}")


@dataclass(frozen=True)
class Layout:
    """A spatio-temporal layout: the tracks of a prompt's objects.

    Attributes:
        prompt: the prompt it was planned for.
        tracks: the objects; all have the same number of keyframes.
        id: name of the prompt in its stream.
        background: what is behind the objects, e.g. ``"street"``.
        planner: who made it, e.g. ``"grammar"``.
        confidence: how far the planner trusts it, from 0 to 1.
        reason: what the planner did not understand, or why it had to step in for another one.
        original_prompt: what was asked for, where ``prompt`` is another text: a longer one with the same objects, or
            the same as it is read (:func:`~ttom_pl.layout.text.as_read`) rather than as it was typed.

    Raises:
        LayoutError: if there is no track, if identifiers repeat, if the numbers of keyframes differ, if a word is not
            in the prompt, or if the confidence is not between 0 and 1.
    """

    prompt: str
    tracks: tuple[Track, ...]
    id: str = ""
    background: str = ""
    planner: str = ""
    confidence: float = 1.0
    reason: str = ""
    original_prompt: str = ""

    def __post_init__(self) -> None:
        if not self.tracks:
            raise LayoutError(f"the layout of {self.prompt!r} has no tracks; give at least one object")
        sure = self.confidence
        if isinstance(sure, bool) or not isinstance(sure, int | float) or not 0 <= sure <= 1:
            raise LayoutError(f"field 'confidence' must be a number from 0 to 1, got {short(sure)}")
        ids = [track.id for track in self.tracks]
        if len(set(ids)) < len(ids):
            raise LayoutError(f"the layout of {self.prompt!r} repeats an object id: {ids}; number the objects apart")
        lengths = {track.id: len(track.boxes) for track in self.tracks}
        if len(set(lengths.values())) > 1:
            raise LayoutError(
                f"the tracks of {self.prompt!r} differ in keyframes (object: count): {lengths}; "
                "give each object one box, or null, per keyframe"
            )
        for track in self.tracks:
            missing = [word for word in track.words if word.casefold() not in self.prompt.casefold()]
            if missing:
                raise LayoutError(
                    f"object {track.id} ({track.phrase!r}): the word {missing[0]!r} is not in the prompt "
                    f"{self.prompt!r}; steer words that the prompt has"
                )
            for word, (start, end) in zip(track.words, track.spans, strict=False):
                if not 0 <= start < end <= len(self.prompt) or self.prompt[start:end] != word:
                    raise LayoutError(
                        f"object {track.id} ({track.phrase!r}): span [{start}, {end}] of the prompt is "
                        f"{self.prompt[start:end]!r}, not the word {word!r}; correct the span or leave spans out"
                    )

    @property
    def num_keyframes(self) -> int:
        """Number of keyframes, the same for all tracks."""
        return len(self.tracks[0].boxes)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Layout":
        """Read the JSON form.

        Raises:
            LayoutError: if a field is missing or has the wrong type, or if the layout cannot be used.
        """
        fields = dict(data)
        tracks = fields.pop("tracks", None)
        if not isinstance(tracks, list):
            raise LayoutError(f"field 'tracks' must be a list of objects, got {short(tracks)}")
        unknown = set(fields) - set(cls.__dataclass_fields__)
        if unknown:
            raise LayoutError(f"unknown field {min(unknown)!r}; known are {sorted(cls.__dataclass_fields__)}")
        if not isinstance(fields.get("prompt"), str) or not fields["prompt"].strip():
            raise LayoutError(f"field 'prompt' must be a non-empty text, got {short(fields.get('prompt'))}")
        for name, value in fields.items():
            if name != "confidence" and not isinstance(value, str):
                raise LayoutError(f"field {name!r} must be a text, got {short(value)}")
        return cls(tracks=tuple(_track(i, track) for i, track in enumerate(tracks)), **fields)


def _track(index: int, data: Any) -> Track:
    missing = {"id", "phrase", "words", "boxes"} - set(data if isinstance(data, Mapping) else ())
    if missing:
        raise LayoutError(f"tracks[{index}] lacks {sorted(missing)}; each track has id, phrase, words and boxes")
    if not isinstance(data["boxes"], list) or not isinstance(data["words"], list):
        raise LayoutError(f"tracks[{index}]: 'words' and 'boxes' must be lists")
    unknown = set(data) - set(Track.__dataclass_fields__)
    if unknown:
        known = sorted(Track.__dataclass_fields__)
        raise LayoutError(f"tracks[{index}]: unknown field {min(unknown)!r}; known are {known}")
    if not _is_whole(data["id"]) or not isinstance(data["phrase"], str):
        raise LayoutError(f"tracks[{index}]: 'id' must be a whole number and 'phrase' a text")
    if not all(isinstance(word, str) and word.strip() for word in data["words"]):
        raise LayoutError(f"tracks[{index}]: 'words' must be non-empty texts, got {short(data['words'])}")
    boxes = tuple(
        None if box is None else _box(box, f"tracks[{index}], keyframe {k}") for k, box in enumerate(data["boxes"])
    )
    spans = _spans(data.get("spans", []), f"tracks[{index}]")
    return Track(data["id"], data["phrase"], tuple(data["words"]), boxes, spans)


def _is_whole(value: Any) -> bool:
    try:
        return whole(value) >= 0
    except ValueError:
        return False


def _spans(spans: Any, where: str) -> tuple[tuple[int, int], ...]:
    try:
        assert isinstance(spans, list | tuple)
        return tuple((whole(start), whole(end)) for start, end in spans)
    except (TypeError, ValueError, AssertionError):
        raise LayoutError(f"{where}: 'spans' is a list of [start, end], one per word, got {short(spans)}") from None


def _box(box: Any, where: str) -> Box:
    try:
        x0, y0, x1, y1 = reals(box, 4)
    except ValueError:
        raise LayoutError(f"{where}: a box is [x0, y0, x1, y1] or null, got {short(box)}") from None
    return (x0, y0, x1, y1)


def _check_box(box: Box, where: str) -> None:
    x0, y0, x1, y1 = box
    if not all(map(math.isfinite, box)):
        raise LayoutError(f"{where}: box {box} is not finite")
    if x0 >= x1 or y0 >= y1:
        raise LayoutError(f"{where}: box {box} is empty; it must have x0 < x1 and y0 < y1")
    if min(box) < 0 or max(box) > 1:
        raise LayoutError(f"{where}: box {box} leaves the frame; sides are fractions from 0 to 1")
