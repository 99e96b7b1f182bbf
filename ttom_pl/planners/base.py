"""What every planner can do."""

from typing import Protocol, runtime_checkable

from ttom_pl.layout.schema import Layout


@runtime_checkable
class Planner(Protocol):
    """Turns a prompt into a spatio-temporal layout."""

    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout of a prompt.

        Args:
            prompt: the text that the video is made from.
            id: name of the prompt in its stream, passed on to the layout.
        """
        ...
