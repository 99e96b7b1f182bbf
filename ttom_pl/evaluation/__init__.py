"""Evaluation: videos of this or any other tool against what their prompts ask for."""

from ttom_pl.evaluation.evaluator import DETECTED, JUDGED, METRICS, Evaluator, Scored
from ttom_pl.evaluation.expectation import Expectation, object_name
from ttom_pl.evaluation.expecting import expect
from ttom_pl.evaluation.journal import Journal
from ttom_pl.evaluation.metadata import category
from ttom_pl.evaluation.table import Summary, summarise, table
from ttom_pl.evaluation.videos import Clip, Clips, VideosError, find_clips

__all__ = [
    "DETECTED",
    "JUDGED",
    "METRICS",
    "Clip",
    "Clips",
    "Evaluator",
    "Expectation",
    "Journal",
    "Scored",
    "Summary",
    "VideosError",
    "category",
    "expect",
    "find_clips",
    "object_name",
    "summarise",
    "table",
]
