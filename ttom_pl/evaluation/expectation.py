"""What a video must show, and where that is known from."""

from dataclasses import dataclass

from ttom_pl.evaluation.judge.claims import Claims
from ttom_pl.evaluation.truth import Truth
from ttom_pl.layout.schema import Track
from ttom_pl.planners.english.function_words import DETERMINERS, NUMBERS
from ttom_pl.planners.english.nouns import singular

RELATIONS = {"left": "left", "right": "right", "above": "above", "on": "above", "below": "below", "under": "below"}
"""Relations in the image plane by the words for them."""


@dataclass(frozen=True)
class Expectation:
    """What is asked of a video, with the phrases by which a detector finds the objects.

    Attributes:
        motions: object and direction.
        counts: object and number.
        relation: object, relation in the image plane (left, right, above, below), other object.
        claims: what a judge must grade.
        objects: objects that must be there, besides those of the other fields.
        truth: where it is known from.
    """

    motions: tuple[tuple[str, str], ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    relation: tuple[str, str, str] | None = None
    claims: Claims | None = None
    objects: tuple[str, ...] = ()
    truth: Truth = ""

    @property
    def phrases(self) -> list[str]:
        """The objects, each once."""
        named = [phrase for phrase, _ in self.motions] + [phrase for phrase, _ in self.counts]
        related = [self.relation[0], self.relation[2]] if self.relation else []
        return list(dict.fromkeys([*named, *related, *self.objects]))

    def __str__(self) -> str:
        """What is asked in a line, e.g. ``"red circle left, 2 × blue square"``; empty where nothing is."""
        parts = [f"{name} {direction}" for name, direction in self.motions]
        parts += [f"{number} × {name}" for name, number in self.counts]
        if self.relation:
            first, relation, second = self.relation
            parts.append(f"{first} {relation}{' of' * (relation in ('left', 'right'))} {second}")
        return ", ".join([*parts, *self.objects, *(self.claims.items if self.claims else ())])


def object_name(track: Track) -> str:
    """Return how to ask a detector for one object of a layout's track: "two red cats" is asked for as "red cat"."""
    words = track.phrase.split()
    while len(words) > 1 and (words[0].lower() in DETERMINERS or words[0].lower() in NUMBERS):
        words = words[1:]
    head = track.words[-1]
    return " ".join(singular(word.lower()) if word == head else word for word in words)


__all__ = ["RELATIONS", "Expectation", "object_name"]
