"""What the verbs say: who moves, which way and how, and when it is there."""

from collections.abc import Sequence
from itertools import pairwise

from ttom_pl.planners.english import objects, verbs
from ttom_pl.planners.english.marks import Mark, Sign
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.geometry.proportions import level_of_verb
from ttom_pl.planners.geometry.relations import Kind
from ttom_pl.planners.scene.actors import Step
from ttom_pl.planners.scene.cast import Cast
from ttom_pl.planners.scene.verb_groups import Part

RIGHT: Sign = (1, 0)
_DOWN: Sign = (0, 1)
_UP: Sign = (0, -1)
_SENTENCE_MARKS = ("step", "particle", "goto", "route", "at", "then")
_SLIP = frozenset({"slide", "roll", "slip", "jump", "leap", "tip", "dive", "blow"})
_ON_OBJECTS = verbs.THROW | verbs.STRIKE | verbs.RAISE | verbs.LOWER
"""Verbs whose object moves, not their subject."""
_ARRIVE = frozenset({"land", "settle", "alight"})
"""Verbs that end a way, and imply one only where none was said before."""
_UNMOVED = frozenset({"light", "set", "make", "watch", "appear"})


def act(cast: Cast, part: Part) -> bool:
    """Let the actors do what a verb says; return whether anything goes into a direction."""
    movers = _movers(cast, part)
    directed = False
    if not part.negated:
        directed = _directions(cast, part, movers)
        _manner(cast, part, movers, directed)
    _presence(cast, part)
    return directed


def is_about_both(part: Part) -> bool:
    """Whether the verb's object moves against or after its subject."""
    return part.lemma in verbs.CHASE | verbs.CONVERGE | verbs.DIVERGE | verbs.APPROACH


def _movers(cast: Cast, part: Part) -> list[int]:
    """Return who goes where the verb says, and place its direct objects."""
    if part.lemma in verbs.CHANGE or (part.lemma in verbs.FORM and any(c.link == "into" for c in part.complements())):
        _become(cast, part)
    elif part.lemma in verbs.WEAR:
        _wear(cast, part)
    elif not is_about_both(part):
        patients = [i for c in part.complements() if c.link == "" and c.noun for i in _patients(cast, part, c.noun)]
        if patients and not cast.subjects:
            return patients
        if patients and not part.passive:
            return _transitive(cast, part, patients)
        taken = any(c.link == "" and c.noun for c in part.complements())
        if taken and part.lemma in _ON_OBJECTS:
            return []
    return list(cast.subjects)


def _patients(cast: Cast, part: Part, noun: NounPhrase) -> list[int]:
    """Return the actors that a direct object names, if any."""
    if part.lemma in verbs.CIRCLE and objects.is_scenery(noun) and noun.has_article:
        orbited = cast.mention(noun)
        cast.relate("around", cast.subjects, orbited)
        return []
    if part.lemma not in verbs.UP - verbs.RAISE:
        return cast.mention(noun) if objects.is_patient(noun, cast.headline) else []
    if not objects.is_scenery(noun) and not objects.is_nothing(noun):
        climbed = cast.mention(noun) if noun.count == 1 or noun.has_article else []
        if len(cast.actors) == 1 and cast.actors[0].count == 1 and noun.count == 1:
            cast.relate("scale", cast.subjects, climbed)
    return []


def _transitive(cast: Cast, part: Part, patients: list[int]) -> list[int]:
    """Relate subjects and direct objects; return which of them move."""
    kind: Kind = "left" if part.lemma in {"push", "shove"} else "on" if part.lemma in verbs.MOUNT else "beside"
    one_each = all(cast[i].count == 1 for i in [*cast.subjects, *patients])
    if part.lemma in _ON_OBJECTS:
        cast.relate(kind, cast.subjects, patients)
        return patients
    if part.lemma in verbs.TOGETHER | verbs.MOUNT:
        cast.relate(kind, cast.subjects, patients)
        cast.tie(cast.subjects, patients)
    elif one_each:
        cast.relate(kind, cast.subjects, patients)
        if part.lemma in verbs.HOLD:
            cast.tie(cast.subjects, patients)
    return list(cast.subjects)


def _become(cast: Cast, part: Part) -> None:
    """Let what something becomes take its place in the second half ("a caterpillar turns into a butterfly").

    With a direct object it is that which changes ("a potter shapes *clay* into a bowl").
    """
    before = cast.subjects[:1]
    for complement in part.complements():
        noun = complement.noun
        becomes = complement.link == "into" or (complement.link == "" and part.lemma == "become")
        if (
            noun is None
            or noun.only_colors
            or complement.link not in ("", "into")
            or not objects.is_patient(noun, True)
        ):
            continue
        if complement.link == "" and part.lemma == "turn":
            becomes = not any(c.link == "into" for c in part.complements())
        if becomes and before:
            for i in cast.mention(noun):
                cast[i].absent.add("first")
                cast[before[0]].absent.add("second")
                cast.relate("around", [i], before)
        elif complement.link == "" and not part.passive:
            before = cast.mention(noun)
            cast.relate("beside", cast.subjects, before)


def _wear(cast: Cast, part: Part) -> None:
    """Take what someone wears into the phrase ("a girl *wearing a red shirt*")."""
    for complement in part.complements():
        if complement.noun is not None and part.verb is not None and part.verb.form == "ing":
            cast.describe(complement.noun)


def _directions(cast: Cast, part: Part, movers: Sequence[int]) -> bool:
    """Give the movers their directions; return whether there are any."""
    steps: list[Step] = []
    then = False
    known = part.lemma in verbs.VERBS and part.lemma not in verbs.MOVES
    movers = cast.outer if known and cast.outer else movers
    goes = part.verb is None or not (known or part.lemma in _UNMOVED)
    for mark in part.marks(*_SENTENCE_MARKS):
        if mark.kind == "then":
            then = True
        elif part.lemma not in verbs.TURN_IN_PLACE and (mark.kind != "particle" or goes):
            steps += _steps(mark, then)
            then = False
    if all(step.kind == "at" for step in steps):
        steps += [Step("step", sign) for sign in _implied(cast, part, movers, goes)]
    for before, step in pairwise(steps):
        x, y = step.sign
        if step.kind == before.kind == "step" and before.sign == (-x, -y) and not step.then:
            cast.doubt(0.4, "opposite directions at once")
    for step in steps:
        for i in movers:
            cast[i].go(step.kind, step.sign, step.then)
    taken = any(c.link == "" and c.noun for c in part.complements())
    if steps and not (movers or taken or cast.idle) and "camera" not in cast.prompt.lower():
        cast.doubt(0.5, "a direction without an object that takes it")
    directed = any(step.kind != "at" for step in steps)
    for mark in part.marks("growth", "away"):
        aside = mark.kind == "away" and (directed or part.lemma not in verbs.MOVES)
        if part.lemma not in verbs.TURN_IN_PLACE and not aside:
            for i in movers:
                cast[i].growth = 1 if mark.text == "towards" else -1
    return directed


def _steps(mark: Mark, then: bool) -> list[Step]:
    """Return the way that a set phrase describes."""
    signs = mark.signs
    if mark.kind in ("goto", "at"):
        return [Step("goto" if mark.kind == "goto" else "at", signs[0], then)]
    if mark.kind != "route":
        return [Step("step", signs[0], then)]
    for axis in (0, 1):
        if all(sign[1 - axis] == 0 for sign in signs):
            ways = [(b[axis] > a[axis]) - (b[axis] < a[axis]) for a, b in pairwise(signs)]
            return [Step("step", (way, 0) if axis == 0 else (0, way), then or k > 0) for k, way in enumerate(ways)]
    return [Step("at", signs[0], then), *(Step("goto", sign, then) for sign in signs[1:])]


def _implied(cast: Cast, part: Part, movers: Sequence[int], goes: bool) -> list[Sign]:
    """Return the direction that is said only by where from, or only by the verb."""
    lemma = part.lemma
    sources = part.marks("from")
    if sources and (goes or lemma in verbs.APPEAR) and lemma not in verbs.TURN_IN_PLACE:
        x, y = sources[0].signs[0]
        return [(-x, -y)]
    patient = bool(movers) and list(movers) != cast.subjects
    moved = patient or part.passive
    if lemma in verbs.FALL or (lemma in verbs.LOWER and moved):
        return [_DOWN]
    if lemma in verbs.UP and (lemma not in verbs.RAISE or moved):
        return [_UP]
    if lemma in _ARRIVE and any(cast[i].steps for i in movers):
        return []
    if lemma in verbs.DOWN and (lemma != "set" or any(a.noun.lemma in {"sun", "moon"} for a in cast.actors)):
        return [_DOWN]
    if lemma in {"take", "blast", "lift"} and not patient:
        off = any(cast.prompt[m.start : m.end].lower().startswith("off") for m in part.marks("particle"))
        if off or part.has_particle("off"):
            return [_UP]
    if lemma in _SLIP and any(c.link == "off" and c.noun for c in part.complements()):
        return [_DOWN]
    if lemma in verbs.THROW | verbs.STRIKE - {"hit", "strike"} and patient:
        return [RIGHT]
    return []


def _manner(cast: Cast, part: Part, movers: Sequence[int], directed: bool) -> None:
    """Note how the movers go."""
    lemma = part.lemma
    swings = part.marks("swing")
    passes = part.has_particle("by", "past", "along")
    level = "" if part.passive else level_of_verb(lemma)
    for i in cast.subjects if level else ():
        cast[i].level = level if cast[i].level in ("", level) else ""
    for i in movers:
        actor = cast[i]
        if swings:
            actor.manner = "sway" if swings[0].signs[0][0] else "bob"
        elif part.marks("circle") or lemma in verbs.CIRCLE:
            actor.manner = "circle"
        elif lemma in verbs.FALL:
            actor.manner = "fall"
        elif lemma in verbs.THROW and directed:
            actor.manner = "throw"
        elif lemma in verbs.BOUNCE:
            actor.manner = "bounce"
        elif lemma in verbs.JUMP and not passes and not (directed and lemma in {"hop", "skip"}):
            actor.manner = "jump"
        elif lemma == "swing" and not directed:
            actor.manner = "sway"
        if lemma in (verbs.GO if passes else verbs.GO - verbs.JUMP) and not part.passive:
            actor.drifts = True


def _presence(cast: Cast, part: Part) -> None:
    """Note when the subjects are there."""
    vanishes = part.lemma in verbs.VANISH and not part.passive
    for actor in cast.actors:
        for mark in part.marks("half"):
            hidden = mark.text if vanishes or part.negated else ("second" if mark.text == "first" else "first")
            actor.absent.add("first" if hidden == "first" else "second")
        if part.marks("half"):
            continue
        if part.marks("midway") and (vanishes or part.lemma in verbs.APPEAR):
            actor.absent.add("second" if vanishes else "first")
        elif vanishes and not actor.steps:
            actor.absent.add("end")
