"""From the clauses of a prompt to its scene."""

from collections.abc import Sequence

from ttom_pl.planners.english.clauses import Clause, Complement
from ttom_pl.planners.english.syntax import Verb
from ttom_pl.planners.english.verbs import MOVES
from ttom_pl.planners.scene.actions import act
from ttom_pl.planners.scene.actors import GrammarScene
from ttom_pl.planners.scene.cast import Cast
from ttom_pl.planners.scene.prepositions import stand
from ttom_pl.planners.scene.verb_groups import Part, parts_of, uninverted


def read_scene(prompt: str, clauses: Sequence[Clause]) -> GrammarScene:
    """Return the scene that the clauses of a prompt describe."""
    cast = Cast(prompt)
    read_into(cast, clauses)
    return cast.finish()


def read_into(cast: Cast, clauses: Sequence[Clause]) -> None:
    """Let the actors do what clauses say, one after the other."""
    waiting: list[Part] = []
    for number, clause in enumerate(clauses):
        if not (clause.subjects or cast.subjects):
            finite, nameless = (
                clause.has_finite_verb,
                not any(isinstance(i, Complement) and i.noun for i in clause.items),
            )
            if finite and nameless:
                continue
            if nameless or (clause.has_verb and not finite and any(later.subjects for later in clauses[number + 1 :])):
                waiting += parts_of(clause)
                continue
        _read(cast, clause, waiting)
        waiting = []
    for part in waiting:
        act(cast, part)


def _read(cast: Cast, clause: Clause, before: Sequence[Part]) -> None:
    """Read a clause, and the parts before it that had no subject yet ("kicking a ball, a boy runs")."""
    main = cast.subjects
    cast.outer = main if clause.reduced else []
    if not clause.subjects and not cast.subjects:
        clause = uninverted(clause)
    if clause.subjects:
        cast.set_subjects(clause.subjects, any(isinstance(i, Verb) and i.lemma in MOVES for i in clause.items))
    elif clause.selector:
        cast.select(clause.selector)
    known = len(cast.scene.actors)
    for part in (*before, *parts_of(clause)):
        directed = act(cast, part)
        if part.negated and part.complements():
            cast.doubt(0.3, "what remains where something is not")
        else:
            stand(cast, part, directed)
    if len(cast.scene.actors) > known:
        for actor in cast.actors:
            actor.scenery = False
    if clause.reduced:
        cast.subjects = main or cast.subjects
