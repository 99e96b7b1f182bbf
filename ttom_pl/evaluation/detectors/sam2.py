"""Objects followed as masks by SAM 2 through real video."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from transformers import Sam2VideoModel
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

from ttom_pl.evaluation.detectors.background import background_motion
from ttom_pl.evaluation.detectors.base import Detector
from ttom_pl.evaluation.detectors.device import choose_device
from ttom_pl.evaluation.detectors.loading import loading
from ttom_pl.evaluation.detectors.zero_shot import ZeroShotDetector
from ttom_pl.evaluation.metrics.detections import Detection, Detections

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BOX_CORNERS = torch.tensor([[[2, 3]]], dtype=torch.int32)


class Sam2Tracker(Detector):
    """Follows what another detector finds, as masks, with SAM 2; the background is what no mask covers.

    The objects of the frame in which the detector sees most (with the highest scores, where several do) are followed
    forwards and backwards. A label that is not in that frame keeps the detector's own boxes.

    Args:
        detector: finds the objects; a :class:`~ttom_pl.evaluation.detectors.ZeroShotDetector` when not given.
        pretrained: name on the Hub or local folder of a SAM 2 video model.
        device: where the model runs; a GPU if there is one when not given.

    Raises:
        OSError: if the model cannot be loaded.
    """

    def __init__(
        self,
        detector: Detector | None = None,
        pretrained: str | Path = "facebook/sam2.1-hiera-small",
        device: str | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.detector = detector or ZeroShotDetector(device=device)
        with loading(pretrained):
            self.model: Any = Sam2VideoModel.from_pretrained(pretrained).eval().to(self.device)
        self.size: int = self.model.config.vision_config.backbone_config.image_size[0]

    def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
        """Return masks and boxes of the objects that the phrases name.

        See :class:`~ttom_pl.evaluation.detectors.Detector`.
        """
        detections = self.detector.detect(video, phrases)
        key = max(
            range(len(detections)),
            key=lambda time: (len(detections.frames[time]), _confidence(detections.frames[time])),
        )
        seeds = detections.frames[key]
        if not seeds:
            return detections
        labels = {seed.label for seed in seeds}
        frames = [[detection for detection in frame if detection.label not in labels] for frame in detections.frames]
        for time, masks in self._follow(video, key, seeds).items():
            frames[time] += [
                replace(seed, box=_box(mask), mask=mask)
                for seed, mask in zip(seeds, masks, strict=True)
                if mask is not None and mask.any()
            ]
        return Detections(tuple(map(tuple, frames)), background_motion(video, frames))

    @torch.inference_mode()
    def _follow(self, video: Tensor, key: int, seeds: Sequence[Detection]) -> dict[int, list[NDArray[np.bool_] | None]]:
        """Return for each frame a mask of each seed, shape (H, W), ``None`` where it is not in the picture."""
        height, width = video.shape[2:]
        masks: dict[int, list[NDArray[np.bool_] | None]] = {}
        for reverse in (False, True):
            session = self._session(video, key, seeds)
            for output in self.model.propagate_in_video_iterator(session, start_frame_idx=key, reverse=reverse):
                logits = F.interpolate(output.pred_masks.float(), (height, width), mode="bilinear")[:, 0]
                there = (output.object_score_logits.flatten() > 0).tolist()
                inside = (logits > 0).cpu().numpy()
                frame_masks = [mask if seen else None for mask, seen in zip(inside, there, strict=True)]
                masks.setdefault(output.frame_idx, frame_masks)
        return masks

    def _session(self, video: Tensor, key: int, seeds: Sequence[Detection]) -> Any:
        """Return a session of the model with the video and the seeds' boxes (its processor would need torchvision)."""
        pixels = F.interpolate(video.float().cpu(), (self.size, self.size), mode="bilinear", antialias=True)
        normalised = (pixels - torch.tensor(_MEAN)[:, None, None]) / torch.tensor(_STD)[:, None, None]
        session: Any = Sam2VideoInferenceSession(
            normalised, *video.shape[2:], inference_device=self.device, dtype=self.model.dtype
        )
        for number, seed in enumerate(seeds):
            corners = torch.tensor(seed.box).reshape(1, 1, 2, 2) * self.size
            prompt = {"point_coords": corners, "point_labels": _BOX_CORNERS}
            session.add_point_inputs(session.obj_id_to_idx(number), key, prompt)
        session.obj_with_new_inputs = list(range(len(seeds)))
        return session


def _confidence(frame: Sequence[Detection]) -> float:
    return sum(detection.score for detection in frame)


def _box(mask: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    """Return the box around a mask as fractions of the frame."""
    (height, width), (rows, columns) = mask.shape, np.nonzero(mask)
    x0, x1 = int(columns.min()), int(columns.max()) + 1
    y0, y1 = int(rows.min()), int(rows.max()) + 1
    return x0 / width, y0 / height, x1 / width, y1 / height
