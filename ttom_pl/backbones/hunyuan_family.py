"""HunyuanVideo and its relatives: joint attention of two streams, noise levels that the scheduler shifts."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ttom_pl.backbones.dual_stream import DualStreamAttention
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.size import Units


class HunyuanFamily(PipelineBackbone):
    """A frozen pipeline that is sampled as ``HunyuanVideoPipeline`` is, one pass of guidance after the other."""

    reader = DualStreamAttention()
    batched = False
    can_be_called = False

    @property
    def units(self) -> Units:
        """What latents and tokens are made of."""
        config = self.pipe.transformer.config
        return Units(
            (self.pipe.vae_scale_factor_temporal, self.pipe.vae_scale_factor_spatial),
            (config.patch_size_t, config.patch_size, config.patch_size),
        )

    def _set_timesteps(self, device: torch.device, **arguments: Any) -> None:
        sigmas = np.linspace(1.0, 0.0, self.settings.num_inference_steps + 1)[:-1]
        super()._set_timesteps(device, sigmas=sigmas, **arguments)

    def _decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        video: Tensor = vae.decode(latents.to(vae.dtype) / vae.config.scaling_factor, return_dict=False)[0]
        return video
