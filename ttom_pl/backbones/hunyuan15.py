"""HunyuanVideo 1.5, text to video."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import ClassifierFreeGuidance, DiffusionPipeline, HunyuanVideo15Pipeline
from torch import Tensor

from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.hunyuan_family import HunyuanFamily
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.tokens import Template
from ttom_pl.scene import Conditioning

_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for the prompt where its template is looked at."""


@dataclass(frozen=True, kw_only=True)
class HunyuanVideo15Settings(Settings):
    """Settings of HunyuanVideo 1.5. Its pipeline's guider has a scale of its own; ``guidance_scale`` counts here."""

    height: int = 480
    width: int = 848
    num_frames: int = 121
    guidance_scale: float = 6.0
    max_sequence_length: int = 1000
    fps: int = 24


class HunyuanVideo15Backbone(HunyuanFamily):
    """A frozen ``HunyuanVideo15Pipeline``: text by a language model, and what is quoted in it by a second encoder.

    With no adapter, the video equals that of the pipeline with a guider of ``guidance_scale``, bit for bit, at the same
    seed.

    Args:
        pretrained: a ``HunyuanVideo15Pipeline``, its folder, or the id of one on the Hugging Face hub.
        **settings: the fields of :class:`HunyuanVideo15Settings`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size, or guides otherwise than by plain guidance in all
            steps.
    """

    pipeline_class = HunyuanVideo15Pipeline
    name = "hunyuanvideo1.5"
    settings: HunyuanVideo15Settings

    def __init__(self, pretrained: str | DiffusionPipeline, **settings: Any) -> None:
        super().__init__(pretrained, HunyuanVideo15Settings(**settings))
        self.pipe.tokenizer_max_length = self.settings.max_sequence_length

    def _check(self) -> None:
        super()._check()
        guider = self.pipe.guider
        plain = {"guidance_rescale": 0.0, "use_original_formulation": False, "start": 0.0, "stop": 1.0, "enabled": True}
        if type(guider) is not ClassifierFreeGuidance or any(guider.config[name] != plain[name] for name in plain):
            raise ValueError(
                f"the pipeline's guider is {type(guider).__name__} with {dict(guider.config)}; "
                f"give it a ClassifierFreeGuidance with {plain}"
            )

    @property
    def _latent_channels(self) -> int:
        return int(self.pipe.num_channels_latents)

    @property
    def _latent_dtype(self) -> torch.dtype:
        return self._dtype

    def _encode(self, prompt: str, device: torch.device) -> Conditioning:
        def encoded(text: str) -> tuple[Tensor, ...]:
            embeddings: tuple[Tensor, ...] = self.pipe.encode_prompt(prompt=text, device=device, dtype=self._dtype)
            return embeddings

        embeds, mask, embeds_2, mask_2 = encoded(prompt)
        if self.settings.guidance_scale <= 1:
            return Conditioning(embeds, None, mask, None, embeds_2, mask_2)
        negative, negative_mask, negative_2, negative_mask_2 = encoded(self.settings.negative_prompt)
        return Conditioning(embeds, negative, mask, negative_mask, embeds_2, mask_2, negative_2, negative_mask_2)

    def _template(self) -> Template:
        chat = [{"role": "system", "content": self.pipe.system_message}, {"role": "user", "content": _MARK}]
        text = self.pipe.tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        before, _, after = text.partition(_MARK)
        return Template(before, after, self.pipe.prompt_template_encode_start_idx, special=False)

    def _text(self, text: Text) -> dict[str, Any]:
        return {
            "encoder_hidden_states": text.embeds,
            "encoder_attention_mask": text.mask,
            "encoder_hidden_states_2": text.embeds_2,
            "encoder_attention_mask_2": text.mask_2,
        }

    def _in_sequence(self, weights: Tensor, conditioning: Conditioning) -> Tensor:
        # In the blocks all that is text comes before all that is padding; in each half first the image's tokens (here
        # all padding), then those of what is quoted, then the prompt's.
        mask, mask_2 = conditioning.prompt_mask, conditioning.prompt_mask_2
        assert mask is not None
        assert mask_2 is not None
        image = mask.new_zeros(self.pipe.vision_num_semantic_tokens)
        valid = torch.cat([image, mask_2[0], mask[0]]).bool()
        order = torch.argsort(valid, descending=True, stable=True)
        everything: Tensor = torch.cat([weights.new_zeros(len(valid) - len(weights), weights.shape[1]), weights])[order]
        return everything

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        # No image to start from: neither beside the latents nor among the text.
        nothing, mask = self.pipe.prepare_cond_latents_and_mask(latents, self._dtype, latents.device)
        shape = (len(latents), self.pipe.vision_num_semantic_tokens, self.pipe.vision_states_dim)
        return {
            "hidden_states": torch.cat([latents, nothing, mask], dim=1),
            "timestep": timestep.to(self._dtype),
            "image_embeds": torch.zeros(shape, dtype=self._dtype, device=latents.device),
        }
