"""Mochi, text to video."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline, MochiPipeline
from diffusers.pipelines.mochi.pipeline_mochi import linear_quadratic_schedule
from torch import Tensor

from ttom_pl.backbones.dual_stream import DualStreamAttention
from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.size import Units
from ttom_pl.io.ranges import check_range
from ttom_pl.scene import Conditioning

_LINEAR = 0.025
"""Noise that is taken away in the first half of the steps, evenly."""


@dataclass(frozen=True, kw_only=True)
class MochiSettings(Settings):
    """Settings of Mochi."""

    height: int = 480
    width: int = 848
    num_frames: int = 19
    num_inference_steps: int = 64
    guidance_scale: float = 4.5
    max_sequence_length: int = 256
    fps: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("num_inference_steps", self.num_inference_steps, least=2, meaning="the noise levels are two halves")


@dataclass(frozen=True)
class MochiAttention(DualStreamAttention):
    """Joint attention with a narrower stream of text, and positions that differ from head to head."""

    attention: str = "attn1"

    def turned(self, states: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
        """Return states, shape (B, S, heads, D), turned by angles of shape (S, heads, D / 2), in float32."""
        cosine, sine = rotary
        even, odd = states.unflatten(-1, (-1, 2)).float().unbind(-1)
        both = (even * cosine - odd * sine).type_as(states), (even * sine + odd * cosine).type_as(states)
        return torch.stack(both, dim=-1).flatten(-2)


class MochiBackbone(PipelineBackbone):
    """A frozen ``MochiPipeline``: the padding of the text is left out, both passes of guidance are added in float32.

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed.

    Args:
        pretrained: a ``MochiPipeline``, its folder, or the id of one on the Hugging Face hub.
        **settings: the fields of :class:`MochiSettings`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size.
    """

    pipeline_class = MochiPipeline
    name = "mochi"
    reader = MochiAttention()
    can_be_called = False
    settings: MochiSettings

    def __init__(self, pretrained: str | DiffusionPipeline, **settings: Any) -> None:
        super().__init__(pretrained, MochiSettings(**settings))

    @property
    def units(self) -> Units:
        """What latents and tokens are made of."""
        patch = self.pipe.transformer.config.patch_size
        return Units((self.pipe.vae_temporal_scale_factor, self.pipe.vae_spatial_scale_factor), (1, patch, patch))

    @property
    def _latent_dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.pipe.text_encoder.dtype
        return dtype

    def _conditioning(self, *encoded: Any) -> Conditioning:
        embeds, mask, negative_embeds, negative_mask = encoded
        return Conditioning(embeds, negative_embeds, mask, negative_mask)

    def _text(self, text: Text) -> dict[str, Any]:
        return {"encoder_hidden_states": text.embeds, "encoder_attention_mask": text.mask}

    def _set_timesteps(self, device: torch.device, **arguments: Any) -> None:
        sigmas = np.array(linear_quadratic_schedule(self.settings.num_inference_steps, _LINEAR))
        super()._set_timesteps(device, sigmas=sigmas, **arguments)

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        return {"hidden_states": latents, "timestep": timestep.to(latents.dtype)}

    def _advance(self, noise: Tensor, index: int, latents: Tensor) -> Tensor:
        return super()._advance(noise, index, latents.float()).to(latents.dtype)

    def _decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        if vae.config.latents_mean is not None and vae.config.latents_std is not None:
            mean, std = (
                torch.tensor(statistic).view(1, -1, 1, 1, 1).to(latents)
                for statistic in (vae.config.latents_mean, vae.config.latents_std)
            )
            latents = latents * std / vae.config.scaling_factor + mean
        else:
            latents = latents / vae.config.scaling_factor
        video: Tensor = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
        return video
