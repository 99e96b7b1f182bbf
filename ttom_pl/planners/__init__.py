"""Planners: from a prompt to a spatio-temporal layout."""

from ttom_pl.planners.base import Planner
from ttom_pl.planners.errors import PlanningError
from ttom_pl.planners.fallback import FallbackPlanner
from ttom_pl.planners.from_file import FilePlanner
from ttom_pl.planners.grammar import GrammarPlanner
from ttom_pl.planners.llm import LLMPlanner
from ttom_pl.planners.many import plan_many, plan_prompts
from ttom_pl.planners.steering import steer_in

__all__ = [
    "FallbackPlanner",
    "FilePlanner",
    "GrammarPlanner",
    "LLMPlanner",
    "Planner",
    "PlanningError",
    "plan_many",
    "plan_prompts",
    "steer_in",
]
