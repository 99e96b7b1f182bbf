"""Planners: from a prompt to a spatio-temporal layout."""

from ttom_pl.planners.base import Planner
from ttom_pl.planners.from_file import FilePlanner
from ttom_pl.planners.grammar import GrammarPlanner

__all__ = ["FilePlanner", "GrammarPlanner", "Planner"]
