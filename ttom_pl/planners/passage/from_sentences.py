"""From the sentences of a paragraph to its scene."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ttom_pl.planners.english import things
from ttom_pl.planners.english.clauses import Clause, Complement, read_clauses
from ttom_pl.planners.english.objects import is_scenery
from ttom_pl.planners.english.syntax import Chunk, NounPhrase, Verb
from ttom_pl.planners.english.tokens import Token
from ttom_pl.planners.passage.doubts import doubts
from ttom_pl.planners.passage.gist import Gist
from ttom_pl.planners.passage.salience import choose_salient, salience_scores
from ttom_pl.planners.passage.sentences import Sentence, split
from ttom_pl.planners.scene.actors import GrammarScene
from ttom_pl.planners.scene.from_clauses import read_into

_SHOW = frozenset(
    "feature showcase show capture depict portray present display reveal highlight focus frame emphasize".split()
)
_OWN = frozenset("feature boast wear include contain display exude have reveal adorn".split())
_BE = frozenset({"is", "are", "was", "were"})
_STAND = frozenset("stand sit lie hang rest lean rise float grow kneel perch hover loom be".split()) | {""}
_HAVE = frozenset({"has", "have", "had", "having"})


_LONG = 45
_SENTENCES = 3


def is_passage(tokens: Sequence[Token]) -> bool:
    """Whether a prompt is so long that not all of it is about its objects."""
    words = sum(token.is_word for token in tokens)
    return words >= _LONG or (words >= _LONG // 2 and sum(token.low == "." for token in tokens) >= _SENTENCES)


def read_passage(prompt: str, tokens: Sequence[Token], chunks: Sequence[Chunk], most: int) -> GrammarScene:
    """Return the scene of a paragraph.

    Args:
        prompt: the paragraph.
        tokens: its words.
        chunks: its phrases.
        most: how many actors the scene may have.
    """
    gist = Gist(prompt)
    sentences = split(prompt, tokens, chunks)
    for sentence in sentences:
        gist.sentence = sentence
        before = gist.motions()
        if not sentence.look:
            for clause in read_clauses(sentence.chunks):
                _read(gist, _presented(_inverted(_essential(clause))))
        gist.keep_motions(before)
    _add_missed(gist, sentences)
    gist.scene.doubts = [doubt for doubt in gist.scene.doubts if not doubt[1].endswith(" without what it is about")]
    saliences = salience_scores(gist, sentences)
    chosen = choose_salient(saliences, most)
    gist.scene.doubts += doubts(gist, sentences, saliences, chosen)
    gist.keep(chosen)
    return gist.finish()


def _read(gist: Gist, clause: Clause) -> None:
    """Read a clause; what a subject is ("the child is *a boy*") is another name of it, and nothing new."""
    items = list(clause.items)
    names = []
    for be, item in pairwise(clause.items):
        if isinstance(item, Complement) and item.link == "" and isinstance(be, Verb) and be.token.low in _BE:
            items.remove(item)
            names.append(item.noun)
    verbs = {item.lemma or item.token.low for item in items if isinstance(item, Verb)}
    gist.owns = bool(verbs & (_OWN | _HAVE))
    read_into(gist, [replace(clause, items=items)])
    for noun in names:
        if noun is not None:
            gist.call(noun)


def _essential(clause: Clause) -> Clause:
    """Put what noun phrases are about in their place ("a view of *a harbour*")."""
    items = [
        replace(item, noun=things.essence(item.noun)) if isinstance(item, Complement) and item.noun else item
        for item in clause.items
    ]
    return replace(clause, subjects=[things.essence(noun) for noun in clause.subjects], items=items)


def _inverted(clause: Clause) -> Clause:
    """Make what stands behind the verb the subject of "beside it stands *a lamp*"."""
    if clause.subjects or not clause.items or isinstance(clause.items[0], Verb):
        return clause
    for be, item in pairwise(clause.items):
        stands = isinstance(be, Verb) and be.is_finite and be.lemma in _STAND
        if stands and isinstance(item, Complement) and item.link == "" and item.noun is not None:
            return replace(clause, subjects=[item.noun], items=[other for other in clause.items if other is not item])
    return clause


def _presented(clause: Clause) -> Clause:
    """Make what a picture shows the subject ("a scene featuring *a bed* on the left of a lamp")."""
    if any(things.can_be_drawn(noun) for noun in clause.subjects):
        return clause
    for at, item in enumerate(clause.items):
        if isinstance(item, Verb) and item.lemma in _SHOW:
            shown = [c for c in clause.items[at + 1 :] if isinstance(c, Complement) and c.link == "" and c.noun]
            first = next((c.noun for c in shown if c.noun is not None and things.can_be_drawn(c.noun)), None)
            if first is not None:
                rest = clause.items[clause.items.index(shown[0]) + 1 :]
                return replace(clause, subjects=[first], items=rest)
    return clause


def _add_missed(gist: Gist, sentences: Sequence[Sentence]) -> None:
    """Add the things that several sentences name, but no clause."""
    for sentence in sentences:
        for chunk in sentence.chunks:
            if isinstance(chunk, NounPhrase) and not is_scenery(chunk) and not gist.known(chunk):
                elsewhere = [s for s in sentences if s.number != sentence.number and chunk.lemma in s.words]
                if elsewhere and not sentence.look:
                    gist.sentence = sentence
                    gist.mention(chunk)
