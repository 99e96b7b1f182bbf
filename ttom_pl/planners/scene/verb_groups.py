"""A clause taken apart: each verb with all that follows it up to the next."""

from dataclasses import dataclass, field

from ttom_pl.planners.english.clauses import Clause, Complement, Item, Negation
from ttom_pl.planners.english.marks import Mark
from ttom_pl.planners.english.syntax import Verb

_BE = frozenset({"is", "are", "was", "were", "be", "been", "being", "gets", "getting", "got", "get"})
_SAME_IN_PAST = frozenset({"hit", "set", "put", "split", "spread", "cast", "cut"})


@dataclass
class Part:
    """A verb and what follows it.

    Attributes:
        verb: the verb; ``None`` for what stands before the first verb.
        passive: whether something is done to the subject.
        negated: whether a "not" stands before it.
        items: complements and set phrases in order.
    """

    verb: Verb | None = None
    passive: bool = False
    negated: bool = False
    items: list[Item] = field(default_factory=list)

    @property
    def lemma(self) -> str:
        """The verb's base form; empty without a verb."""
        return self.verb.lemma if self.verb else ""

    def marks(self, *kinds: str) -> list[Mark]:
        """The set phrases of the given kinds."""
        return [item for item in self.items if isinstance(item, Mark) and item.kind in kinds]

    def complements(self) -> list[Complement]:
        """The noun phrases that the verb and its prepositions take."""
        return [item for item in self.items if isinstance(item, Complement)]

    def has_particle(self, *words: str) -> bool:
        """Whether one of the words stands alone behind the verb ("takes *off*")."""
        return any(c.noun is None and c.link in words for c in self.complements())


def parts_of(clause: Clause) -> list[Part]:
    """Split a clause at its verbs; a "then" before a verb goes with it."""
    parts = [Part()]
    be = negated = False
    for item in clause.items:
        if isinstance(item, Negation):
            negated = True
        elif isinstance(item, Verb) and not item.lemma:
            be = item.token.low in _BE
        elif isinstance(item, Verb):
            then = [mark for mark in parts[-1].items[-1:] if isinstance(mark, Mark) and mark.kind == "then"]
            passive = item.form == "ed" or (be and item.lemma in _SAME_IN_PAST)
            parts.append(Part(item, passive, negated, list(then)))
            be = negated = False
        else:
            if negated and parts[-1].verb is None:
                parts[-1].negated = True
            parts[-1].items.append(item)
    for part in parts:
        first = next(iter(part.complements()), None)
        if first is not None and first.link == "":
            part.passive = False
        elif first is not None and first.link == "by" and part.lemma in _SAME_IN_PAST:
            part.passive = True
    return [part for part in parts if part.verb is not None or part.items]


def uninverted(clause: Clause) -> Clause:
    """Make the noun behind the verb the subject where none stands before it ("on the left stands a dog")."""
    for item in clause.items:
        if isinstance(item, Complement) and item.link == "" and item.noun is not None:
            rest = [other for other in clause.items if other is not item]
            return Clause([item.noun], rest, clause.reduced)
    return clause
