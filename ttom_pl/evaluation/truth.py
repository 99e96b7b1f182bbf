"""Where it is known from what a video must show, and what a reader of scores must know of that."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

Truth = Literal["", "metadata", "caption", "grammar"]
"""A benchmark's metadata; a caption of the Sprites world, which is exact; or the grammar, which plans videos too and so
cannot see where it misreads a prompt. Empty where nothing is known."""


def counted(truths: Sequence[str]) -> str:
    """Return e.g. ``"metadata"``, or ``"metadata 12, grammar 3"`` where they differ; what is not known is left out."""
    counts = Counter(filter(None, truths))
    if len(counts) == 1 and counts.total() == len(truths):
        return next(iter(counts))
    return ", ".join(f"{truth} {count}" for truth, count in counts.most_common())


def grammar_caveat(truths: Sequence[Mapping[str, str]]) -> str:
    """Return what a reader of scores must know where they rest on the grammar alone; empty where they do not.

    Args:
        truths: for each prompt where it is known from, by metric, what its videos must show.
    """
    number = sum("grammar" in truth.values() for truth in truths)
    if not number:
        return ""
    return (
        f"what {number} of {len(truths)} prompts ask for is known from the grammar alone, which plans videos too: what "
        "it misreads is scored as it was misread; give the prompts' metadata to be sure"
    )


__all__ = ["Truth", "counted", "grammar_caveat"]
