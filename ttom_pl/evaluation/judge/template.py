"""What a judge is told: the rubric of each category, the claims, the frames; and how its answer is read."""

import base64
import json
import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ttom_pl.chat import Message
from ttom_pl.evaluation.judge.claims import Category, Claims
from ttom_pl.evaluation.metrics.judged import GRADES

TEMPLATE_VERSION = 1
"""Part of the cache's key; raise it whenever this module changes what a judge is told."""

_SYSTEM = """\
You judge generated videos. You see {frames} frames of one video, evenly spaced, in their order. Look first, then \
grade each claim with one letter. Be strict: grade what the frames show, not what the claim makes you expect.

{rubric}

Answer with one JSON object and nothing else: {{"description": "what the frames show, in at most 40 words", \
"grades": ["A", ...]}} with one letter for each claim, in the order of the claims."""

_RUBRICS: dict[Category, str] = {
    "consistent_attribute": """\
Each claim is an object with its attributes.
A: the object is there with its attributes in all frames, and no other object has taken them over.
B: it is there with its attributes in most frames.
C: it is there, its attributes are only partly right or are mixed up with another object's.
D: it is there, its attributes are wrong.
E: it is not there.""",
    "dynamic_attribute": """\
Each claim is a change from a first to a last state.
A: the first frames show the first state, the last frames the last state, and the change between is gradual.
B: both states are shown in this order, but the change is sudden or not complete.
C: only one of the states is clearly shown, and something changes towards or away from it.
D: the object is there, but nothing changes.
E: neither the object nor a change is shown.""",
    "action_binding": """\
Each claim is an object with what it does.
A: the object is there and clearly does it.
B: it is there and does it, but weakly or only in some frames.
C: it is there and does something similar.
D: it is there and does something else or nothing.
E: it is not there.""",
    "object_interactions": """\
Each claim is an interaction between objects, or its effect.
A: all objects are there, they clearly act on each other as claimed, and the effect is plausible.
B: they do, but the motion or the effect is not quite plausible.
C: the objects are there, the interaction is only hinted at.
D: the objects are there, but they do not interact.
E: objects are missing.""",
}


def conversation(video: Tensor, claims: Claims, frames: int, side: int) -> list[Message]:
    """Return the messages that ask for grades.

    Args:
        video: shape (F, 3, H, W), values in [0, 1].
        claims: what to grade.
        frames: evenly spaced frames that the judge sees.
        side: pixels of the longer side of what it sees, at most.
    """
    pictures = _pictures(video, frames, side)
    listed = "\n".join(f"{number}. {item}" for number, item in enumerate(claims.items, start=1))
    system = _SYSTEM.format(frames=len(pictures), rubric=_RUBRICS[claims.category])
    content: list[dict[str, Any]] = [{"type": "text", "text": f"Claims:\n{listed}\n\nThe frames:"}]
    content += [{"type": "image_url", "image_url": {"url": _data_url(picture)}} for picture in pictures]
    return [{"role": "system", "content": system}, {"role": "user", "content": content}]


def repair(answer: str, wrong: str) -> list[Message]:
    """Return the messages that ask for a better answer."""
    request = f"This cannot be used: {wrong}\nAnswer with the whole JSON object again, nothing else."
    return [{"role": "assistant", "content": answer or "(empty)"}, {"role": "user", "content": request}]


def answer_schema(claims: Claims) -> dict[str, Any]:
    """Return the JSON schema of an answer, in the subset that strict structured output accepts."""
    number = len(claims.items)
    letter = {"type": "string", "enum": list(GRADES)}
    properties = {
        "description": {"type": "string"},
        "grades": {"type": "array", "items": letter, "minItems": number, "maxItems": number},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_grades(answer: str, claims: Claims) -> tuple[str, ...]:
    """Return the letters of an answer.

    Args:
        answer: the JSON object, as it is or between other text; or plain text with a line ``Grade: B`` for each claim.
        claims: what was asked.

    Raises:
        ValueError: if it has not one letter for each claim; the message is fit to be shown to the judge.
    """
    text = re.sub(r"<think(?:ing)?>.*?</think(?:ing)?>", "", answer, flags=re.DOTALL | re.IGNORECASE)
    grades = _from_json(text)
    if grades is None:
        grades = re.findall(r"grade\W{0,6}(?:is\W+)?([A-Z])\b", text, re.IGNORECASE)
    letters = tuple(str(grade).strip().upper() for grade in grades)
    unknown = [letter for letter in letters if letter not in GRADES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no grade; use the letters {', '.join(GRADES)}")
    if len(letters) != len(claims.items):
        raise ValueError(f"it has {len(letters)} grades for {len(claims.items)} claims; give one letter for each")
    return letters


def _from_json(text: str) -> Sequence[Any] | None:
    decoder = json.JSONDecoder()
    for start in (match.start() for match in re.finditer(r"\{", text)):
        try:
            data, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict) and isinstance(data.get("grades"), list):
            grades: list[Any] = data["grades"]
            return grades
    return None


def _pictures(video: Tensor, frames: int, side: int) -> list[Image.Image]:
    chosen = np.linspace(0, len(video) - 1, min(frames, len(video))).round().astype(int)
    pixels = (video[list(chosen)].clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    pictures = [Image.fromarray(frame) for frame in pixels]
    for picture in pictures:
        picture.thumbnail((side, side))
    return pictures


def _data_url(picture: Image.Image) -> str:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
