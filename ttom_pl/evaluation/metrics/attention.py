"""Attention-layout divergence: how far the model's attention is from the layout."""

from torch import Tensor

from ttom_pl.evaluation.metrics.base import VideoMean
from ttom_pl.layout.loss import layout_loss


class AttentionLayoutJSD(VideoMean):
    """Mean over videos of the Jensen-Shannon divergence between attention and layout, in nats (0 to ln 2).

    The functional form is :func:`ttom_pl.layout.loss.layout_loss`.
    """

    higher_is_better = False

    def update(self, maps: Tensor, targets: Tensor) -> None:
        """Count a video.

        Args:
            maps: attention to each object's words, shape (..., M, T, h, w).
            targets: distributions of shape (M, T, h, w), see :func:`ttom_pl.layout.object_targets`.
        """
        self.add(layout_loss(maps, targets).item())
