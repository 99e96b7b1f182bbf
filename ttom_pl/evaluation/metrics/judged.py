"""Letter grades of a judge as scores."""

from collections.abc import Sequence
from typing import ClassVar

from ttom_pl.evaluation.metrics.base import T2V_COMPBENCH, VideoMean

GRADES = {"A": 1.0, "B": 0.75, "C": 0.5, "D": 0.25, "E": 0.0}
"""What a letter is worth."""


def judged_score(grades: Sequence[str]) -> float:
    """Return the mean worth of a video's letter grades, from 0 (E) to 1 (A).

    Raises:
        ValueError: if there is no grade, or one that is none of A to E.
    """
    if not grades:
        raise ValueError("a judged score needs at least one grade")
    unknown = [grade for grade in grades if grade not in GRADES]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no grade; grades are {', '.join(GRADES)}")
    return sum(GRADES[grade] for grade in grades) / len(grades)


class JudgedScore(VideoMean):
    """Mean :func:`judged_score` over videos; the base of the four judged categories of T2V-CompBench."""

    higher_is_better = True
    protocol: ClassVar[str] = T2V_COMPBENCH

    def update(self, grades: Sequence[str]) -> None:
        """Count a video by its letter grades, each from A to E."""
        self.add(judged_score(grades))


class ConsistentAttribute(JudgedScore):
    """Whether each object has its attributes in all of the video."""


class DynamicAttribute(JudgedScore):
    """Whether an attribute or state changes as asked."""


class ActionBinding(JudgedScore):
    """Whether each object does what it should."""


class ObjectInteractions(JudgedScore):
    """Whether objects act on each other as asked."""
