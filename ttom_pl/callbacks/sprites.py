"""Scores of Sprites videos, read back from their pixels."""

from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_warn

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.sprites.scoring import score_video

if TYPE_CHECKING:
    from ttom_pl.stream import Served


class SpritesEvaluation(StreamCallback):
    """Score each video by the exact detector.

    A video whose prompt is no caption of the Sprites world is served all the same, with a warning.
    """

    def on_prompt_end(self, served: "Served") -> None:
        """Score the video."""
        assert served.video is not None
        try:
            served.scores.update(score_video(served.video, served.layout).to_dict())
        except ValueError as error:
            rank_zero_warn(f"the video of prompt {served.prompt.id!r} is not scored: {error}")
