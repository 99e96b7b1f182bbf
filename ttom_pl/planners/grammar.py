"""The offline planner: reads the prompt's English and lays its objects out."""

from collections.abc import Sequence
from typing import Literal

from ttom_pl.io.ranges import check_range
from ttom_pl.layout.schema import MOST_KEYFRAMES, Box, Layout, Track
from ttom_pl.planners.base import Planner
from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.clauses import read_clauses
from ttom_pl.planners.english.legible import Legible, legible
from ttom_pl.planners.english.mark_rules import find_marks
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.tokens import Token, tokenize
from ttom_pl.planners.geometry.motions import Floats
from ttom_pl.planners.passage import is_passage, read_passage
from ttom_pl.planners.scene.actors import Actor, GrammarScene
from ttom_pl.planners.scene.cast import WHOLE_FRAME
from ttom_pl.planners.scene.from_clauses import read_scene
from ttom_pl.planners.scene.make_room import place


class GrammarPlanner(Planner):
    """Plan by grammar: offline, deterministic, in milliseconds, without a model.

    The same structure and motion give the same boxes, whatever the objects, their attributes and the place.

    Args:
        num_keyframes: keyframes of a layout.
        object_size: width and height of an object, as fractions of the frame, where there is room for it.
        displacement: how far an object moves, as a fraction of the frame.
        steer: whose tokens are steered: the ``noun`` alone, as in the paper (with the adjectives that tell it from
            others of the same noun), or the noun with all its adjectives (``phrase``), which binds attributes too.
        max_objects: how many objects a layout has at most, counted ones as one; of a paragraph those that it is about,
            else those that are named first.

    Raises:
        ValueError: if there is no keyframe or object, or if a size or the displacement is not between 0 and 1.
    """

    def __init__(
        self,
        num_keyframes: int = 6,
        object_size: tuple[float, float] = (0.25, 0.25),
        displacement: float = 0.45,
        steer: Literal["noun", "phrase"] = "noun",
        max_objects: int = 6,
    ) -> None:
        check_range("num_keyframes", num_keyframes, least=1, most=MOST_KEYFRAMES)
        check_range("max_objects", max_objects, least=1, meaning="objects of a layout")
        for name, value in (
            ("object_size", object_size[0]),
            ("object_size", object_size[1]),
            ("displacement", displacement),
        ):
            check_range(name, value, above=0, below=1, meaning="a fraction of the frame")
        self.num_keyframes = num_keyframes
        self.object_size = object_size
        self.displacement = displacement
        self.steer = steer
        self.max_objects = max_objects

    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout of a prompt; ``confidence`` and ``reason`` say how far it was understood.

        Of a prompt that is longer than a text encoder reads only the beginning is planned.

        Raises:
            ValueError: if the prompt has no word.
        """
        read = legible(prompt)
        if not any(character.isalnum() for character in read.text):
            raise ValueError(f"the prompt {_short(prompt)} has no word to plan for; write what the video shows")
        scene = self._scene(read)
        if read.cut:
            scene.doubts.append((0.5, f"it is too long; only its first {len(read.text.split())} words are read"))
        placed = place(scene, self.object_size, self.num_keyframes, self.displacement)
        tracks: list[Track] = []
        for actor, words, group in zip(scene.actors, _words(scene.actors, self.steer), placed, strict=True):
            start, end = read.span(actor.noun.start, actor.end)
            spans = tuple(read.span(word.start, word.end) for word in words)
            for boxes in group:
                path = self._present(actor, boxes)
                tracks.append(Track(len(tracks), prompt[start:end], tuple(word.text for word in words), path, spans))
        trust = 1.0
        for cost, _ in scene.doubts:
            trust *= 1 - cost
        reason = "; ".join(dict.fromkeys(doubt for _, doubt in scene.doubts))
        return Layout(prompt, tuple(tracks), id, scene.background, "grammar", round(trust, 3), reason)

    def _scene(self, read: Legible) -> GrammarScene:
        tokens = tokenize(read.text)
        if read.problem:
            return _whole(tokens, [], read.problem)
        chunks = chunk(tokens, find_marks(read.text))
        if is_passage(tokens):
            scene = read_passage(read.text, tokens, chunks, self.max_objects)
        else:
            scene = read_scene(read.text, read_clauses(chunks))
        if not scene.actors:
            scene = _whole(tokens, [part for part in chunks if isinstance(part, NounPhrase)])
        if len(scene.actors) > self.max_objects:
            scene.doubts.append(
                (0.5, f"{len(scene.actors)} objects are more than {self.max_objects}; the first remain")
            )
            scene.keep(range(self.max_objects))
        return scene

    def _present(self, actor: Actor, boxes: Floats) -> tuple[Box | None, ...]:
        last = self.num_keyframes - 1
        hidden = {
            "first": lambda time: time < 0.5,
            "second": lambda time: time > 0.5,
            "start": lambda time: time < 0.25,
            "end": lambda time: time > 0.75,
        }
        absent = [any(hidden[part](k / max(last, 1)) for part in actor.absent) for k in range(self.num_keyframes)]
        if all(absent):
            absent = [False] * self.num_keyframes
        return tuple(None if gone else _box(box) for gone, box in zip(absent, boxes, strict=True))


def _box(box: Floats) -> Box:
    x0, y0, x1, y1 = (round(min(max(float(side), 0.0), 1.0), 6) for side in box)
    return (x0, y0, x1, y1)


def _words(actors: list[Actor], steer: Literal["noun", "phrase"]) -> list[tuple[Token, ...]]:
    """Return the words of each actor: its noun, with the adjectives that ``steer`` asks for."""
    if steer == "phrase":
        return [(*actor.noun.modifiers, actor.noun.head) for actor in actors]
    names = []
    for actor in actors:
        same = [other for other in actors if other is not actor and other.noun.lemma == actor.noun.lemma]
        seen = {word.low for other in same for word in other.noun.modifiers}
        modifiers = [word for word in actor.noun.modifiers if word.low not in seen] if same else []
        names.append((*modifiers, actor.noun.head))
    return names


def _whole(tokens: Sequence[Token], nouns: Sequence[NounPhrase], problem: str = "") -> GrammarScene:
    """Return a scene with one object that fills it, for a prompt in which none was found."""
    longest = max((token for token in tokens if token.is_word), key=lambda token: len(token.text))
    noun = nouns[0] if nouns else NounPhrase(longest.start, longest.end, longest)
    doubt = problem or f"no object to place was found; {noun.head.text[:40]!r} stands for the whole scene"
    return GrammarScene([Actor(noun, noun.end, 1, scale=WHOLE_FRAME)], doubts=[(0.5 if nouns else 1.0, doubt)])


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
