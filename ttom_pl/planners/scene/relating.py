"""What becomes of subjects and the objects of prepositions: relations, and ways towards or past each other."""

from collections.abc import Sequence

from ttom_pl.planners.english import objects, verbs
from ttom_pl.planners.english.marks import Mark, Sign
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.geometry.relations import Kind
from ttom_pl.planners.scene.actions import RIGHT
from ttom_pl.planners.scene.cast import Cast
from ttom_pl.planners.scene.verb_groups import Part

KINDS: dict[str, Kind] = {
    "left": "left", "right": "right", "above": "above", "over": "above", "below": "below",
    "beneath": "under", "under": "under", "underneath": "under",
    "on": "on", "onto": "on", "upon": "on", "atop": "on", "top": "on", "aboard": "on",
    "front": "front", "behind": "behind", "beside": "beside", "near": "beside", "by": "beside", "alongside": "beside",
    "opposite": "beside", "against": "beside", "in": "in", "inside": "in", "within": "in", "into": "in",
}  # fmt: skip
AHEAD: dict[Sign, Kind] = {(1, 0): "left", (-1, 0): "right", (0, 1): "above", (0, -1): "below"}
_VESSELS = frozenset(
    """
    aquarium barrel basin bathtub bowl bucket cauldron cup fishbowl glass jar jug mug pan pool pot sink tank teacup tub
    vase well
    """.split()
)
_INNER: dict[str, Kind] = {"bottom": "under", "middle": "on"}
"""Relations that are "in" where something can be in it."""
ON = frozenset({"on", "onto", "upon", "aboard"})


def relate(cast: Cast, relation: str, targets: list[int], part: Part, directed: bool) -> None:
    """Relate the subjects to the objects of a preposition."""
    lemma = part.lemma
    hands_over = lemma == "pass" and any(c.link == "" and c.noun for c in part.complements())
    goes = lemma in verbs.MOVES and not part.negated and not hands_over
    single = all(cast[i].count == 1 for i in [*cast.subjects, *targets])
    thrown = max((i for i in cast.other_than(targets)), default=targets[0])
    if relation in ("to", "at") and lemma in verbs.THROW | verbs.STRIKE and cast[thrown].steps:
        cast.relate(AHEAD.get(cast[thrown].steps[-1].sign, "beside"), [thrown], targets)
    elif relation in ("toward", "towards") or (relation == "to" and goes):
        approach(cast, targets, directed)
    elif relation == "after":
        follow(cast, cast.subjects, targets)
    elif (relation == "from" and lemma in verbs.FLEE) or (relation == "by" and part.passive and lemma in verbs.CHASE):
        follow(cast, targets, cast.subjects)
    elif relation == "by" and part.passive and lemma in verbs.TOGETHER | verbs.MOUNT | verbs.HOLD:
        cast.relate("under" if lemma in verbs.MOUNT else "beside", cast.subjects, targets)
        cast.tie(cast.subjects, targets)
    elif relation == "over" and lemma in verbs.JUMP and not directed:
        for actor in cast.actors:
            actor.go("step", RIGHT)
            actor.manner, actor.long = "jump", True
        cast.relate("leap", cast.subjects, targets)
    elif relation == "around" and (lemma in verbs.CIRCLE or part.marks("circle")):
        cast.relate("around", cast.subjects, targets)
    elif relation == "between" or (relation == "middle" and sum(cast[i].count or 1 for i in targets) > 1):
        _between(cast, targets)
    elif relation == "sides":
        _flank(cast, targets)
    elif relation in _INNER:
        contained = all(cast[i].noun.lemma in _VESSELS for i in targets)
        cast.relate("in" if contained else _INNER[relation], cast.subjects, targets)
    elif relation == "with" and lemma in verbs.TOP:
        cast.relate("on", targets, cast.subjects)
    elif (relation == "into" and lemma in verbs.LOWER) or (relation in ON and goes_down(cast)):
        cast.relate("above", cast.subjects, targets)
    elif relation == "from" and lemma in {"hang", "dangle", "suspend", "swing"}:
        cast.relate("under", cast.subjects, targets)
    elif relation in ON and all(objects.is_vehicle(cast[i].noun) for i in targets):
        cast.relate("on", cast.subjects, targets)
        cast.tie(cast.subjects, targets)
    elif relation in ("with", "at", "for", "to") and single:
        cast.relate("beside", cast.subjects, targets)
    elif relation in KINDS:
        put = relation in ("into", "onto") or lemma in verbs.PUT
        taken = put and not part.passive and any(c.link == "" and c.noun for c in part.complements())
        if taken and thrown not in targets:
            cast.put(thrown, KINDS[relation], targets)
        else:
            cast.relate(KINDS[relation], cast.subjects, targets)


def goes_down(cast: Cast) -> bool:
    """Whether the subjects only move downwards, so that what is below is where they arrive."""
    return bool(cast.subjects) and all([step.sign for step in actor.steps] == [(0, 1)] for actor in cast.actors)


def approach(cast: Cast, targets: list[int], directed: bool) -> None:
    """Let the subjects go to something that stands before them."""
    for actor in cast.actors:
        if not directed:
            actor.go("step", RIGHT)
    signs = [step.sign for actor in cast.actors for step in actor.steps]
    if signs and signs[-1] in AHEAD:
        cast.relate(AHEAD[signs[-1]], cast.subjects, targets)


def follow(cast: Cast, hunters: Sequence[int], hunted: Sequence[int]) -> None:
    """Let some run after others, to the right where no direction is said."""
    both = [cast[i] for i in (*hunters, *hunted)]
    sign = next((step.sign for actor in both for step in actor.steps), RIGHT)
    for actor in both:
        actor.go("step", sign)
    cast.relate(AHEAD.get(sign, "beside"), hunters, hunted)


def _between(cast: Cast, targets: list[int]) -> None:
    """Put the subjects between two others, or between the two of a pair."""
    if len(targets) == 1 and cast[targets[0]].count == 2:
        targets = cast.split(targets[0])
    done = [r for r in cast.scene.relations if r.kind == "right" and r.firsts == tuple(cast.subjects)]
    for k, target in enumerate(targets, start=len(done)):
        cast.relate("right" if k == 0 else "left", cast.subjects, [target])


def _flank(cast: Cast, targets: list[int]) -> None:
    """Put one subject to the left of something and the other to its right."""
    if len(cast.subjects) == 1 and cast.actors[0].count == 2:
        cast.subjects = cast.split(cast.subjects[0])
    if len(cast.subjects) == 2:
        cast.relate("left", cast.subjects[:1], targets)
        cast.relate("right", cast.subjects[1:], targets)
    else:
        cast.relate("beside", cast.subjects, targets)


def pass_by(cast: Cast, link: Mark, noun: NounPhrase, part: Part) -> None:
    """Read "from the left of a car to its right"."""
    x, y = link.signs[0]
    for actor in cast.actors:
        actor.go("step", (-x, -y))
        actor.long = True
    if not part.marks("pass to"):
        cast.doubt(0.3, "where the way past it ends")
    cast.relate("above" if x else "left", cast.subjects, cast.mention(noun))
