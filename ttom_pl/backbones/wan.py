"""Wan 2.1 and 2.2, text to video."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DiffusionPipeline, WanPipeline
from torch import Tensor

from ttom_pl.backbones.wan_family import WanFamily, WanFamilySettings
from ttom_pl.io.ranges import check_range
from ttom_pl.scene import Conditioning


@dataclass(frozen=True, kw_only=True)
class WanSettings(WanFamilySettings):
    """Settings of Wan.

    Attributes:
        guidance_scale_2: guidance scale of the second transformer's steps; as the first's when not given.
    """

    height: int = 480
    width: int = 832
    num_frames: int = 81
    guidance_scale: float = 5.0
    fps: int = 16
    guidance_scale_2: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("guidance_scale_2", self.guidance_scale_2, least=0, meaning="guidance is off at 1 and below")


class WanBackbone(WanFamily):
    """A frozen ``WanPipeline``: Wan 2.1, Wan 2.2 A14B (two transformers) and TI2V-5B (a timestep for each token).

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed. Of two transformers the first,
    which takes the noisy steps, holds the adapter.

    Args:
        pretrained: a ``WanPipeline``, its folder, or the id of one on the Hugging Face hub.
        **settings: the fields of :class:`WanSettings`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size, or has one transformer and gets ``guidance_scale_2``.
    """

    pipeline_class = WanPipeline
    name = "wan"
    settings: WanSettings

    def __init__(self, pretrained: str | DiffusionPipeline, **settings: Any) -> None:
        super().__init__(pretrained, WanSettings(**settings))

    def _check(self) -> None:
        super()._check()
        second = self.settings.guidance_scale_2
        if second is not None and self.pipe.config.boundary_ratio is None:
            raise ValueError(f"guidance_scale_2 is {second}, but this model has one transformer; leave it out")

    @property
    def max_guided_steps(self) -> int:
        """Steps of the first transformer."""
        return sum(self._is_noisy(index) for index in range(self.num_steps))

    def _is_noisy(self, index: int) -> bool:
        """Whether a step is the first transformer's."""
        scheduler, ratio = self.pipe.scheduler, self.pipe.config.boundary_ratio
        return ratio is None or bool(scheduler.timesteps[index] >= ratio * scheduler.config.num_train_timesteps)

    def _transformer(self, index: int) -> Any:
        return self.pipe.transformer if self._is_noisy(index) else self.pipe.transformer_2

    def _scale(self, index: int) -> float:
        first, second = self.settings.guidance_scale, self.settings.guidance_scale_2
        return first if second is None or self._is_noisy(index) else second

    def _set_timesteps(self, device: torch.device, **arguments: Any) -> None:
        super()._set_timesteps(device, **arguments)
        self.pipe.scheduler.set_begin_index(0)

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        inputs = super()._inputs(latents, timestep, conditioning)
        if self.pipe.config.expand_timesteps:
            # Wan 2.2 TI2V: a timestep for each token; the pipeline's stride of 2 is the patch.
            tokens = torch.ones_like(latents[0, 0, :, ::2, ::2]) * timestep[0]
            inputs["timestep"] = tokens.flatten().expand(len(latents), -1)
        return inputs
