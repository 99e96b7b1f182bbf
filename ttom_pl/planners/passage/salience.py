"""What a paragraph is about: named first, named again, moving, counted, in a stated relation."""

from collections.abc import Sequence

from ttom_pl.planners.english import things
from ttom_pl.planners.english.lexicon import look_up
from ttom_pl.planners.english.objects import is_scenery
from ttom_pl.planners.passage.gist import Gist
from ttom_pl.planners.passage.sentences import Sentence

ENOUGH = 3.0
"""What an actor must score to be in the layout."""
_FIRST = (3.0, 2.0, 1.5, 1.2)
_SUPPORTS = frozenset(
    """
    bench board bookshelf branch cabinet carpet chair counter countertop cushion desk easel mat nightstand pedestal
    perch plate platform rug saucer shelf stand stool table tablecloth towel tray wall window windowsill
    """.split()
)
"""What things stand on without the paragraph being about it."""


_VAGUE = frozenset("few several some many various scattered numerous assorted".split())


def salience_scores(gist: Gist, sentences: Sequence[Sentence]) -> list[float]:
    """Return how far a paragraph is about each of its actors."""
    supports = {i for r in gist.scene.relations if r.kind in ("on", "in") for i in r.seconds}
    sided = {i for r in gist.scene.relations if r.kind in ("left", "right") for i in (*r.firsts, *r.seconds)}
    related = {i for relation in gist.scene.relations for i in (*relation.firsts, *relation.seconds)}
    saliences = []
    for i, (actor, trace) in enumerate(zip(gist.scene.actors, gist.traces, strict=True)):
        noun = actor.noun
        names = {noun.lemma, noun.head.low}
        names |= {w.low for w in noun.modifiers if (entry := look_up(w.low)) and entry.thing > 4 and entry.noun > 6}
        named = [s for s in sentences if names & s.words]
        vague = bool(set(gist.prompt[noun.start : noun.head.end].lower().split()) & _VAGUE)
        again = sum(s.number != trace.sentence and not s.look for s in named)
        early = _FIRST[min(trace.sentence, len(_FIRST) - 1)]
        passing = trace.sentence >= len(_FIRST) - 1 and not again and i not in related
        score = early + (2.0 if trace.as_subject and not passing else 1.0) + 1.0 * min(again, 4)
        score += 1.5 * any(s.look for s in named) + 1.0 * (i in related)
        score += 1.0 * bool(actor.steps or actor.drifts) + 1.5 * ((actor.count or 0) > 1 and not vague)
        score -= 2.0 * (trace.definite and trace.sentence > 0)
        score -= 2.5 * (vague or (actor.count is None and not noun.determiner))
        score -= 2.0 * (actor.count == 1 and not noun.determiner and trace.sentence > 0)
        distinct = trace.as_subject and actor.count == 1 and noun.has_article
        behind = 1.5 if any(s.look for s in named) else 2.5 if distinct else 4.0
        score -= behind * trace.behind + 2.5 * trace.owned
        score -= 3.0 * (things.is_part(noun) and not (trace.as_subject and trace.sentence == 0))
        score -= 2.5 * (noun.lemma in _SUPPORTS and not trace.as_subject and i not in sided)
        score -= 1.5 * (i in supports and not again and not trace.as_subject)
        score -= 1.0 * is_scenery(noun)
        saliences.append(score)
    return saliences


def choose_salient(saliences: Sequence[float], most: int) -> list[int]:
    """Return the numbers of at most so many actors that a paragraph is about, in its order; one at least."""
    best = sorted(range(len(saliences)), key=lambda i: (-saliences[i], i))[:most]
    return sorted(i for i in best if saliences[i] >= ENOUGH) or sorted(best[:1])
