"""What a user sets of a backbone, in one record."""

from dataclasses import dataclass
from typing import Literal

from ttom_pl.backbones.placement import Placement
from ttom_pl.backbones.quantization import Quantization
from ttom_pl.backbones.schedule import Schedule
from ttom_pl.backbones.user_loras import Lora
from ttom_pl.io.ranges import check_range

Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a pipeline is loaded, placed and sampled. A model adds its own options, and says what is usual for it.

    Attributes:
        height: pixels.
        width: pixels.
        num_frames: frames of the video.
        num_inference_steps: denoising steps.
        guidance_scale: scale of classifier-free guidance; off at 1 and below.
        max_sequence_length: tokens that the prompt is padded or cut to.
        fps: frames per second that the video is played at.
        negative_prompt: what to steer away from.
        dtype: precision of the weights.
        vae_dtype: precision of the VAE; as the model's family wants it when not given.
        placement: how the model is fitted to the card; everything on it when not given.
        loras: LoRAs that are on in every pass, such as a style or a few-step distillation.
        schedule: the scheduler and its steps; the pipeline's own when not given.
        quantization: which parts are held in fewer bits; none when not given.

    Raises:
        ValueError: if a number is out of its range, or two options exclude each other.
    """

    height: int
    width: int
    num_frames: int
    num_inference_steps: int = 50
    guidance_scale: float
    max_sequence_length: int
    fps: int
    negative_prompt: str = ""
    dtype: Dtype = "float32"
    vae_dtype: Dtype | None = None
    placement: Placement | None = None
    loras: list[Lora] | None = None
    schedule: Schedule | None = None
    quantization: Quantization | None = None

    def __post_init__(self) -> None:
        for name, unit in (
            ("height", "pixels"),
            ("width", "pixels"),
            ("num_frames", "frames of the video"),
            ("num_inference_steps", "denoising steps"),
            ("max_sequence_length", "tokens"),
            ("fps", "frames per second"),
        ):
            check_range(name, getattr(self, name), least=1, meaning=unit)
        check_range("guidance_scale", self.guidance_scale, least=0, meaning="guidance is off at 1 and below")
        stored = self.placement is not None and self.placement.storage_dtype is not None
        if self.quantization is not None and stored:
            raise ValueError("placement.storage_dtype and quantization both make the weights small; leave one out")
