"""Judges: letter grades for what no detector can tell."""

from ttom_pl.evaluation.judge.base import Judge, JudgeError
from ttom_pl.evaluation.judge.claims import CATEGORIES, Category, Claims
from ttom_pl.evaluation.judge.llm import LLMJudge

__all__ = ["CATEGORIES", "Category", "Claims", "Judge", "JudgeError", "LLMJudge"]
