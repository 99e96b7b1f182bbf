"""Who is in a paragraph: one actor for one thing, however often and by whatever name it is mentioned."""

from collections.abc import Sequence
from dataclasses import dataclass

from ttom_pl.planners.english import function_words as fw
from ttom_pl.planners.english import objects, things
from ttom_pl.planners.english.nouns import SOLID_PLACES
from ttom_pl.planners.english.syntax import NounPhrase
from ttom_pl.planners.geometry.relations import Kind
from ttom_pl.planners.passage.sentences import Sentence
from ttom_pl.planners.scene.actors import Step
from ttom_pl.planners.scene.cast import Cast

_INVERSE: dict[Kind, Kind] = {
    "left": "right", "right": "left", "above": "below", "below": "above", "under": "on", "on": "under",
    "front": "behind", "behind": "front", "beside": "beside",
}  # fmt: skip
_PICTURES = frozenset("drawing illustration painting photograph portrait poster print sketch still study".split())
_NOT_SOLID = frozenset("bank bush cloud island mountain pond pool puddle river stage station store sun wall".split())
_OTHERS = frozenset({"other", "second", "another"})


@dataclass
class Traces:
    """How a paragraph introduces an actor.

    Attributes:
        sentence: the number of the sentence that names it first.
        as_subject: whether that sentence says what it does, or where it is.
        definite: whether its first mention takes it as known.
        behind: whether it belongs to the backdrop.
        owned: whether it is named as what something else has.
    """

    sentence: int
    as_subject: bool = False
    definite: bool = False
    behind: bool = False
    owned: bool = False


class Gist(Cast):
    """The actors of a paragraph, with how it speaks of each; see :class:`~ttom_pl.planners.scene.cast.Cast`.

    Attributes:
        traces: one for each actor.
        sentence: the sentence that is read.
        owns: whether the verb that is read says what its subject has.
        aliases: what actors are called besides ("the skier, *a young woman*").
    """

    def __init__(self, prompt: str) -> None:
        super().__init__(prompt)
        self.traces: list[Traces] = []
        self.sentence = Sentence(0, (), frozenset())
        self.owns = False
        self.aliases: dict[int, list[NounPhrase]] = {}
        self._names_subjects = False

    def mention(self, noun: NounPhrase) -> list[int]:
        """Return the actors that a noun phrase names; it introduces one only if it is a thing."""
        known = self.known(noun)
        if known or not self._is_new_thing(noun):
            return known
        return self.introduce(noun)

    def known(self, noun: NounPhrase) -> list[int]:
        """Return the actors that a noun phrase names again, the subjects and the last mentioned ones first."""
        actors = self.scene.actors
        for i, actor in enumerate(actors):
            if actor.noun.start == noun.start:
                return [i]
        if noun.determiner == "another" or {word.low for word in noun.modifiers} & _OTHERS:
            return []
        introduces = noun.determiner in {"a", "an", "one"}
        for i in sorted(range(len(actors)), key=lambda i: (i not in self.subjects, -self.traces[i].sentence, i)):
            if introduces and self.traces[i].sentence == self.sentence.number:
                continue
            names = [actors[i].noun, *self.aliases.get(i, ())]
            if noun.plural == ((actors[i].count or 2) > 1) and any(things.can_mean(noun, name) for name in names):
                return [i]
        return self._all_of(noun)

    def introduce(self, noun: NounPhrase) -> list[int]:
        """Add an actor."""
        start = self.sentence.backdrop
        behind = start is not None and noun.start > start
        as_subject = self._names_subjects
        definite = noun.determiner in fw.DEFINITE
        self.traces.append(Traces(self.sentence.number, as_subject, definite, behind, self.owns and not as_subject))
        return super().introduce(noun)

    def set_subjects(self, nouns: Sequence[NounPhrase], move: bool = False) -> None:
        """Make the clause about what some noun phrases name."""
        self._names_subjects = True
        acting, others = _appositions(self.prompt, nouns)
        super().set_subjects(acting, move)
        self.idle = not self.subjects
        for i in self.subjects[-1:]:
            self.aliases.setdefault(i, []).extend(others)
        self._names_subjects = False

    def call(self, noun: NounPhrase) -> None:
        """Take a noun phrase for another name of the subject ("the child *is a boy* with curls")."""
        for i in self.subjects[:1] if len(self.subjects) == 1 else ():
            self.aliases.setdefault(i, []).append(noun)

    def relate(self, kind: Kind, firsts: Sequence[int], seconds: Sequence[int]) -> None:
        """Add a relation; of two that contradict each other the first one holds."""
        first, second = tuple(firsts), tuple(i for i in seconds if i not in firsts)
        for known in list(self.scene.relations):
            same, turned = (
                (known.firsts, known.seconds) == (first, second),
                (known.seconds, known.firsts) == (first, second),
            )
            if not (same or turned):
                continue
            now = kind if same else _INVERSE.get(kind, kind)
            if known.kind == "beside" and now != "beside":
                self.scene.relations.remove(known)
            elif now not in (known.kind, "beside"):
                self.doubt(0.25, f"{known.kind!r} in one sentence, {now!r} in another")
        super().relate(kind, firsts, seconds)

    def split(self, group: int) -> list[int]:
        """Make two actors of one that stands for several; see :meth:`Cast.split`."""
        parts = super().split(group)
        self.traces += [self.traces[group]] * (len(self.scene.actors) - len(self.traces))
        return parts

    def motions(self) -> list[list[Step]]:
        """Return the ways of the actors as they are now."""
        return [list(actor.steps) for actor in self.scene.actors]

    def keep_motions(self, before: Sequence[list[Step]]) -> None:
        """Let what moves already go on as it did, unless the last sentence says what follows then."""
        for actor, steps in zip(self.scene.actors, before, strict=False):
            added = actor.steps[len(steps) :]
            if steps and added and not any(step.then for step in added):
                if any(old.sign == (-new.sign[0], -new.sign[1]) for old, new in zip(steps, added, strict=False)):
                    self.doubt(0.25, f"{actor.noun.head.text!r} goes one way in one sentence, another in the next")
                actor.steps = list(steps)

    def keep(self, chosen: Sequence[int]) -> None:
        """Leave out all actors but the chosen ones."""
        number = {old: new for new, old in enumerate(chosen)}
        self.scene.keep(chosen)
        self.traces = [self.traces[i] for i in chosen]
        self.subjects = []
        self.ties = [(number[a], number[b]) for a, b in self.ties if a in number and b in number]

    def _all_of(self, noun: NounPhrase) -> list[int]:
        """Return the actors that a plural takes together ("both animals", "the two vehicles")."""
        if not noun.plural or (noun.determiner not in fw.DEFINITE | {"both", "all"} and noun.count != 2):
            return []
        matching = [i for i, actor in enumerate(self.scene.actors) if things.is_any_of(noun, actor.noun)]
        return matching if len(matching) > 1 else []

    def _is_new_thing(self, noun: NounPhrase) -> bool:
        if not things.can_be_drawn(noun) or (self.sentence.is_opening(noun) and noun.lemma in _PICTURES):
            return False
        if objects.is_scenery(noun) and not (noun.has_article and noun.lemma in SOLID_PLACES - _NOT_SOLID):
            return False
        return noun.determiner not in fw.POSSESSIVE or objects.is_animate(noun)


def _appositions(prompt: str, nouns: Sequence[NounPhrase]) -> tuple[list[NounPhrase], list[NounPhrase]]:
    """Split subjects into those that act and what the last one is called besides ("the skier, *a young woman*")."""
    if len(nouns) == 2 and nouns[0].count == nouns[1].count and nouns[1].determiner in {"a", "an"}:
        between = prompt[nouns[0].end : nouns[1].start].strip()
        if between == "," and nouns[0].determiner not in {"a", "an", ""}:
            return list(nouns[:1]), list(nouns[1:])
    return list(nouns), []
