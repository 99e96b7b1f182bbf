"""Kandinsky 5, text to video."""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DiffusionPipeline, Kandinsky5T2VPipeline
from diffusers.pipelines.kandinsky5.pipeline_kandinsky import prompt_clean
from torch import Tensor, nn

from ttom_pl.backbones.cross_attention import CrossAttention
from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.parts import Blocks
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.size import Units
from ttom_pl.backbones.tokens import Template
from ttom_pl.scene import Conditioning

_NEGATIVE = (
    "Static, 2D cartoon, cartoon, 2d animation, paintings, images, worst quality, low quality, ugly, deformed, walking "
    "backwards"
)
_MOST_TOKENS = 1024
"""Positions that the text's rotary embedding has."""


@dataclass(frozen=True, kw_only=True)
class Kandinsky5Settings(Settings):
    """Settings of Kandinsky 5. What it steers away from by default is what its pipeline does."""

    height: int = 512
    width: int = 768
    num_frames: int = 121
    guidance_scale: float = 5.0
    max_sequence_length: int = 512
    fps: int = 24
    negative_prompt: str = _NEGATIVE


@dataclass(frozen=True)
class KandinskyAttention(CrossAttention):
    """Cross-attention whose layers have names of their own, normed head by head in float32; it takes no bias."""

    attention: str = "cross_attention"
    scoring = ("to_query", "to_key")
    carrying = ("to_value", "out_layer")
    can_bias = False

    def queries_and_keys(self, attn: nn.Module, video: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return queries of the video and keys of the text, shapes (B, S, heads, D) and (B, L, heads, D)."""
        module: Any = attn
        query = module.to_query(video).unflatten(2, (module.num_heads, -1))
        key = module.to_key(text).unflatten(2, (module.num_heads, -1))
        return module.query_norm(query.float()).type_as(query), module.key_norm(key.float()).type_as(key)


class Kandinsky5Backbone(PipelineBackbone):
    """A frozen ``Kandinsky5T2VPipeline``: latents have their channels last, each text has a length of its own.

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed.

    Args:
        pretrained: a ``Kandinsky5T2VPipeline``, its folder, or the id of one on the Hugging Face hub.
        **settings: the fields of :class:`Kandinsky5Settings`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size, or its video attends to itself sparsely.
    """

    pipeline_class = Kandinsky5T2VPipeline
    name = "kandinsky5"
    blocks = Blocks(("visual_transformer_blocks",))
    reader = KandinskyAttention()
    batched = False
    can_be_called = False
    settings: Kandinsky5Settings

    def __init__(self, pretrained: str | DiffusionPipeline, **settings: Any) -> None:
        super().__init__(pretrained, Kandinsky5Settings(**settings))

    def _check(self) -> None:
        super()._check()
        kind = self.pipe.transformer.config.attention_type
        if kind != "regular":
            raise ValueError(
                f"attention_type of the transformer is {kind!r}: its video attends to itself by parts, which has no "
                "gradient here; use a model of 'regular' attention, such as those of 5 seconds"
            )
        if self.settings.max_sequence_length > _MOST_TOKENS:
            raise ValueError(
                f"max_sequence_length is {self.settings.max_sequence_length}; this model takes at most {_MOST_TOKENS}"
            )
        if self.placement.batched_guidance:
            raise ValueError(
                "batched_guidance is true, but the prompt and the negative prompt of this model have lengths of their "
                "own; leave it out"
            )

    @property
    def units(self) -> Units:
        """What latents and tokens are made of."""
        frames, rows, columns = self.pipe.transformer.config.patch_size
        return Units((self.pipe.vae_scale_factor_temporal, self.pipe.vae_scale_factor_spatial), (frames, rows, columns))

    @property
    def _latent_channels(self) -> int:
        return int(self.pipe.transformer.config.in_visual_dim)

    @property
    def _latent_dtype(self) -> torch.dtype:
        return self._dtype

    def start(self, seed: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw the noise as the pipeline does; the channels of an image, of which there is none, are added later."""
        return super().start(seed, generator)[..., : self._latent_channels]

    @property
    def _tokenizer(self) -> Any:
        return getattr(self.pipe.tokenizer, "tokenizer", self.pipe.tokenizer)  # of a processor of images and text

    @property
    def _seen_tokens(self) -> int:
        # The pipeline cuts a long text by letters before it does by tokens, and may so lose the last ones.
        return self.settings.max_sequence_length - 2

    def _clean(self, prompt: str) -> str:
        cleaned: str = prompt_clean(prompt)
        return cleaned

    def _encode(self, prompt: str, device: torch.device) -> Conditioning:
        def encoded(text: str) -> tuple[Tensor, Tensor]:
            length = self.settings.max_sequence_length
            embeds, pooled, _ = self.pipe.encode_prompt(text, max_sequence_length=length, device=device)
            return embeds.to(self._dtype), pooled.to(self._dtype)

        embeds, pooled = encoded(prompt)
        if self.settings.guidance_scale <= 1:
            return Conditioning(embeds, None, prompt_embeds_2=pooled)
        negative, negative_pooled = encoded(self.settings.negative_prompt)
        return Conditioning(embeds, negative, prompt_embeds_2=pooled, negative_prompt_embeds_2=negative_pooled)

    def _template(self) -> Template:
        before, _, after = self.pipe.prompt_template.partition("{}")
        return Template(before, after, self.pipe.prompt_template_encode_start_idx)

    def _text(self, text: Text) -> dict[str, Any]:
        return {
            "encoder_hidden_states": text.embeds,
            "pooled_projections": text.embeds_2,
            "text_rope_pos": torch.arange(text.embeds.shape[1], device=text.embeds.device),
        }

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        pipe, settings, latents = self.pipe, self.settings, latents.to(self._dtype)
        frames, rows, columns = latents.shape[1:4]
        _, high, wide = self.units.token
        if pipe.transformer.visual_cond:
            nothing = torch.zeros_like(latents)
            latents = torch.cat([latents, nothing, nothing[..., :1]], dim=-1)
        return {
            "hidden_states": latents,
            "timestep": timestep.to(self._dtype),
            "visual_rope_pos": [
                torch.arange(length, device=latents.device) for length in (frames, rows // high, columns // wide)
            ],
            "scale_factor": pipe._get_scale_factor(settings.height, settings.width),
        }

    def _decode(self, latents: Tensor) -> Tensor:
        vae = self.pipe.vae
        latents = latents.to(vae.dtype).permute(0, 4, 1, 2, 3)
        video: Tensor = vae.decode(latents / vae.config.scaling_factor).sample
        return video
