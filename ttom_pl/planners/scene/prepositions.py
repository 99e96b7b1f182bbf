"""What the prepositions say: what stands where, and who goes to, after or past what."""

from collections.abc import Sequence
from itertools import pairwise

from ttom_pl.planners.english import objects, verbs
from ttom_pl.planners.english.clauses import Complement, Item
from ttom_pl.planners.english.marks import Mark
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.geometry.relations import Kind
from ttom_pl.planners.scene.actions import is_about_both
from ttom_pl.planners.scene.cast import Cast
from ttom_pl.planners.scene.relating import AHEAD, KINDS, ON, approach, follow, goes_down, pass_by, relate
from ttom_pl.planners.scene.verb_groups import Part

_ALWAYS = frozenset(
    """
    left right above below bottom middle sides beneath under underneath front behind beside near past between top
    atop alongside opposite toward towards after against
    """.split()
)
_INSIDE = frozenset({"in", "inside", "within", "into"})
_LOOSE = frozenset({"through", "across", "along", "around", "from", "to", "at", "off"})
_TOWARDS = frozenset({"toward", "towards", "to", "into"})
_NEEDS_NOUN = frozenset(
    {"beside", "toward", "towards", "onto", "into", "at", "with", "of", "beneath", "during", "among"}
)
_NO_SUPPORT = frozenset({"leg", "foot", "back", "tail", "paw", "hand", "fire", "stage", "head", "shoulder", "knee"})


def stand(cast: Cast, part: Part, directed: bool) -> None:
    """Put the subjects of a verb where its prepositions say."""
    company = _company(cast, part)
    _among_each_other(cast, part, company)
    for complement in part.complements():
        if complement in company:
            continue
        noun, link = complement.noun, complement.link
        if noun is None and not complement.pronoun and complement.link in _NEEDS_NOUN:
            cast.doubt(0.2, f"{complement.link!r} without what it is about")
        elif noun is None:
            _pronoun(cast, complement)
        elif link == "":
            if is_about_both(part) and objects.is_patient(noun, headline=True):
                targets = cast.mention(noun)
                if part.lemma in verbs.CHASE:
                    follow(cast, cast.subjects, targets)
                else:
                    approach(cast, targets, directed)
        elif isinstance(link, Mark) and link.kind == "pass from":
            pass_by(cast, link, noun, part)
        elif isinstance(link, Mark) and link.kind == "side of":
            _side_of(cast, link, noun, part)
        else:
            _preposition(cast, complement.preposition, noun, part, directed)


def _company(cast: Cast, part: Part) -> list[Item]:
    """Read "with a windmill behind it", "with a dog on its left"; return what was read."""
    read: list[Item] = []
    for one, other in pairwise(part.items):
        if not (isinstance(one, Complement) and one.link == "with" and one.noun and cast.subjects):
            continue
        kind = None
        if isinstance(other, Mark) and other.kind == "beside it":
            kind = KINDS.get(other.text)
        elif isinstance(other, Complement) and other.noun is None and "other" not in other.pronoun:
            side = other.link.signs if isinstance(other.link, Mark) else ()
            kind = AHEAD.get((-side[0][0], 0)) if side else KINDS.get(other.preposition)
        if kind is not None and not objects.is_nothing(one.noun):
            cast.relate(kind, cast.mention(one.noun), cast.subjects)
            read += [one, other]
    return read


def _among_each_other(cast: Cast, part: Part, read: Sequence[Item]) -> None:
    """Read "collide", "apart", "overhead", "on its left"."""
    words = [mark.text for mark in part.marks("beside it") if mark not in read]
    if part.lemma in verbs.CONVERGE and not any(c.noun for c in part.complements() if c.link in ("", "with", "into")):
        cast.oppose(1)
    elif part.lemma in verbs.DIVERGE or "apart" in words:
        cast.oppose(-1)
    for word in words:
        if word in ("left", "right", "above") and cast.subjects:
            cast.relate(KINDS[word], cast.subjects, cast.other())


def _pronoun(cast: Cast, complement: Complement) -> None:
    """Read "under it", "towards each other"."""
    relation = complement.preposition
    if "other" in complement.pronoun:
        for actor in cast.actors:
            if actor.count is None:
                actor.count, actor.scale = 2, (1.0, 1.0)
        if relation in _TOWARDS:
            cast.oppose(1)
        elif relation == "from":
            cast.oppose(-1)
    elif complement.pronoun and isinstance(complement.link, Mark) and complement.link.kind == "side of":
        cast.relate("left" if complement.link.signs[0][0] < 0 else "right", cast.subjects, cast.other())
    elif complement.pronoun and relation in KINDS:
        cast.relate(KINDS[relation], cast.subjects, cast.other())


def _side_of(cast: Cast, link: Mark, noun: NounPhrase, part: Part) -> None:
    """Read "on the left of a bicycle", or "to the left side of a living room": a direction or a part of the frame."""
    side: Kind = "left" if link.signs[0][0] < 0 else "right"
    goes = link.text in _TOWARDS and (part.lemma in verbs.MOVES or part.lemma not in verbs.VERBS | {""})
    if objects.is_target(noun, side):
        cast.relate(side, cast.subjects, cast.mention(noun))
    else:
        cast.place(noun)
        goes = goes or link.text in _TOWARDS
    for actor in cast.actors:
        if goes:
            actor.go("step", link.signs[0])
        elif not objects.is_target(noun, side):
            actor.go("at", link.signs[0])


def _preposition(cast: Cast, relation: str, noun: NounPhrase, part: Part, directed: bool) -> None:
    if _describes(cast, relation, noun, part):
        cast.describe(noun)
        return
    targets = _targets(cast, relation, noun, part, directed)
    if targets:
        relate(cast, relation, targets, part, directed)


def _describes(cast: Cast, relation: str, noun: NounPhrase, part: Part) -> bool:
    """Whether a phrase tells what someone looks like ("a girl with braids", but not "a kitchen with three mugs")."""
    if relation == "with" and part.verb is None and not objects.is_animate(noun) and not _are_places(cast):
        return True
    return relation in ("in", "with") and objects.is_clothing(noun)


def _targets(cast: Cast, relation: str, noun: NounPhrase, part: Part, directed: bool) -> list[int]:
    """Return the objects that a preposition leads to; none where it only tells the place, the time or the way."""
    lemma = part.lemma
    by_whom = relation == "by" and part.passive and (noun.has_article or noun.determiner)
    round_it = relation == "around" and (lemma in verbs.CIRCLE or bool(part.marks("circle")))
    if (by_whom or round_it) and not objects.is_nothing(noun):
        return cast.mention(noun) if round_it or not objects.is_scenery(noun) or noun.has_article else []
    if relation == "into" and lemma in verbs.CHANGE | verbs.FORM:
        return []
    among_places = _are_places(cast)
    if not objects.is_target(noun, relation, among_places):
        if objects.is_scenery(noun):
            cast.place(noun)
        return []
    bare = not noun.determiner and not noun.modifiers and not noun.plural
    single = all(actor.count == 1 for actor in cast.actors)
    if relation in _ALWAYS:
        wanted = True
    elif relation == "by":
        wanted = noun.has_article
    elif relation == "over":
        wanted = not bare or (cast.headline and bool(noun.determiner))
    elif relation in ON:
        way = objects.is_scenery(noun) and lemma in verbs.GO
        wanted = goes_down(cast) or not (directed or way or noun.lemma in _NO_SUPPORT)
    elif relation == "into" and lemma in verbs.LOWER:
        wanted = True
    elif relation in _INSIDE:
        wanted = (
            objects.is_container(noun) and not noun.plural and single and not directed and lemma not in verbs.CHANGE
        )
        if not wanted:
            cast.place(noun)
    elif relation == "with":
        wanted = among_places or lemma in verbs.TOP or _comes_along(noun, part)
    elif relation == "for":
        wanted = noun.has_article and (objects.is_animate(noun) or lemma == "reach")
    elif relation == "to" and not directed and objects.is_animate(noun):
        wanted = True
    elif relation in ("to", "at") and lemma in verbs.THROW | verbs.STRIKE and cast.other():
        wanted = noun.has_article or objects.is_animate(noun)
    elif relation in _LOOSE:
        flight = relation == "from" and lemma in verbs.FLEE
        seen = noun.has_article or (bool(noun.modifiers) and noun.plural and not noun.determiner)
        wanted = flight or (seen and not directed and lemma not in verbs.CHANGE)
    else:
        wanted = False
    return cast.mention(noun) if wanted else []


def _are_places(cast: Cast) -> bool:
    return bool(cast.subjects) and all(actor.scenery for actor in cast.actors)


def _comes_along(noun: NounPhrase, part: Part) -> bool:
    """Whether "with …" names someone or something else, not a tool or a part of the subject."""
    if objects.is_animate(noun):
        return True
    possessive = noun.determiner in {"its", "their"}
    return (
        part.verb is not None and not possessive and (noun.has_article or (bool(noun.determiner) and not noun.plural))
    )
