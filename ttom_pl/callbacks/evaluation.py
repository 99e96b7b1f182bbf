"""Scores of each video as soon as it is there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.detectors.base import Detector
from ttom_pl.evaluation.evaluator import Evaluator
from ttom_pl.judge import Judge
from ttom_pl.metrics import AttentionLayoutJSD

if TYPE_CHECKING:
    from ttom_pl.stream import Served, Stream


class Evaluation(StreamCallback):
    """Score each video by the metrics that its prompt asks for, into ``scores`` of the results.

    A video that cannot be scored in full (a phrase that the detector does not know, a judge that does not answer) is
    served all the same, with a warning.

    Args:
        detector: what sees the objects; without it metrics that need one are left out.
        judge: what grades the judged categories; without it they are left out.
        metrics: names of the metrics; all that there are the means for when not given.
        num_frames: evenly spaced frames that the detector sees.
        attention: also score how far the attention at the first denoising step, with what was learnt or under a
            baseline's guidance, is from the layout (``attention_jsd``), which costs one forward pass.

    Raises:
        ValueError: if a metric is unknown, or needs a detector or judge that is not there.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        judge: Judge | None = None,
        metrics: Sequence[str] | None = None,
        num_frames: int = 16,
        attention: bool = True,
    ) -> None:
        self.evaluator = Evaluator(detector, judge, metrics, num_frames)
        self.attention = attention
        self.attention_jsd = AttentionLayoutJSD()

    def on_stream_start(self, stream: "Stream") -> None:
        """Take note of the model, and say what is not measured."""
        self._module = stream.module
        if self.evaluator.left_out:
            rank_zero_info(f"not scored, for want of a detector or judge: {', '.join(self.evaluator.left_out)}")

    def on_prompt_end(self, served: "Served") -> None:
        """Score the video."""
        assert served.video is not None
        if self.attention:
            served.scores["attention_jsd"] = round(self._attention(), 6)
        scored = self.evaluator.score(served.video, served.prompt, served.layout)
        served.scores.update(scored.scores)
        served.truth.update(scored.truth)
        for error in scored.errors:
            rank_zero_warn(f"the video of prompt {served.prompt.id!r} is not scored in full: {error}")

    def _attention(self) -> float:
        maps, targets = self._module.first_maps(True), self._module.rehearsal.targets
        return float(self.attention_jsd(maps.cpu(), targets.cpu()))
