"""From a language model's answer to a layout."""

import json
import re
from dataclasses import replace
from typing import Any

from ttom_pl.layout.schema import Layout, LayoutError
from ttom_pl.layout.spans import find_phrase, find_words, head_word
from ttom_pl.planners.steering import steer_in

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)(?:```|\Z)", re.DOTALL | re.IGNORECASE)


def read_answer(answer: str, prompt: str, id: str, num_keyframes: int, enrich: bool) -> Layout:
    """Return the layout that an answer describes.

    Args:
        answer: JSON, as it is or among thoughts, in a code fence, or between sentences.
        prompt: what was asked for.
        id: name of the prompt in its stream.
        num_keyframes: keyframes that were asked for.
        enrich: whether the answer brings a richer prompt; the objects may be named as it names them, or all as the
            prompt does, and are steered wherever it mentions them.

    Raises:
        LayoutError: if it cannot be used; the message is fit to be shown to the model.
    """
    data = _json(answer)
    text = _enriched(data) if enrich else prompt
    objects = data.get("objects")
    if not isinstance(objects, list) or not objects:
        raise LayoutError(f"field 'objects' must be a list with at least one object, got {_short(objects)}")
    source = prompt if enrich and _names_all(prompt, objects) and not _names_all(text, objects) else text
    tracks = [_track(index, item, source, num_keyframes) for index, item in enumerate(objects)]
    fields = {"prompt": source, "tracks": tracks, "id": id, "background": str(data.get("background") or "")}
    layout = Layout.from_dict(fields)
    return replace(steer_in(layout, text), original_prompt=prompt) if enrich else layout


def _names_all(prompt: str, objects: list[Any]) -> bool:
    """Whether a prompt has the phrases of all objects."""
    phrases = [item.get("phrase") for item in objects if isinstance(item, dict)]
    return all(isinstance(phrase, str) and find_phrase(prompt, phrase) is not None for phrase in phrases)


def _enriched(data: dict[str, Any]) -> str:
    text = data.get("prompt")
    if not isinstance(text, str) or not text.strip():
        raise LayoutError(f"field 'prompt' must be your version of the prompt, got {_short(text)}")
    return " ".join(text.split())


def _json(answer: str) -> dict[str, Any]:
    text = _THOUGHTS.sub("", answer).strip()
    fenced = _FENCE.search(text)
    text = fenced[1] if fenced and "{" in fenced[1] else text
    start = text.find("{")
    if start < 0:
        raise LayoutError(f"there is no JSON object in it; it begins {text[:60]!r}")
    try:
        data, _ = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        near = text[max(error.pos - 20, 0) : error.pos + 20]
        raise LayoutError(f"it is not JSON: {error.msg} at character {error.pos}, near {near!r}") from None
    except RecursionError:
        raise LayoutError("it is nested too deeply") from None
    assert isinstance(data, dict)
    return data


def _track(index: int, data: Any, prompt: str, num_keyframes: int) -> dict[str, Any]:
    where = f"objects[{index}]"
    if not isinstance(data, dict):
        raise LayoutError(f"{where} must be an object with 'phrase', 'words' and 'boxes', got {_short(data)}")
    phrase, boxes = data.get("phrase"), data.get("boxes")
    if not isinstance(phrase, str) or not phrase.strip():
        raise LayoutError(f"{where}: field 'phrase' must be a phrase of the prompt, got {_short(phrase)}")
    where = f"{where} ({phrase!r})"
    place = find_phrase(prompt, phrase)
    if place is None:
        raise LayoutError(f"{where}: the phrase is not in the prompt {prompt!r}; copy it letter by letter")
    if not isinstance(boxes, list) or len(boxes) != num_keyframes:
        shown = f"{len(boxes)} entries" if isinstance(boxes, list) else _short(boxes)
        raise LayoutError(f"{where}: field 'boxes' must have {num_keyframes} entries, one per keyframe, got {shown}")
    words = data.get("words") or [head_word(phrase)]
    if not isinstance(words, list) or not all(isinstance(word, str) and word.strip() for word in words):
        raise LayoutError(f"{where}: field 'words' must be a list of words of the phrase, got {_short(words)}")
    spelt, spans = find_words(prompt, phrase, [part for word in words for part in word.split()])
    outside = [word for word, (start, end) in zip(spelt, spans, strict=True) if start < place[0] or end > place[1]]
    if outside:
        raise LayoutError(f"{where}: the word {outside[0]!r} is not in the phrase; steer words of the phrase")
    return {
        "id": index,
        "phrase": prompt[place[0] : place[1]],
        "words": list(spelt),
        "spans": list(spans),
        "boxes": boxes,
    }


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
