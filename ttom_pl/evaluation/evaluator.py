"""Scores of videos by all metrics that apply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from ttom_pl.evaluation.detectors.base import Detector
from ttom_pl.evaluation.expectation import Expectation, object_name
from ttom_pl.evaluation.from_prompt import expect
from ttom_pl.evaluation.judge import Judge
from ttom_pl.evaluation.metrics import (
    ActionBinding,
    ConsistentAttribute,
    DynamicAttribute,
    GenerativeNumeracy,
    LayoutMIoU,
    MotionBinding,
    ObjectInteractions,
    Persistence,
    SpatialRelationship,
    TemporalConsistency,
    TemporalFlickering,
    VideoMean,
)
from ttom_pl.evaluation.metrics.detections import evenly
from ttom_pl.io.ranges import check_range
from ttom_pl.layout import Layout
from ttom_pl.prompts.prompt import Prompt

DETECTED: Mapping[str, type[VideoMean]] = {
    "motion_binding": MotionBinding,
    "generative_numeracy": GenerativeNumeracy,
    "spatial_relationship": SpatialRelationship,
    "layout_miou": LayoutMIoU,
    "persistence": Persistence,
}
"""Metrics that need a detector."""
JUDGED: Mapping[str, type[VideoMean]] = {
    "consistent_attribute": ConsistentAttribute,
    "dynamic_attribute": DynamicAttribute,
    "action_binding": ActionBinding,
    "object_interactions": ObjectInteractions,
}
"""Metrics that need a judge."""
PLAIN: Mapping[str, type[VideoMean]] = {
    "temporal_consistency": TemporalConsistency,
    "temporal_flickering": TemporalFlickering,
}
"""Metrics that need nothing but the video."""
METRICS: Mapping[str, type[VideoMean]] = {**DETECTED, **JUDGED, **PLAIN}
"""All metrics of videos by name."""


@dataclass(frozen=True)
class Scored:
    """What was found of one video.

    Attributes:
        scores: the scores that apply, by metric.
        errors: what kept others from being made: metadata that cannot be used, a phrase that the detector does not
            know, a judge that does not answer.
        truth: where it is known from what the video must show, by metric: ``metadata``, ``caption``, ``grammar``; for
            the layout IoU who made the layout, as ``layout by grammar``. Metrics of the video alone have none.
    """

    scores: dict[str, float]
    errors: list[str]
    truth: dict[str, str] = field(default_factory=dict)


class Evaluator:
    """Score videos by every metric that their prompts ask for and that there are the means for.

    Args:
        detector: what sees the objects; without it metrics that need one are left out.
        judge: what grades the judged categories; without it they are left out.
        metrics: names of the metrics; all when not given.
        num_frames: evenly spaced frames that the detector sees; T2V-CompBench takes 16.

    Attributes:
        metrics: the metrics by name, over all videos so far.

    Raises:
        ValueError: if a metric is unknown, or needs a detector or judge that is not there.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        judge: Judge | None = None,
        metrics: Sequence[str] | None = None,
        num_frames: int = 16,
    ) -> None:
        check_range("num_frames", num_frames, least=2, meaning="frames that the detector sees; motion takes two")
        for name in metrics or ():
            if name not in METRICS:
                raise ValueError(f"there is no metric {name!r}; choose from {', '.join(METRICS)}")
            if name in DETECTED and detector is None:
                raise ValueError(f"{name} needs a detector; give one, e.g. 'sprites' or 'zero-shot'")
            if name in JUDGED and judge is None:
                raise ValueError(f"{name} needs a judge; give one, e.g. 'llm'")
        self.detector = detector
        self.judge = judge
        self.num_frames = num_frames
        self.left_out = [
            name
            for name in METRICS
            if metrics is None and ((name in DETECTED and detector is None) or (name in JUDGED and judge is None))
        ]
        chosen = [name for name in metrics or METRICS if name not in self.left_out]
        self.metrics: dict[str, VideoMean] = {name: METRICS[name]() for name in chosen}

    def score(self, video: Tensor, prompt: Prompt, layout: Layout | None = None) -> Scored:
        """Return the scores that apply to a video, and count it in the metrics.

        Args:
            video: shape (F, 3, H, W), values in [0, 1].
            prompt: what it was made from, with metadata if there is any.
            layout: where the objects should be; without it the layout IoU is left out.
        """
        scores, errors, expected = self._plain(video), [], Expectation()
        try:
            expected = expect(prompt)
        except ValueError as error:
            errors.append(str(error))
        for group in (self._detected, self._judged):
            try:
                scores |= group(video, expected, layout or prompt.layout)
            except ValueError as error:
                errors.append(str(error))
        scores = {name: scores[name] for name in self.metrics if name in scores}
        layout = layout or prompt.layout
        truth: dict[str, str] = {name: expected.truth for name in scores if name not in PLAIN and expected.truth}
        if "layout_miou" in scores and layout is not None:
            truth["layout_miou"] = f"layout by {layout.planner or 'hand'}"
        return Scored(scores, errors, truth)

    def _plain(self, video: Tensor) -> dict[str, float]:
        return {name: self._count(name, video) for name in PLAIN if name in self.metrics and len(video) >= 3}

    def _detected(self, video: Tensor, expected: Expectation, layout: Layout | None) -> dict[str, float]:
        if self.detector is None or not any(name in self.metrics for name in DETECTED):
            return {}
        labels = [object_name(track) for track in layout.tracks] if layout and "layout_miou" in self.metrics else []
        phrases = list(dict.fromkeys([*expected.phrases, *labels]))
        if not phrases:
            return {}
        seen = self.detector.detect(video[evenly(len(video), self.num_frames)], phrases)
        scores = {"persistence": self._count("persistence", seen)} if "persistence" in self.metrics else {}
        if expected.motions and "motion_binding" in self.metrics:
            scores["motion_binding"] = self._count("motion_binding", seen, expected.motions)
        if expected.counts and "generative_numeracy" in self.metrics:
            scores["generative_numeracy"] = self._count("generative_numeracy", seen, dict(expected.counts))
        if expected.relation and "spatial_relationship" in self.metrics:
            scores["spatial_relationship"] = self._count("spatial_relationship", seen, *expected.relation)
        if layout and labels:
            scores["layout_miou"] = self._count("layout_miou", seen, layout, labels)
        return scores

    def _judged(self, video: Tensor, expected: Expectation, layout: Layout | None) -> dict[str, float]:
        claims = expected.claims
        if self.judge is None or claims is None or claims.category not in self.metrics:
            return {}
        return {claims.category: self._count(claims.category, self.judge.grade(video, claims))}

    def _count(self, name: str, *inputs: object) -> float:
        """Count a video in a metric and return its own score."""
        return round(float(self.metrics[name](*inputs)), 6)
