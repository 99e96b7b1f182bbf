"""Planning by a language model."""

from ttom_pl.planners.llm.endpoint import EndpointError
from ttom_pl.planners.llm.planner import LLMPlanner

__all__ = ["EndpointError", "LLMPlanner"]
