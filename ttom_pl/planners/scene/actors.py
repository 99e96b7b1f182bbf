"""What a prompt asks for: its objects, how each one moves, and how they stand to each other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from ttom_pl.planners.english.marks import Sign
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.geometry.arrangement import Body
from ttom_pl.planners.geometry.motions import Manner, Motion
from ttom_pl.planners.geometry.proportions import Level, depths, levels, relative_sizes
from ttom_pl.planners.geometry.relations import Relation

StepKind = Literal["step", "at", "goto"]
Part = Literal["first", "second", "start", "end"]
_CORNER = 0.25
_LONG, _SHORT = 1.4, 0.6


@dataclass(frozen=True)
class Step:
    """A part of a way: into a direction, at or to a place of the frame; ``then`` where the prompt says it follows."""

    kind: StepKind
    sign: Sign
    then: bool = False


@dataclass
class Actor:
    """An object, or several that one phrase names, while a prompt is read.

    Attributes:
        noun: its first mention.
        end: where its phrase ends, behind what describes it ("a man in a white vest").
        count: how many; ``None`` where the prompt does not say.
        steps: its way.
        manner: how it goes.
        growth: 1 towards the camera, -1 away from it.
        long: whether it goes far, past something.
        drifts: whether it moves without a direction being said.
        absent: parts of the video without it.
        scale: width and height, relative to the usual size.
        scenery: whether it is a place that nothing else but the prompt's verb makes an object.
        level: where its verb says it is; empty without.
    """

    noun: NounPhrase
    end: int
    count: int | None
    steps: list[Step] = field(default_factory=list)
    manner: Manner = "steady"
    growth: int = 0
    long: bool = False
    drifts: bool = False
    absent: set[Part] = field(default_factory=set)
    scale: tuple[float, float] = (1.0, 1.0)
    scenery: bool = False
    level: Level = ""

    def go(self, kind: StepKind, sign: Sign, then: bool = False) -> None:
        """Add a part of the way, unless it only says again what the last one said."""
        last = self.steps[-1] if self.steps else None
        if last is None or then or (last.kind, last.sign) != (kind, sign):
            self.steps.append(Step(kind, sign, then))

    def motion(self) -> Motion:
        """Return how it moves."""
        manner = self.manner
        moves: list[Sign] = []
        places: list[tuple[float, float]] = []
        steps = _without_idle_places(self.steps)
        if any(step.kind != "step" for step in steps):
            places = _places(steps)
        else:
            moves = [step.sign for step in steps]
        vertical = any(dy for _, dy in moves)
        if manner == "fall" and moves != [(0, 1)]:
            manner = "steady"
        if manner in ("jump", "throw", "bounce") and vertical:
            manner = "steady"
        if manner in ("circle", "sway", "bob") and (moves or places):
            manner = "steady"
        reach = _LONG if self.long else 1.0
        if self.drifts and not (moves or places or self.growth) and manner == "steady":
            moves, reach = [(1, 0)], _SHORT
        return Motion(tuple(moves), tuple(places), manner, self.growth, reach)


def _without_idle_places(steps: list[Step]) -> list[Step]:
    """Leave out the places that a direction implies ("starts on the left and moves right")."""
    if len(steps) == 2 and [step.kind for step in steps] == ["at", "step"]:
        (x, y), (dx, dy) = steps[0].sign, steps[1].sign
        if (x, y) == (-dx, -dy) and 0 in (x, y):
            return steps[1:]
    if steps and steps[0].kind == "step":
        return [step for step in steps if step.kind != "at" or step.then]
    return steps


def _places(steps: list[Step]) -> list[tuple[float, float]]:
    """Return the places that a way passes; directions lead to the side of the frame, from the opposite one."""
    places: list[tuple[float, float]] = []
    for step in steps:
        x, y = step.sign
        there = (0.5 + _CORNER * x, 0.5 + _CORNER * y)
        if step.kind == "step":
            here = places[-1] if places else (1 - there[0], 1 - there[1])
            there = (there[0] if x else here[0], there[1] if y else here[1])
        elif step.kind == "goto" and not places:
            here = (1 - there[0], 1 - there[1]) if x or y else (0.5 - _CORNER, 0.5)
        else:
            here = there
        if not places:
            places.append(here)
        if there != places[-1]:
            places.append(there)
    return places


@dataclass
class GrammarScene:
    """The objects of a prompt, their relations, and what was not understood.

    Attributes:
        actors: the objects, in the order of the prompt.
        relations: relations between them, by their numbers.
        background: where it happens.
        doubts: what was not understood, each with how much trust it costs.
    """

    actors: list[Actor] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    background: str = ""
    doubts: list[tuple[float, str]] = field(default_factory=list)

    def keep(self, chosen: Sequence[int]) -> None:
        """Leave out all actors but the chosen ones, with the relations of those that are left out."""
        number = {old: new for new, old in enumerate(chosen)}
        relations = []
        for r in self.relations:
            firsts, seconds = (tuple(number[i] for i in side if i in number) for side in (r.firsts, r.seconds))
            if firsts and seconds:
                relations.append(Relation(r.kind, firsts, seconds))
        self.relations = relations
        self.actors = [self.actors[i] for i in chosen]

    def bodies(self, size: tuple[float, float]) -> tuple[Body, ...]:
        """Return what to place, objects of the given usual size, those of other classes larger or smaller."""
        nouns = [actor.noun for actor in self.actors]
        contained = {i for r in self.relations if r.kind == "in" for i in (*r.firsts, *r.seconds)}
        near = depths(len(nouns), self.relations)
        large = [1.0 if i in contained else x * near[i] for i, x in enumerate(relative_sizes(nouns))]
        at = levels([actor.level for actor in self.actors])
        return tuple(
            Body(
                actor.motion(), actor.count or 1, (size[0] * by * actor.scale[0], size[1] * by * actor.scale[1]), level
            )
            for actor, by, level in zip(self.actors, large, at, strict=True)
        )
