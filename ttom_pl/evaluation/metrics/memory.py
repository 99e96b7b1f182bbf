"""What the memory is worth: hits, iterations saved, seconds per stage; all from the results of a run."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from ttom_pl.evaluation.metrics.base import VideoMean
from ttom_pl.run.result import Decision

STAGES = ("plan", "encode", "recall", "fit", "denoise", "decode", "memory")
"""Stages of a prompt's path that are timed: ``recall`` is reading the memory, ``memory`` writing to it."""


class HitRate(VideoMean):
    """Share of the prompts for which the memory held a similar scene."""

    higher_is_better = True

    def update(self, memory: Decision | None) -> None:
        """Count what the memory decided on a prompt; one without a memory does not count."""
        if memory is not None:
            self.add(float(memory.hit))


class IterationsSaved(VideoMean):
    """Optimiser iterations a prompt that the memory saved, against what its scene took without a memory."""

    higher_is_better = True

    def update(self, memory: Decision | None) -> None:
        """Count what the memory decided on a prompt; a miss saves none, one without a memory does not count."""
        if memory is not None:
            self.add(float(memory.iterations_saved or 0))


class StageSeconds(Metric):
    """Mean seconds a prompt by stage.

    Args:
        stages: names of the stages; others of a result are left out.
    """

    full_state_update = False
    higher_is_better = False
    seconds: Tensor
    prompts: Tensor

    def __init__(self, stages: Sequence[str] = STAGES) -> None:
        super().__init__()
        self.stages = tuple(stages)
        self.add_state("seconds", torch.zeros(len(self.stages), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("prompts", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, seconds: Mapping[str, float]) -> None:
        """Count what a prompt took; a stage that it did not go through took no time."""
        taken = [float(seconds.get(stage, 0.0)) for stage in self.stages]
        self.seconds += torch.tensor(taken, dtype=torch.float64, device=self.seconds.device)
        self.prompts += 1

    def compute(self) -> dict[str, Tensor]:
        """Return the mean seconds of each stage, NaN before the first prompt."""
        return dict(zip(self.stages, self.seconds / self.prompts, strict=True))
