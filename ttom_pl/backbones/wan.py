"""Wan 2.1 and 2.2, text to video."""

from typing import Any

import torch
from diffusers import WanPipeline
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from torch import Tensor

from ttom_pl.backbones.base import Conditioning
from ttom_pl.backbones.cross_attention import CrossAttentionBackbone
from ttom_pl.backbones.pipeline import Dtype
from ttom_pl.backbones.placement import Placement


class WanBackbone(CrossAttentionBackbone):
    """A frozen ``WanPipeline``: Wan 2.1, Wan 2.2 A14B (two transformers) and TI2V-5B (a timestep for each token).

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed. Of two transformers the first,
    which takes the noisy steps, holds the adapter.

    Args:
        pretrained: a ``WanPipeline`` folder or the id of one on the Hugging Face hub.
        height: pixels.
        width: pixels.
        num_frames: frames of the video.
        num_inference_steps: denoising steps.
        guidance_scale: scale of classifier-free guidance; off at 1 and below.
        negative_prompt: what to steer away from.
        max_sequence_length: tokens that the prompt is padded or cut to.
        fps: frames per second that the video is played at.
        dtype: precision of the weights.
        chunk_size: video tokens whose attention is held at a time.
        placement: how the model is fitted to the card; everything on it when not given.
        guidance_scale_2: guidance scale of the second transformer's steps; as the first's when not given.
        flow_shift: shift of the noise schedule; the scheduler's own when not given.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size, or has one transformer and gets ``guidance_scale_2``.
    """

    pipeline_class = WanPipeline
    name = "wan"
    blocks_name = "blocks"
    batched = False

    def __init__(
        self,
        pretrained: str,
        height: int = 480,
        width: int = 832,
        num_frames: int = 81,
        num_inference_steps: int = 50,
        guidance_scale: float = 5.0,
        negative_prompt: str = "",
        max_sequence_length: int = 512,
        fps: int = 16,
        dtype: Dtype = "float32",
        chunk_size: int = 1024,
        placement: Placement | None = None,
        guidance_scale_2: float | None = None,
        flow_shift: float | None = None,
    ) -> None:
        super().__init__(
            pretrained,
            height,
            width,
            num_frames,
            num_inference_steps,
            guidance_scale,
            negative_prompt,
            max_sequence_length,
            fps,
            dtype,
            chunk_size,
            placement,
        )
        if guidance_scale_2 is not None and self.pipe.config.boundary_ratio is None:
            raise ValueError(
                f"guidance_scale_2 is {guidance_scale_2}, but this model has one transformer; leave it out"
            )
        self.guidance_scale_2 = guidance_scale if guidance_scale_2 is None else guidance_scale_2
        if flow_shift is not None:
            scheduler = self.pipe.scheduler
            key = "flow_shift" if "flow_shift" in scheduler.config else "shift"
            self.pipe.scheduler = type(scheduler).from_config(scheduler.config, **{key: flow_shift})

    @property
    def _compression(self) -> tuple[int, int]:
        return self.pipe.vae_scale_factor_temporal, self.pipe.vae_scale_factor_spatial

    @property
    def _patch(self) -> tuple[int, int, int]:
        frames, rows, columns = self.pipe.transformer.config.patch_size
        return frames, rows, columns

    @property
    def max_guided_steps(self) -> int:
        """Steps of the first transformer."""
        if self.pipe.config.boundary_ratio is None:
            return self.num_steps
        # FlowMatchEulerDiscreteScheduler has no such attribute before its first steps are set.
        if getattr(self.pipe.scheduler, "num_inference_steps", None) != self.num_steps:
            self._set_timesteps()
        return sum(self._is_noisy(index) for index in range(self.num_steps))

    def _is_noisy(self, index: int) -> bool:
        """Whether a step is the first transformer's."""
        scheduler, ratio = self.pipe.scheduler, self.pipe.config.boundary_ratio
        return ratio is None or bool(scheduler.timesteps[index] >= ratio * scheduler.config.num_train_timesteps)

    def _transformer(self, index: int) -> Any:
        return self.pipe.transformer if self._is_noisy(index) else self.pipe.transformer_2

    def _scale(self, index: int) -> float:
        return self.guidance_scale if self._is_noisy(index) else self.guidance_scale_2

    def _clean(self, prompt: str) -> str:
        cleaned: str = prompt_clean(prompt)
        return cleaned

    def _conditioning(self, *encoded: Any) -> Conditioning:
        dtype = self.pipe.transformer.dtype
        prompt, negative = encoded
        return Conditioning(prompt.to(dtype), None if negative is None else negative.to(dtype))

    def _set_timesteps(self) -> None:
        super()._set_timesteps()
        self.pipe.scheduler.set_begin_index(0)

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        if self.pipe.config.expand_timesteps:
            # Wan 2.2 TI2V: a timestep for each token; the pipeline's stride of 2 is the patch.
            tokens = torch.ones_like(latents[0, 0, :, ::2, ::2]) * timestep[0]
            timestep = tokens.flatten().expand(len(latents), -1)
        return {"hidden_states": latents.to(self.pipe.transformer.dtype), "timestep": timestep}

    def _decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        latents = latents.to(vae.dtype)
        mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1, 1).to(latents)
        inverse_std = 1.0 / torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1).to(latents)
        video: Tensor = vae.decode(latents / inverse_std + mean, return_dict=False)[0]
        return video
