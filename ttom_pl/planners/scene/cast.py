"""Who is in the scene: actors by their mentions, and relations between them."""

from collections.abc import Sequence
from dataclasses import replace

from ttom_pl.planners.english import objects
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.geometry.relations import Kind, Relation
from ttom_pl.planners.scene.actors import Actor, GrammarScene

_GROUP = (1.5, 1.0)
_CONTAINER, _CONTENT = (1.8, 1.6), (0.7, 0.7)
WHOLE_FRAME = (3.6, 3.2)
_OTHERS = frozenset({"other", "second", "another"})
_DRIFTERS = 3


class Cast:
    """The actors so far, and those whom the clause that is read is about.

    Attributes:
        scene: the scene so far.
        subjects: numbers of the actors that the clause is about.
        outer: the subjects of the clause that it hangs on ("*a fox* sneaks past a dog sleeping on a rug").
        unselected: what "the other" means.
        idle: whether it is about nothing that can be placed ("night falls").
        headline: whether nouns go without articles ("Chef slices cucumber").
        ties: who goes wherever someone else goes: the one that leads, the one that follows.

    Args:
        prompt: the prompt.
    """

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.scene = GrammarScene()
        self.subjects: list[int] = []
        self.outer: list[int] = []
        self.unselected: list[int] = []
        self.headline = False
        self.idle = False
        self.ties: list[tuple[int, int]] = []

    def __getitem__(self, number: int) -> Actor:
        return self.scene.actors[number]

    @property
    def actors(self) -> list[Actor]:
        """The subjects of the clause."""
        return [self[i] for i in self.subjects]

    def mention(self, noun: NounPhrase) -> list[int]:
        """Return the numbers of the actors that a noun phrase names, new ones where it is their first mention."""
        for i, actor in enumerate(self.scene.actors):
            if actor.noun.start == noun.start or _is_again(noun, actor):
                return [i]
        return self.introduce(noun)

    def introduce(self, noun: NounPhrase) -> list[int]:
        """Add the actor that a noun phrase names for the first time; return its number."""
        scale = _GROUP if noun.count is None else (1.0, 1.0)
        self.scene.actors.append(Actor(noun, noun.end, noun.count, scale=scale))
        return [len(self.scene.actors) - 1]

    def set_subjects(self, nouns: Sequence[NounPhrase], move: bool = False) -> None:
        """Make the clause about what some noun phrases name, which ``move`` by its verb."""
        self.headline = not any(noun.determiner or noun.plural for noun in nouns)
        self.subjects = []
        self.idle = all(objects.is_nothing(noun) for noun in nouns)
        for noun in nouns:
            place = noun.lemma and self.scene.background.lower().endswith(noun.head.low)
            if not objects.is_subject(noun, move) or (place and objects.is_scenery(noun)):
                continue
            known = len(self.scene.actors)
            self.subjects += self.mention(noun)
            new = len(self.scene.actors) > known
            if new and objects.is_scenery(noun) and not objects.is_solid(noun, "past"):
                self.scene.actors[-1].scenery = True

    def select(self, selector: str) -> None:
        """Make the clause about one of two, or about the other ("two birds: one flies left, the other right")."""
        if selector == "one" and not self.unselected:
            pair = self.split(self.subjects[0]) if len(self.subjects) == 1 else self.subjects
            self.subjects, self.unselected = pair[:1], pair[1:]
        elif self.unselected:
            self.subjects, self.unselected = self.unselected[:1], self.unselected[1:]

    def other(self) -> list[int]:
        """Return the actor that "it" means where it is not the subject."""
        return self.other_than([])[-1:]

    def other_than(self, some: Sequence[int]) -> list[int]:
        """Return the actors that are neither subjects nor among some."""
        return [i for i in range(len(self.scene.actors)) if i not in self.subjects and i not in some]

    def split(self, group: int) -> list[int]:
        """Make two actors of one that stands for several; return their numbers."""
        actor = self[group]
        rest = (actor.count or 2) - 1
        if rest < 1:
            return [group]
        actor.count, actor.scale = 1, (1.0, 1.0)
        self.scene.actors.append(replace(actor, count=rest, steps=list(actor.steps), absent=set(actor.absent)))
        return [group, len(self.scene.actors) - 1]

    def describe(self, noun: NounPhrase) -> None:
        """Take a noun phrase into the phrase of the actor right before it ("a man in *a white vest*")."""
        before = [actor for actor in self.scene.actors if actor.end < noun.start]
        last = max(before, key=lambda actor: actor.end, default=None)
        if last is not None and len(self.prompt[last.end : noun.start].split()) == 1:
            last.end = noun.end

    def relate(self, kind: Kind, firsts: Sequence[int], seconds: Sequence[int]) -> None:
        """Add a relation, unless its actors are related already."""
        first, second = tuple(firsts), tuple(i for i in seconds if i not in firsts)
        related = any({*r.firsts, *r.seconds} >= {*first, *second} for r in self.scene.relations)
        if not first or not second or related:
            return
        self.scene.relations.append(Relation(kind, first, second))
        if kind == "in":
            for i in second:
                self[i].scale = _CONTAINER
            for i in first:
                self[i].scale = _CONTENT

    def put(self, thing: int, kind: Kind, targets: Sequence[int]) -> None:
        """Let the subjects bring a thing to where it stands in a relation; they stand beside that place."""
        self.scene.relations = [r for r in self.scene.relations if r.kind != "beside" or r.seconds != (thing,)]
        self.relate(kind, [thing], targets)
        self.relate("beside", self.subjects, targets)

    def tie(self, leaders: Sequence[int], followers: Sequence[int]) -> None:
        """Let some go wherever others go."""
        self.ties += [(leaders[0], follower) for follower in followers if leaders and follower != leaders[0]]

    def oppose(self, inwards: int) -> None:
        """Let two objects, or the two of a pair, come together along a line, or part."""
        if len(self.subjects) == 1 and self[self.subjects[0]].count == 2:
            self.subjects = self.split(self.subjects[0])
        if len(self.subjects) == 2:
            for i, sign in zip(self.subjects, (inwards, -inwards), strict=True):
                self[i].go("step", (sign, 0))
            self.relate("left", self.subjects[:1], self.subjects[1:])

    def place(self, noun: NounPhrase) -> None:
        """Take a noun phrase for where it all happens, unless that is known."""
        if not self.scene.background and not objects.is_nothing(noun):
            start = noun.modifiers[0].start if noun.modifiers else noun.head.start
            self.scene.background = self.prompt[start : noun.head.end]

    def doubt(self, cost: float, reason: str) -> None:
        """Note what was not understood, and how much trust it costs."""
        self.scene.doubts.append((cost, reason))

    def finish(self) -> GrammarScene:
        """Return the scene, without what turned out to be its background."""
        for leader, follower in self.ties:
            if not self[follower].steps:
                self[follower].steps = list(self[leader].steps)
                self[follower].growth = self[leader].growth
        scene = self.scene
        things = [a for a in scene.actors if not a.scenery or a.steps or a.manner != "steady"]
        if not things and len(scene.actors) == 1:
            scene.actors[0].scale = WHOLE_FRAME
        if things and len(things) < len(scene.actors):
            self._keep(things)
        related = {i for r in scene.relations for i in (*r.firsts, *r.seconds)}
        crowded = sum(actor.count or 1 for actor in scene.actors) > _DRIFTERS
        for i, actor in enumerate(scene.actors):
            actor.drifts = actor.drifts and not (i in related or crowded or (actor.count or 2) > 1)
        return scene

    def _keep(self, things: list[Actor]) -> None:
        """Leave out the actors that are no things; the first of them is the background."""
        scene = self.scene
        number = {
            i: len([b for b in scene.actors[:i] if b in things]) for i, a in enumerate(scene.actors) if a in things
        }
        for actor in scene.actors:
            if actor not in things:
                self.place(actor.noun)
        scene.relations = [
            Relation(r.kind, tuple(number[i] for i in r.firsts), tuple(number[i] for i in r.seconds))
            for r in scene.relations
            if {*r.firsts, *r.seconds} <= number.keys()
        ]
        scene.actors = things


def _is_again(noun: NounPhrase, actor: Actor) -> bool:
    """Whether a noun phrase names an actor once more ("the dog" after "a brown dog")."""
    words = {word.low for word in noun.modifiers}
    if noun.determiner not in {"the", "this", "that", "these", "those"} or words & _OTHERS:
        return False
    same = actor.noun.lemma == noun.lemma and words <= {word.low for word in actor.noun.modifiers}
    return same and (noun.count is None or noun.count == actor.count or not noun.plural)
