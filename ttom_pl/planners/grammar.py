"""The offline planner: reads the prompt's English and lays its objects out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from ttom_pl.layout.schema import Box, Layout, Track
from ttom_pl.planners.base import Planner
from ttom_pl.planners.cast import WHOLE_FRAME
from ttom_pl.planners.english.adjectives import is_adjective
from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.clauses import read_clauses
from ttom_pl.planners.english.function_words import (
    AUXILIARIES,
    COORDINATORS,
    DETERMINERS,
    FOREIGN,
    NUMBERS,
    PREPOSITIONS,
)
from ttom_pl.planners.english.mark_rules import find_marks
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.english.tokens import Token, tokenize
from ttom_pl.planners.english.verbs import known_verb
from ttom_pl.planners.motions import Floats
from ttom_pl.planners.placement import NoRoom, arrange
from ttom_pl.planners.reading import read_scene
from ttom_pl.planners.scene import Actor, Scene

_MANY, _MOST = 16, 24
_CROWD = (2.4, 2.0)


class GrammarPlanner(Planner):
    """Plan by grammar: offline, deterministic, in milliseconds, without a model.

    The same structure and motion give the same boxes, whatever the objects, their attributes and the place.

    Args:
        num_keyframes: keyframes of a layout.
        object_size: width and height of an object, as fractions of the frame, where there is room for it.
        displacement: how far an object moves, as a fraction of the frame.
        steer: whose tokens are steered: the ``noun`` alone, as in the paper (with the adjectives that tell it from
            others of the same noun), or the noun with all its adjectives (``phrase``), which binds attributes too.

    Raises:
        ValueError: if there is no keyframe, or if a size or the displacement is not between 0 and 1.
    """

    def __init__(
        self,
        num_keyframes: int = 6,
        object_size: tuple[float, float] = (0.25, 0.25),
        displacement: float = 0.45,
        steer: Literal["noun", "phrase"] = "noun",
    ) -> None:
        if num_keyframes < 1:
            raise ValueError(f"num_keyframes is {num_keyframes}; a layout needs at least one keyframe")
        for name, value in (
            ("object_size", max(object_size)),
            ("object_size", min(object_size)),
            ("displacement", displacement),
        ):
            if not 0 < value < 1:
                raise ValueError(f"{name} is {value}; give it as a fraction of the frame, between 0 and 1")
        self.num_keyframes = num_keyframes
        self.object_size = object_size
        self.displacement = displacement
        self.steer = steer

    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout of a prompt; ``confidence`` and ``reason`` say how far it was understood.

        Raises:
            ValueError: if the prompt has no word.
        """
        tokens = tokenize(prompt)
        if not any(token.is_word for token in tokens):
            raise ValueError(f"the prompt {prompt!r} has no word to plan for; write what the video shows")
        chunks = chunk(tokens, find_marks(prompt))
        scene = read_scene(prompt, read_clauses(chunks))
        if not scene.actors:
            scene = _whole(tokens, [part for part in chunks if isinstance(part, NounPhrase)])
        elif not _is_english(tokens):
            scene.doubts.append((0.7, "hardly a word of it is known English"))
        placed = self._place(scene)
        tracks: list[Track] = []
        for actor, words, group in zip(scene.actors, _words(scene.actors, self.steer), placed, strict=True):
            phrase = prompt[actor.noun.start : actor.end]
            spans = tuple((word.start, word.end) for word in words)
            for boxes in group:
                path = self._present(actor, boxes)
                tracks.append(Track(len(tracks), phrase, tuple(word.text for word in words), path, spans))
        trust = 1.0
        for cost, _ in scene.doubts:
            trust *= 1 - cost
        reason = "; ".join(doubt for _, doubt in scene.doubts)
        return Layout(prompt, tuple(tracks), id, scene.background, "grammar", round(trust, 3), reason)

    def _place(self, scene: Scene) -> tuple[Floats, ...]:
        """Place the objects; where there is no room, give up what was read last, and say so."""
        for actor in scene.actors:
            if actor.count is not None and actor.count > _MANY:
                scene.doubts.append((0.5, f"{actor.count} objects are too many to place; one box stands for all"))
                actor.count, actor.scale = 1, _CROWD
        while sum(actor.count or 1 for actor in scene.actors) > _MOST:
            crowd = max(scene.actors, key=lambda actor: actor.count or 1)
            if (crowd.count or 1) == 1:
                break
            scene.doubts.append((0.5, f"too many objects to place; one box stands for {crowd.count}"))
            crowd.count, crowd.scale = 1, _CROWD
        bodies, relations = scene.bodies(self.object_size), tuple(scene.relations)
        while True:
            try:
                return arrange(bodies, relations, self.num_keyframes, self.displacement)
            except NoRoom:
                if relations:
                    scene.doubts.append((0.4, f"no room for the relation {relations[-1].kind!r}"))
                    relations = relations[:-1]
                elif any(not body.motion.is_still for body in bodies):
                    scene.doubts.append((0.6, "no room for the motions; the objects stay where they are"))
                    bodies = tuple(replace(body, motion=type(body.motion)()) for body in bodies)
                else:
                    scene.doubts.append((0.5, "no room for all objects; the last ones are left out"))
                    scene.actors.pop()
                    bodies = bodies[:-1]

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
    found = []
    for actor in actors:
        same = [other for other in actors if other is not actor and other.noun.lemma == actor.noun.lemma]
        seen = {word.low for other in same for word in other.noun.modifiers}
        own = [word for word in actor.noun.modifiers if word.low not in seen] if same else []
        found.append((*own, actor.noun.head))
    return found


def _whole(tokens: Sequence[Token], nouns: Sequence[NounPhrase]) -> Scene:
    """Return a scene with one object that fills it, for a prompt in which none was found."""
    longest = max((token for token in tokens if token.is_word), key=lambda token: len(token.text))
    noun = nouns[0] if nouns else NounPhrase(longest.start, longest.end, longest)
    doubt = f"no object to place was found; {noun.head.text!r} stands for the whole scene"
    return Scene([Actor(noun, noun.end, 1, scale=WHOLE_FRAME)], doubts=[(0.5 if nouns else 1.0, doubt)])


def _is_english(tokens: Sequence[Token]) -> bool:
    """Whether a prompt is in Latin letters and, if it is long, has more small words of English than of others."""
    small = DETERMINERS | PREPOSITIONS | COORDINATORS | AUXILIARIES | NUMBERS.keys()
    words = [token.low for token in tokens if token.is_word]
    if not any(letter.isascii() for letter in "".join(words)):
        return False
    foreign = sum(word in FOREIGN for word in words)
    if foreign > sum(word in small - FOREIGN for word in words):
        return False
    return len(words) < 4 or any(word in small or known_verb(word) or is_adjective(word) for word in words)
