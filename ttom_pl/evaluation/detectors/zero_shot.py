"""Zero-shot detection in real video by models of transformers."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from ttom_pl.evaluation.detectors.background import background_motion
from ttom_pl.evaluation.detectors.base import Detector
from ttom_pl.evaluation.detectors.device import choose_device
from ttom_pl.evaluation.detectors.linking import link, suppress
from ttom_pl.evaluation.detectors.loading import loading
from ttom_pl.evaluation.metrics.detections import Detection, Detections
from ttom_pl.io.ranges import check_range

THRESHOLDS = {"grounding-dino": 0.35, "owlv2": 0.2, "owlvit": 0.1}
"""Families of models that are known, and from which score they take a box for an object, if not told otherwise."""
_ARTICLE = re.compile(r"^(?:an?|the)\s+", re.IGNORECASE)


class ZeroShotDetector(Detector):
    """Finds whatever can be named, frame by frame, with GroundingDINO or OWLv2; tracks link what is near.

    Each phrase is asked for on its own, so that a box cannot answer a mixture of two phrases.

    Args:
        pretrained: name on the Hub or local folder of the model, e.g. ``IDEA-Research/grounding-dino-base`` or
            ``google/owlv2-base-patch16-ensemble``.
        threshold: least score of a box; the family's usual one when not given, see :data:`THRESHOLDS`.
        nms_threshold: IoU above which two boxes of a phrase are one object.
        batch_size: frames at a time.
        device: where the model runs; a GPU if there is one when not given.

    Raises:
        ValueError: if it is no zero-shot detector that is known.
        OSError: if the model cannot be loaded.
    """

    def __init__(
        self,
        pretrained: str | Path = "IDEA-Research/grounding-dino-base",
        threshold: float | None = None,
        nms_threshold: float = 0.5,
        batch_size: int = 4,
        device: str | None = None,
    ) -> None:
        check_range("threshold", threshold, least=0, most=1)
        check_range("nms_threshold", nms_threshold, least=0, most=1)
        check_range("batch_size", batch_size, least=1, meaning="frames at a time")
        self.device = choose_device(device)
        with loading(pretrained):
            model: Any = AutoModelForZeroShotObjectDetection.from_pretrained(pretrained)
            self.processor: Any = AutoProcessor.from_pretrained(pretrained)
        self.family: str = model.config.model_type
        if self.family not in THRESHOLDS:
            raise ValueError(f"{str(pretrained)!r} is a {self.family!r} model; known are {', '.join(THRESHOLDS)}")
        self.model = model.eval().to(self.device)
        self.threshold = THRESHOLDS[self.family] if threshold is None else threshold
        self.nms_threshold = nms_threshold
        self.batch_size = batch_size

    def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
        """Return the objects that the phrases name; see :class:`~ttom_pl.evaluation.detectors.Detector`."""
        pixels = (video.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        pictures = [Image.fromarray(frame) for frame in pixels]
        frames_seen: list[list[Detection]] = [[] for _ in pictures]
        for phrase in phrases:
            for first in range(0, len(pictures), self.batch_size):
                batch = pictures[first : first + self.batch_size]
                for time, detections in enumerate(self._detect(batch, phrase), start=first):
                    frames_seen[time] += suppress(detections, self.nms_threshold)
        frames = link(frames_seen)
        return Detections(frames, background_motion(video, frames))

    @torch.inference_mode()
    def _detect(self, pictures: list[Image.Image], phrase: str) -> list[list[Detection]]:
        name = _ARTICLE.sub("", phrase.strip()).lower().rstrip(".?")
        text: list[Any] = [f"{name}."] * len(pictures)
        if self.family != "grounding-dino":
            text = [[f"a photo of a {name}"]] * len(pictures)
        inputs = self.processor(images=pictures, text=text, return_tensors="pt").to(self.device)
        sizes = [(picture.height, picture.width) for picture in pictures]
        results = self.processor.post_process_grounded_object_detection(
            self.model(**inputs), threshold=self.threshold, target_sizes=sizes
        )
        return [
            [
                Detection(phrase, box, score)
                for score, corners in zip(result["scores"].tolist(), result["boxes"].tolist(), strict=True)
                if (box := _fractions(corners, size)) is not None
            ]
            for result, size in zip(results, sizes, strict=True)
        ]


def _fractions(corners: list[float], size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """Return a box in pixels as fractions, cut at the frame's edges; ``None`` where nothing of it is inside."""
    height, width = size
    x0, x1 = (min(max(x / width, 0.0), 1.0) for x in corners[::2])
    y0, y1 = (min(max(y / height, 0.0), 1.0) for y in corners[1::2])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
