"""Scores of Sprites videos, read back from their pixels."""

from typing import TYPE_CHECKING

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.sprites.scoring import score_video

if TYPE_CHECKING:
    from ttom_pl.stream import Served


class SpritesEvaluation(StreamCallback):
    """Score each video by the exact detector; the prompts must be captions of the Sprites world."""

    def on_prompt_end(self, served: "Served") -> None:
        """Score the video."""
        assert served.video is not None
        served.scores.update(score_video(served.video, served.layout).to_dict())
