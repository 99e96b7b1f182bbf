"""Scores of each video as soon as it is there."""

from collections.abc import Sequence

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from ttom_pl.callbacks.base import Findings, StreamCallback, StreamInfo
from ttom_pl.evaluation.detectors.base import Detector
from ttom_pl.evaluation.evaluator import Evaluator
from ttom_pl.evaluation.judge import Judge
from ttom_pl.evaluation.metrics import AttentionLayoutJSD
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene


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

    once = True

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

    def on_stream_start(self, stream: StreamInfo) -> None:
        """Take note of the model, and say what is not measured."""
        self._module = stream.module
        if self.evaluator.left_out:
            rank_zero_info(f"not scored, for want of a detector or judge: {', '.join(self.evaluator.left_out)}")

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> Findings:
        """Score the video."""
        scores = {}
        if self.attention:
            maps = self._module.first_maps(scene, fit)
            scores["attention_jsd"] = round(float(self.attention_jsd(maps.cpu(), scene.targets.cpu())), 6)
        scored = self.evaluator.score(video, request.prompt, request.layout)
        for error in scored.errors:
            rank_zero_warn(f"the video of prompt {request.prompt.id!r} is not scored in full: {error}")
        return Findings(scores | scored.scores, truth=scored.truth)
