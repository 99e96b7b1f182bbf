"""A run on disk: the config, a typed line per prompt, and what is needed to go on where it stopped."""

from ttom_pl.run.errors import RunError
from ttom_pl.run.folder import CONFIG, RunFolder
from ttom_pl.run.identity import check_places, image_record
from ttom_pl.run.result import Decision, Result, Skipped
from ttom_pl.run.results import RESULTS, Results, read_results

__all__ = [
    "CONFIG",
    "RESULTS",
    "Decision",
    "Result",
    "Results",
    "RunError",
    "RunFolder",
    "Skipped",
    "check_places",
    "image_record",
    "read_results",
]
