"""What a look at one thing has told."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "broken"]
"""``note``: something cannot be used, and the rest works without it. ``broken``: nothing will work as it should."""


@dataclass(frozen=True)
class Check:
    """One line of the doctor.

    Attributes:
        topic: what it belongs to, one of :data:`~ttom_pl.doctor.examine.TOPICS`.
        name: what was looked at, e.g. ``"torch"``.
        state: how it is.
        text: what there is, or what will not work.
        remedy: how to mend it; empty where nothing is wrong.
    """

    topic: str
    name: str
    state: State
    text: str
    remedy: str = ""


__all__ = ["Check", "State"]
