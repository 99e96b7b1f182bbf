"""From the clauses of a prompt to its scene."""

from collections.abc import Sequence

from ttom_pl.planners.actions import act
from ttom_pl.planners.cast import Cast
from ttom_pl.planners.english.clauses import Clause
from ttom_pl.planners.parts import parts_of, uninverted
from ttom_pl.planners.scene import Scene
from ttom_pl.planners.standing import stand


def read_scene(prompt: str, clauses: Sequence[Clause]) -> Scene:
    """Return the scene that the clauses of a prompt describe."""
    cast = Cast(prompt)
    for clause in clauses:
        _read(cast, clause)
    return cast.finish()


def _read(cast: Cast, clause: Clause) -> None:
    main = cast.subjects
    if not clause.subjects and not cast.subjects:
        clause = uninverted(clause)
    if clause.subjects:
        cast.set_subjects(clause.subjects)
    elif clause.selector:
        cast.select(clause.selector)
    known = len(cast.scene.actors)
    for part in parts_of(clause):
        directed = act(cast, part)
        stand(cast, part, directed)
    if len(cast.scene.actors) > known:
        for actor in cast.actors:
            actor.scenery = False
    if clause.reduced:
        cast.subjects = main or cast.subjects
