"""CogVideoX 2B and 5B, text to video."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import CogVideoXDPMScheduler, CogVideoXPipeline, DiffusionPipeline
from torch import Tensor

from ttom_pl.backbones.joint_attention import JointAttention
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.size import Units
from ttom_pl.scene import Conditioning


@dataclass(frozen=True, kw_only=True)
class CogVideoXSettings(Settings):
    """Settings of CogVideoX.

    Attributes:
        use_dynamic_cfg: let the guidance grow over the steps, as the DPM scheduler wants it.
    """

    height: int = 480
    width: int = 720
    num_frames: int = 49
    guidance_scale: float = 6.0
    use_dynamic_cfg: bool = False
    max_sequence_length: int = 226
    fps: int = 8


class CogVideoXBackbone(PipelineBackbone):
    """A frozen ``CogVideoXPipeline``, with sine (2B), learned or rotary (5B) positions.

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed.

    Args:
        pretrained: a ``CogVideoXPipeline``, its folder, or the id of one on the Hugging Face hub.
        **settings: the fields of :class:`CogVideoXSettings`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size.
    """

    pipeline_class = CogVideoXPipeline
    name = "cogvideox"
    reader = JointAttention("attn1")
    settings: CogVideoXSettings

    def __init__(self, pretrained: str | DiffusionPipeline, **settings: Any) -> None:
        super().__init__(pretrained, CogVideoXSettings(**settings))

    @property
    def units(self) -> Units:
        """What latents and tokens are made of."""
        config = self.pipe.transformer.config
        return Units(
            (self.pipe.vae_scale_factor_temporal, self.pipe.vae_scale_factor_spatial),
            (config.patch_size_t or 1, config.patch_size, config.patch_size),
        )

    @property
    def _padding(self) -> int:
        """Latent frames at the start that CogVideoX 1.5 samples to fill its last patch and throws away."""
        frames, _, _ = self.units.latents(self.settings, self.settings.num_frames)
        return -frames % self.units.token[0]

    @property
    def _sampled_frames(self) -> int:
        return self.settings.num_frames + self._padding * self.units.latent[0]

    @property
    def _latent_dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.pipe.text_encoder.dtype
        return dtype

    def _set_timesteps(self, device: torch.device, **arguments: Any) -> None:
        super()._set_timesteps(device, **arguments)
        self._previous: Tensor | None = None

    def _scale(self, index: int) -> float:
        largest = self.settings.guidance_scale
        if not self.settings.use_dynamic_cfg:
            return largest
        done = (self.num_steps - self.pipe.scheduler.timesteps[index].item()) / self.num_steps
        return 1 + largest * ((1 - math.cos(math.pi * done**5.0)) / 2)

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        rotary = None
        if self.pipe.transformer.config.use_rotary_positional_embeddings:
            rotary = self.pipe._prepare_rotary_positional_embeddings(
                self.settings.height, self.settings.width, latents.shape[1], latents.device
            )
        scaled = self.pipe.scheduler.scale_model_input(latents, timestep[0])
        return {"hidden_states": scaled, "timestep": timestep, "image_rotary_emb": rotary}

    def _advance(self, noise: Tensor, index: int, latents: Tensor) -> Tensor:
        scheduler = self.pipe.scheduler
        times = scheduler.timesteps
        extra = self.pipe.prepare_extra_step_kwargs(self._generator, 0.0)
        if isinstance(scheduler, CogVideoXDPMScheduler):
            before = times[index - 1] if index > 0 else None
            stepped, self._previous = scheduler.step(
                noise, self._previous, times[index], before, latents, **extra, return_dict=False
            )
        else:
            stepped = scheduler.step(noise, times[index], latents, **extra, return_dict=False)[0]
        advanced: Tensor = stepped.to(self._latent_dtype)
        return advanced

    def _decode(self, latents: Tensor) -> Tensor:
        video: Tensor = self.pipe.decode_latents(latents[:, self._padding :])
        return video
