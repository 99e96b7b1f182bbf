"""What of this machine and its packages can be used, what cannot, and how to mend it."""

from ttom_pl.doctor.check import Check, State
from ttom_pl.doctor.examine import TOPICS, examine

__all__ = ["TOPICS", "Check", "State", "examine"]
