"""What a language model is told: instructions, examples, and the schema of its answer."""

import json
from dataclasses import dataclass
from typing import Any

from ttom_pl.chat import Message
from ttom_pl.layout.schema import Box

TEMPLATE_VERSION = 1
"""Part of the cache's key; raise it whenever this module changes what a model is told."""

_INSTRUCTIONS = """\
You plan short videos. For a prompt you say where each object is over time, as boxes that a video model then follows.

Time: {keyframes} keyframes, evenly spaced from the first to the last frame of the video.
Boxes: [x0, y0, x1, y1] as fractions of the frame. x grows to the right, y grows DOWNWARDS: (0, 0) is the top left \
corner, (1, 1) the bottom right. Always 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1. An object has one entry per keyframe; \
write null where it is not in the picture.

Objects:
- One entry for each single thing, animal or person that the prompt is about: whatever acts, moves, is counted, has an \
attribute, or stands in a relation. "three cats" are three entries with the same phrase and the same words.
- Scenery (a park, the sky, a street) is no object; name it in "background", in the prompt's words, or leave that empty.
- "phrase": copied letter by letter from the prompt, with its number and adjectives ("a red car", "three cats").
- "words": the words of the phrase that the object is known by. Its noun is enough ("car"); add the adjective where \
two objects share the noun ("red", "car").

Motion:
- Who moves in a direction covers at least 40% of the frame, at an even pace, and keeps its size: to the left x falls, \
to the right x grows, up y falls, down y grows. Without a direction that is said or implied an object stays in place.
- What falls or is dropped accelerates downwards; what is thrown follows an arc; what bounces goes down and up again. \
Towards the camera boxes grow about their centre, away from it they shrink.
- Follow the order in time that the prompt states ("first ... then ...", "only in the second half").

Composition:
- Objects are usually 0.2 to 0.35 wide and high; keep plausible proportions between them.
- A relation (left of, above, next to, behind, on ...) holds in every keyframe unless the prompt says that it changes. \
On and under: the boxes touch. In front of and behind: they overlap. Otherwise objects do not overlap.
- The same motion gets the same boxes whatever the objects are called. Stay simple and be exact.

Answer with one JSON object and nothing else."""

_ENRICH = """

Before you plan, rewrite the prompt for the video model and put that in "prompt": two or three sentences in present \
tense that add looks, light, setting and style. Keep every object, number, attribute, direction, relation and order as \
it is, add no further objects that act, and keep the phrases of the objects. Phrases and words are then copied from \
YOUR version of the prompt."""


@dataclass(frozen=True)
class _Thing:
    phrase: str
    word: str
    start: Box
    end: Box
    power: float = 1.0
    appears: float = 0.0

    def boxes(self, keyframes: int) -> list[list[float] | None]:
        times = [k / max(keyframes - 1, 1) for k in range(keyframes)]
        return [None if time < self.appears else self._at(time**self.power) for time in times]

    def _at(self, share: float) -> list[float]:
        return [round(a + share * (b - a), 2) for a, b in zip(self.start, self.end, strict=True)]


@dataclass(frozen=True)
class _Example:
    prompt: str
    enriched: str
    background: str
    things: tuple[_Thing, ...]

    def answer(self, keyframes: int, enrich: bool) -> str:
        objects = [
            {"phrase": thing.phrase, "words": [thing.word], "boxes": thing.boxes(keyframes)} for thing in self.things
        ]
        rest = {"background": self.background, "objects": objects}
        return json.dumps({"prompt": self.enriched, **rest} if enrich else rest)


_EXAMPLES = (
    _Example(
        "a paper boat drifts to the right past a lighthouse on a calm sea",
        "At dawn a paper boat drifts to the right past a lighthouse on a calm sea. Its folded hull rocks gently, the "
        "tower's white wall glows in the low sun, and thin mist hangs over the water.",
        "a calm sea",
        (
            _Thing("a paper boat", "boat", (0.05, 0.62, 0.3, 0.9), (0.7, 0.62, 0.95, 0.9)),
            _Thing("a lighthouse", "lighthouse", (0.42, 0.08, 0.58, 0.58), (0.42, 0.08, 0.58, 0.58)),
        ),
    ),
    _Example(
        "three yellow lanterns rise into the night sky",
        "Slowly three yellow lanterns rise into the night sky. Their paper shades glow warmly against deep blue, with "
        "faint stars behind, in a quiet cinematic shot.",
        "the night sky",
        tuple(
            _Thing("three yellow lanterns", "lanterns", (x, 0.7, x + 0.2, 0.95), (x, 0.1, x + 0.2, 0.35))
            for x in (0.1, 0.4, 0.7)
        ),
    ),
    _Example(
        "a coconut falls on the left of a monkey that appears only in the second half of the video",
        "On a bright tropical beach a coconut falls on the left of a monkey that appears only in the second half of "
        "the video. The husk is brown and rough, the animal's fur is golden, and palm shadows cross the sand.",
        "",
        (
            _Thing("a coconut", "coconut", (0.2, 0.05, 0.4, 0.27), (0.2, 0.7, 0.4, 0.92), power=2.0),
            _Thing("a monkey", "monkey", (0.6, 0.55, 0.88, 0.92), (0.6, 0.55, 0.88, 0.92), appears=0.5),
        ),
    ),
)


def conversation(prompt: str, num_keyframes: int, enrich: bool) -> list[Message]:
    """Return the messages that ask for the layout of a prompt."""
    system = _INSTRUCTIONS.format(keyframes=num_keyframes) + (_ENRICH if enrich else "")
    messages: list[Message] = [{"role": "system", "content": system}]
    for example in _EXAMPLES:
        messages.append({"role": "user", "content": f"Prompt: {example.prompt}"})
        messages.append({"role": "assistant", "content": example.answer(num_keyframes, enrich)})
    return [*messages, {"role": "user", "content": f"Prompt: {prompt}"}]


def repair(answer: str, wrong: str) -> list[Message]:
    """Return the messages that ask for a better answer."""
    request = f"This cannot be used: {wrong}\nCorrect it and answer with the whole JSON object again, nothing else."
    return [{"role": "assistant", "content": answer or "(empty)"}, {"role": "user", "content": request}]


def answer_schema(num_keyframes: int, enrich: bool) -> dict[str, Any]:
    """Return the JSON schema of an answer, in the subset that strict structured output accepts."""
    text = {"type": "string"}
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    boxes = {
        "type": "array",
        "items": {"anyOf": [box, {"type": "null"}]},
        "minItems": num_keyframes,
        "maxItems": num_keyframes,
    }
    thing = _closed({"phrase": text, "words": {"type": "array", "items": text, "minItems": 1}, "boxes": boxes})
    objects = {"type": "array", "items": thing, "minItems": 1}
    fields: dict[str, Any] = {"prompt": text} if enrich else {}
    return _closed(fields | {"background": text, "objects": objects})


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
