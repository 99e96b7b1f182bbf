"""LTX-Video, text to video."""

from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline, LTXPipeline
from diffusers.pipelines.ltx.pipeline_ltx import calculate_shift
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor

from ttom_pl.backbones.cross_attention import CrossAttentionBackbone
from ttom_pl.io.ranges import check_range
from ttom_pl.scene import Conditioning


class LTXBackbone(CrossAttentionBackbone):
    """A frozen ``LTXPipeline``: latents are a sequence of tokens, and the padding of the text is masked.

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed.

    Args:
        pretrained: an ``LTXPipeline``, its folder, or the id of one on the Hugging Face hub.
        height: pixels.
        width: pixels.
        num_frames: frames of the video.
        num_inference_steps: denoising steps.
        guidance_scale: scale of classifier-free guidance; off at 1 and below.
        max_sequence_length: tokens that the prompt is padded or cut to.
        fps: frames per second that the video is made for and played at.
        decode_timestep: noise level that a timestep-conditioned VAE decodes from; without effect on others.
        decode_noise_scale: noise added before that; ``decode_timestep`` when not given.
        **settings: the further arguments of :class:`~ttom_pl.backbones.pipeline.PipelineBackbone`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size.
    """

    pipeline_class = LTXPipeline
    name = "ltx"

    def __init__(
        self,
        pretrained: str | DiffusionPipeline,
        height: int = 512,
        width: int = 704,
        num_frames: int = 161,
        num_inference_steps: int = 50,
        guidance_scale: float = 3.0,
        max_sequence_length: int = 128,
        fps: int = 25,
        decode_timestep: float = 0.0,
        decode_noise_scale: float | None = None,
        **settings: Any,
    ) -> None:
        check_range("decode_timestep", decode_timestep, least=0, most=1)
        check_range("decode_noise_scale", decode_noise_scale, least=0, most=1)
        super().__init__(
            pretrained,
            height,
            width,
            num_frames,
            num_inference_steps,
            guidance_scale,
            max_sequence_length,
            fps,
            **settings,
        )
        self.decode_timestep = decode_timestep
        self.decode_noise_scale = decode_timestep if decode_noise_scale is None else decode_noise_scale
        self._text_dtype: torch.dtype = self.pipe.text_encoder.dtype

    @property
    def _compression(self) -> tuple[int, int]:
        return self.pipe.vae_temporal_compression_ratio, self.pipe.vae_spatial_compression_ratio

    @property
    def _patch(self) -> tuple[int, int, int]:
        spatial = self.pipe.transformer_spatial_patch_size
        return self.pipe.transformer_temporal_patch_size, spatial, spatial

    @property
    def _latent_grid(self) -> tuple[int, int, int]:
        temporal, spatial = self._compression
        return (self.num_frames - 1) // temporal + 1, self.height // spatial, self.width // spatial

    def _conditioning(self, *encoded: Any) -> Conditioning:
        embeds, mask, negative_embeds, negative_mask = encoded
        return Conditioning(embeds, negative_embeds, mask, negative_mask)

    def _text(self, embeds: Tensor, mask: Tensor | None) -> dict[str, Any]:
        return {"encoder_hidden_states": embeds, "encoder_attention_mask": mask}

    def _set_timesteps(self, **arguments: Any) -> None:
        steps, config = self.num_inference_steps, self.pipe.scheduler.config
        shift = calculate_shift(
            int(np.prod(self._latent_grid)),
            config.get("base_image_seq_len", 256),
            config.get("max_image_seq_len", 4096),
            config.get("base_shift", 0.5),
            config.get("max_shift", 1.15),
        )
        super()._set_timesteps(sigmas=np.linspace(1.0, 1 / steps, steps), mu=shift, **arguments)

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        (frames, height, width), (temporal, spatial) = self._latent_grid, self._compression
        return {
            "hidden_states": latents.to(conditioning.prompt_embeds.dtype),
            "timestep": timestep,
            "num_frames": frames,
            "height": height,
            "width": width,
            "rope_interpolation_scale": (temporal / self._fps, spatial, spatial),
        }

    def _decode(self, latents: Tensor) -> Tensor:
        pipe, vae = self.pipe, self.pipe.vae
        frames, rows, _ = self._patch
        latents = pipe._unpack_latents(latents, *self._latent_grid, rows, frames)
        latents = pipe._denormalize_latents(latents, vae.latents_mean, vae.latents_std, vae.config.scaling_factor)
        latents = latents.to(self._text_dtype)
        timestep = None
        if vae.config.timestep_conditioning:
            noise = randn_tensor(latents.shape, generator=self._generator, device=latents.device, dtype=latents.dtype)
            timestep = torch.tensor([self.decode_timestep]).to(latents)
            scale = torch.tensor([self.decode_noise_scale]).to(latents)[:, None, None, None, None]
            latents = (1 - scale) * latents + scale * noise
        video: Tensor = vae.decode(latents.to(vae.dtype), timestep, return_dict=False)[0]
        return video
