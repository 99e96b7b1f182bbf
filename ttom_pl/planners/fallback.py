"""Planners one after the other, until one has a layout."""

from collections.abc import Iterable
from dataclasses import replace

from ttom_pl.io.ranges import check_range
from ttom_pl.layout.schema import Layout
from ttom_pl.planners.base import Planner
from ttom_pl.planners.errors import PlanningError


class FallbackPlanner(Planner):
    """Ask planners in turn: a language model and, where it fails, the grammar; or the other way round.

    Args:
        planners: whom to ask, the first one first.
        min_confidence: a layout of less confidence is taken only if no later planner has a better one. With 0 the first
            layout is taken; with 0.8 and the grammar first, the language model is asked only for what the grammar did
            not understand.

    Raises:
        ValueError: if there is no planner.
    """

    def __init__(self, planners: list[Planner], min_confidence: float = 0.0) -> None:
        if not planners:
            raise ValueError("planners is empty; give at least one")
        check_range("min_confidence", min_confidence, least=0, most=1)
        self.planners = tuple(planners)
        self.min_confidence = min_confidence
        self.max_concurrency = max(getattr(planner, "max_concurrency", 1) for planner in self.planners)

    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout of the first planner that has a good one; its reason says why the others were passed over.

        Raises:
            PlanningError: if none has any.
        """
        layouts: dict[int, Layout] = {}
        passed_over: dict[int, str] = {}
        for place, planner in enumerate(self.planners):
            name = type(planner).__name__
            try:
                layout = planner.plan(prompt, id)
            except ValueError as error:
                passed_over[place] = f"{name} failed: {error}"
                continue
            if layout.confidence >= self.min_confidence:
                return _noted(layout, passed_over.values())
            layouts[place] = layout
            passed_over[place] = f"{name} is unsure ({layout.confidence:g}): {layout.reason}"
        if not layouts:
            raise PlanningError(f"no planner has a layout for {prompt!r}: {'; '.join(passed_over.values())}")
        best = max(layouts, key=lambda place: layouts[place].confidence)
        return _noted(layouts[best], [why for place, why in passed_over.items() if place != best])


def _noted(layout: Layout, notes: Iterable[str]) -> Layout:
    return replace(layout, reason="; ".join(filter(None, [layout.reason, *notes])))
