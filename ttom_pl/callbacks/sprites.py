"""Scores of Sprites videos, read back from their pixels."""

from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from ttom_pl.callbacks.base import Findings, StreamCallback
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene
from ttom_pl.sprites.scoring import score_video


class SpritesEvaluation(StreamCallback):
    """Score each video by the exact detector.

    A video whose prompt is no caption of the Sprites world is served all the same, with a warning.
    """

    once = True

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> Findings | None:
        """Score the video."""
        try:
            return Findings(score_video(video, request.layout).to_dict())
        except ValueError as error:
            rank_zero_warn(f"the video of prompt {request.prompt.id!r} is not scored: {error}")
            return None
