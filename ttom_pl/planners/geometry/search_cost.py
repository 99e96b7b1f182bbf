"""A bound on searches that could otherwise take for ever."""

from dataclasses import dataclass


class OutOfWork(Exception):
    """A search has used up what it may cost."""


@dataclass
class Work:
    """What a search may cost, counted rather than timed, so that a layout does not depend on the machine.

    Attributes:
        limit: comparisons of two boxes that are allowed; other work counts as so many of them.
        spent: comparisons so far.
    """

    limit: int
    spent: int = 0

    def spend(self, amount: int) -> None:
        """Count work.

        Raises:
            OutOfWork: if it is more than is left.
        """
        self.spent += amount
        if self.spent > self.limit:
            raise OutOfWork
