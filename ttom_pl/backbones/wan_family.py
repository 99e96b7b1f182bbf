"""Wan and the models that are made like it: cross-attention to UMT5's text, Wan's VAE, a shifted noise schedule."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from torch import Tensor

from ttom_pl.backbones.cross_attention import CrossAttention
from ttom_pl.backbones.parts import Blocks
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.schedule import shifted, warn_of_double_shift
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.size import Units
from ttom_pl.io.ranges import check_range
from ttom_pl.scene import Conditioning


@dataclass(frozen=True, kw_only=True)
class WanFamilySettings(Settings):
    """Settings of the family.

    Attributes:
        flow_shift: shift of the noise schedule; the scheduler's own when not given.
    """

    max_sequence_length: int = 512
    flow_shift: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("flow_shift", self.flow_shift, above=0)


class WanFamily(PipelineBackbone):
    """A frozen pipeline that is called as ``WanPipeline`` is, with one transformer and one timestep for all tokens."""

    blocks = Blocks(("blocks",))
    reader = CrossAttention("attn2")
    batched = False
    float32_vae = True
    settings: WanFamilySettings

    def _scheduler(self) -> Any:
        scheduler = super()._scheduler()
        if self.settings.flow_shift is None:
            return scheduler
        scheduler = shifted(scheduler, self.settings.flow_shift)
        if self.schedule.steps is None:
            warn_of_double_shift(scheduler)
        return scheduler

    @property
    def units(self) -> Units:
        """What latents and tokens are made of."""
        frames, rows, columns = self.pipe.transformer.config.patch_size
        return Units((self.pipe.vae_scale_factor_temporal, self.pipe.vae_scale_factor_spatial), (frames, rows, columns))

    def _clean(self, prompt: str) -> str:
        cleaned: str = prompt_clean(prompt)
        return cleaned

    def _conditioning(self, *encoded: Any) -> Conditioning:
        prompt, negative = encoded
        return Conditioning(prompt.to(self._dtype), None if negative is None else negative.to(self._dtype))

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        return {"hidden_states": latents.to(self._dtype), "timestep": timestep}

    def _decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        latents = latents.to(vae.dtype)
        mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1, 1).to(latents)
        inverse_std = 1.0 / torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1).to(latents)
        video: Tensor = vae.decode(latents / inverse_std + mean, return_dict=False)[0]
        return video
