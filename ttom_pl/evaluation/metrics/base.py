"""Metrics that are means over videos."""

from typing import ClassVar

import torch
from torch import Tensor
from torchmetrics import Metric

T2V_COMPBENCH = "t2v-compbench-v2"
"""Stamp of scores by the formulas of T2V-CompBench's second version."""
VBENCH = "vbench-1"
"""Stamp of scores by VBench's formulas."""
OWN = "ttom-1"
"""Stamp of scores by formulas of this project."""


class VideoMean(Metric):
    """The mean of a score over videos, NaN before the first.

    Sums are kept in double precision, so that metrics of several ranks merge to what one metric would have said.

    Attributes:
        protocol: whose formula this is, and of which version.
    """

    full_state_update = False
    is_differentiable = False
    protocol: ClassVar[str] = OWN
    total: Tensor
    videos: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("videos", torch.zeros((), dtype=torch.long), dist_reduce_fx="sum")

    def add(self, score: float) -> None:
        """Count a video's score."""
        self.total += score
        self.videos += 1

    def compute(self) -> Tensor:
        """Return the mean over the videos, a float64 scalar."""
        return self.total / self.videos
