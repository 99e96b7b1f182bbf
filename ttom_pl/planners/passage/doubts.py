"""How far the reading of a paragraph can be trusted."""

from collections.abc import Iterator, Sequence

from ttom_pl.planners.english import objects, things
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.passage.gist import Gist
from ttom_pl.planners.passage.salience import ENOUGH
from ttom_pl.planners.passage.sentences import Sentence

_NEARLY = 1.2
_COST = 0.22
"""What each of these costs. Measured on paragraphs whose objects are known: of those with none of them nineteen of
twenty were right, of those with one about three quarters (``benchmarks/planner.py``)."""


def doubts(
    gist: Gist, sentences: Sequence[Sentence], scores: Sequence[float], chosen: Sequence[int]
) -> list[tuple[float, str]]:
    """Return what makes it doubtful that the chosen actors are all, and stand as they should.

    Args:
        gist: all actors, before the others are left out.
        sentences: the paragraph.
        scores: how far it is about each actor.
        chosen: the numbers of those that remain.
    """
    return [(_COST, reason) for reason in _reasons(gist, sentences, scores, chosen)]


def _reasons(
    gist: Gist, sentences: Sequence[Sentence], scores: Sequence[float], chosen: Sequence[int]
) -> Iterator[str]:
    actors = gist.scene.actors
    close = [actors[i].noun.head.text for i, score in enumerate(scores) if ENOUGH - _NEARLY <= score < ENOUGH]
    if close:
        yield f"whether it is about {close[0]!r} too"
    named = _named_by_the_shot(gist, sentences, chosen)
    if named:
        yield f"the shot shows {named!r}, which is no object of the layout"
    if len(chosen) == 1:
        yield "a paragraph with one object"
    relations = [r for r in gist.scene.relations if {*r.firsts, *r.seconds} <= set(chosen)]
    if any(relation.kind in ("front", "behind") for relation in relations):
        yield "whether 'in front of' or 'behind' means depth or place"
    early = sum(gist.traces[i].sentence == 0 for i in chosen)
    moving = any(actors[i].steps for i in chosen)
    if len(chosen) > 1 and not relations and early < 2 and not moving:
        yield "how the objects stand to each other"


def _named_by_the_shot(gist: Gist, sentences: Sequence[Sentence], chosen: Sequence[int]) -> str:
    """Return what the description of the shot names ("close-up of the ring") without its being chosen."""
    for sentence in sentences:
        for chunk in sentence.chunks if sentence.look else ():
            if isinstance(chunk, NounPhrase):
                noun = things.essence(chunk)
                thing = things.can_be_drawn(noun) and not objects.is_scenery(noun) and not things.is_part(noun)
                if thing and not set(gist.known(noun)) & set(chosen):
                    return gist.prompt[noun.start : noun.head.end]
    return ""
