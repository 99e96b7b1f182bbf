"""What English asks of a video, as the grammar that plans it reads it."""

import re

from ttom_pl.evaluation.expectation import RELATIONS, Expectation
from ttom_pl.evaluation.metrics.motion import Direction
from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.clauses import read_clauses
from ttom_pl.planners.english.mark_rules import find_marks
from ttom_pl.planners.english.tokens import tokenize
from ttom_pl.planners.scene.actors import Actor
from ttom_pl.planners.scene.from_clauses import read_scene

_DIRECTIONS: dict[tuple[int, int], Direction] = {(-1, 0): "left", (1, 0): "right", (0, -1): "up", (0, 1): "down"}


def from_english(text: str) -> Expectation:
    """Return what a text asks for: numbers from two up, straight ways, one relation in the image plane.

    What the grammar misreads is expected as it was misread, and planned so too: no score can tell.
    """
    scene = read_scene(text, read_clauses(chunk(tokenize(text), find_marks(text))))
    names = [_name(actor) for actor in scene.actors]
    motions, counts = [], []
    for name, actor in zip(names, scene.actors, strict=True):
        moves = actor.motion().moves if actor.steps else ()  # without steps it drifts, which nobody asked for
        if len(moves) == 1 and moves[0] in _DIRECTIONS and names.count(name) == 1:
            motions.append((name, _DIRECTIONS[moves[0]]))
        if (actor.count or 1) > 1 and names.count(name) == 1:
            counts.append((name, actor.count or 1))
    relations = [
        (names[read.firsts[0]], RELATIONS[read.kind], names[read.seconds[0]])
        for read in scene.relations
        if read.kind in RELATIONS and len(read.firsts) == len(read.seconds) == 1
    ]
    relation = relations[0] if len(relations) == 1 else None
    return Expectation(tuple(motions), tuple(counts), relation, truth="grammar")


def _name(actor: Actor) -> str:
    return re.sub(r"\s+", " ", " ".join([*(word.low for word in actor.noun.modifiers), actor.noun.lemma]))


__all__ = ["from_english"]
