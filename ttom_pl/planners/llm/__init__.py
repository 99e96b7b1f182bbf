"""Planning by a language model."""

from ttom_pl.planners.llm.planner import LLMPlanner

__all__ = ["LLMPlanner"]
