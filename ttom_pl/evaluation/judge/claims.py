"""What a judge is asked about a video."""

from dataclasses import dataclass
from typing import Literal, get_args

Category = Literal["consistent_attribute", "dynamic_attribute", "action_binding", "object_interactions"]
"""The judged categories of T2V-CompBench, by the names of their metrics."""
CATEGORIES: tuple[Category, ...] = get_args(Category)


@dataclass(frozen=True)
class Claims:
    """Sentences or phrases about a video, each of which gets a letter grade.

    Attributes:
        category: which rubric they are graded by.
        items: e.g. ``("a blue car", "a white picket fence")``.

    Raises:
        ValueError: if the category is unknown, or there is nothing to grade.
    """

    category: Category
    items: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.category not in CATEGORIES:
            raise ValueError(f"there is no rubric for {self.category!r}; choose from {', '.join(CATEGORIES)}")
        if not self.items or not all(item.strip() for item in self.items):
            raise ValueError(f"the claims of {self.category} are {self.items!r}; give at least one, none of them empty")
