"""What every planner can do."""

from abc import ABC, abstractmethod

from ttom_pl.layout.schema import Layout


class Planner(ABC):
    """Turns a prompt into a spatio-temporal layout.

    In YAML the planners of this package go by their class names (``class_path: GrammarPlanner``), others by their path.
    """

    @abstractmethod
    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout of a prompt.

        Args:
            prompt: the text that the video is made from.
            id: name of the prompt in its stream, passed on to the layout.
        """
