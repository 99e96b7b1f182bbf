"""Wan 2.1 and 2.2, image to video."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import WanImageToVideoPipeline
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image
from torch import Tensor

from ttom_pl.backbones.base import Picture
from ttom_pl.backbones.wan import WanBackbone
from ttom_pl.backbones.wan_family import WanFamily
from ttom_pl.scene import Conditioning


class WanImageBackbone(WanBackbone):
    """A frozen ``WanImageToVideoPipeline``: as :class:`WanBackbone`, and each prompt brings the video's first frame.

    The settings are those of :class:`WanBackbone`. Wan 2.1 reads the image by an encoder of its own, Wan 2.2 A14B only
    beside the latents, and TI2V-5B in place of the first latent frame.
    """

    pipeline_class = WanImageToVideoPipeline
    name = "wan-image"

    def check_image(self, image: Picture | None) -> None:
        """Raise ``ValueError`` if there is no image, or none that can be read."""
        if image is None:
            raise ValueError(
                "this model makes videos from an image; give the prompt an 'image' in a .jsonl file, or image="
            )
        _picture(image)

    @torch.no_grad()
    def encode(self, prompt: str, image: Picture | None = None) -> Conditioning:
        """Encode the prompt, the negative prompt and the image."""
        conditioning = super().encode(prompt, image)
        assert image is not None
        picture = _picture(image)
        transformer = self.pipe.transformer
        embeds = None
        if transformer.config.image_dim is not None:
            embeds = self.pipe.encode_image(picture, self.device).to(self._dtype)
        pixels = self.pipe.video_processor.preprocess(picture, height=self.settings.height, width=self.settings.width)
        prepared = self.pipe.prepare_latents(
            pixels.to(self.device, dtype=torch.float32),
            1,
            self._latent_channels,
            self.settings.height,
            self.settings.width,
            self.settings.num_frames,
            torch.float32,
            self.device,
            latents=torch.empty(self._latent_shape),
        )
        return replace(conditioning, image_embeds=embeds, image_latents=prepared[1])

    @property
    def _latent_channels(self) -> int:
        return int(self.pipe.vae.config.z_dim)

    @property
    def _latent_shape(self) -> tuple[int, ...]:
        return 1, self._latent_channels, *self.units.latents(self.settings, self.settings.num_frames)

    def _noise(self) -> Tensor:
        drawn = {"generator": self._generator, "device": self.device, "dtype": torch.float32}
        noise: Tensor = randn_tensor(self._latent_shape, **drawn)
        return noise

    def _set_timesteps(self, device: torch.device, **arguments: Any) -> None:
        # This pipeline leaves the scheduler's begin index alone.
        WanFamily._set_timesteps(self, device, **arguments)

    def _mask(self, latents: Tensor) -> Tensor:
        """0 where TI2V-5B puts the image, 1 elsewhere, shape (1, 1, T, h, w)."""
        mask = torch.ones_like(latents[:1, :1])
        mask[:, :, 0] = 0
        return mask

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        image = conditioning.image_latents
        assert image is not None
        if self.pipe.config.expand_timesteps:
            mask = self._mask(latents)
            latents = (1 - mask) * image + mask * latents
            timestep = (mask[0, 0, :, ::2, ::2] * timestep[0]).flatten().expand(len(latents), -1)
        else:
            latents = torch.cat([latents, image.expand(len(latents), -1, -1, -1, -1)], dim=1)
        embeds = conditioning.image_embeds
        return {
            "hidden_states": latents.to(self._dtype),
            "timestep": timestep,
            "encoder_hidden_states_image": None if embeds is None else embeds.expand(len(latents), -1, -1),
        }

    def step(self, latents: Tensor, index: int, conditioning: Conditioning) -> Tensor:
        """Take one step; after the last one TI2V-5B's first frame is the image again."""
        latents = super().step(latents, index, conditioning)
        if self.pipe.config.expand_timesteps and index == self.num_steps - 1:
            mask, image = self._mask(latents), conditioning.image_latents
            assert image is not None
            latents = (1 - mask) * image + mask * latents
        return latents


def _picture(image: Picture) -> Image.Image | Tensor:
    """Read all of a file: one that is cut off, or larger than Pillow takes, is found out here.

    Raises:
        ValueError: if it cannot be read.
    """
    if not isinstance(image, Path):
        return image
    try:
        with Image.open(image) as opened:
            return opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"the image {str(image)!r} cannot be read ({error}); give a PNG or JPEG file") from None
