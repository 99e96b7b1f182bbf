"""HunyuanVideo, text to video."""

from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from diffusers import DiffusionPipeline, HunyuanVideoPipeline
from torch import Tensor

from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.hunyuan_family import HunyuanFamily
from ttom_pl.backbones.parts import Blocks
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.tokens import Template
from ttom_pl.io.ranges import check_range
from ttom_pl.scene import Conditioning


@dataclass(frozen=True, kw_only=True)
class HunyuanVideoSettings(Settings):
    """Settings of HunyuanVideo.

    Attributes:
        guidance_scale: scale of guidance that the model was distilled to follow: it is told the number, in one pass.
        true_cfg_scale: scale of classifier-free guidance on top of that, by a second pass with the negative prompt; off
            at 1 and below.
    """

    height: int = 720
    width: int = 1280
    num_frames: int = 129
    guidance_scale: float = 6.0
    true_cfg_scale: float = 1.0
    max_sequence_length: int = 256
    fps: int = 24

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("true_cfg_scale", self.true_cfg_scale, least=0, meaning="guidance by a second pass is off at 1")


class HunyuanVideoBackbone(HunyuanFamily):
    """A frozen ``HunyuanVideoPipeline``: blocks of two streams, then of one; text by a language model and by CLIP.

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed.

    Args:
        pretrained: a ``HunyuanVideoPipeline``, its folder, or the id of one on the Hugging Face hub.
        **settings: the fields of :class:`HunyuanVideoSettings`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size.
    """

    pipeline_class = HunyuanVideoPipeline
    name = "hunyuanvideo"
    blocks = Blocks(("transformer_blocks", "single_transformer_blocks"))
    settings: HunyuanVideoSettings

    def __init__(self, pretrained: str | DiffusionPipeline, **settings: Any) -> None:
        super().__init__(pretrained, HunyuanVideoSettings(**settings))

    def _check(self) -> None:
        super()._check()
        side = getattr(self.pipe.tokenizer, "padding_side", "right")
        if side != "right":
            raise ValueError(
                f"the tokenizer pads the {side} of a text, and the transformer masks what is on the right; set "
                "padding_side of the pipeline's tokenizer to 'right'"
            )

    def _encode(self, prompt: str, device: torch.device) -> Conditioning:
        def encoded(text: str) -> tuple[Tensor, ...]:
            length = self.settings.max_sequence_length
            embeddings = self.pipe.encode_prompt(prompt=text, device=device, max_sequence_length=length)
            return tuple(tensor.to(self._dtype) for tensor in embeddings)

        embeds, pooled, mask = encoded(prompt)
        if self.settings.true_cfg_scale <= 1:
            return Conditioning(embeds, None, mask, None, pooled)
        negative, negative_pooled, negative_mask = encoded(self.settings.negative_prompt)
        return Conditioning(embeds, negative, mask, negative_mask, pooled, negative_prompt_embeds_2=negative_pooled)

    def _template(self) -> Template:
        template = signature(self.pipe.encode_prompt).parameters["prompt_template"].default
        before, _, after = template["template"].partition("{}")
        return Template(before, after, template["crop_start"])

    def _text(self, text: Text) -> dict[str, Any]:
        return {
            "encoder_hidden_states": text.embeds,
            "encoder_attention_mask": text.mask,
            "pooled_projections": text.embeds_2,
        }

    def _scale(self, index: int) -> float:
        return self.settings.true_cfg_scale

    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        scale = torch.tensor([self.settings.guidance_scale] * len(latents), dtype=self._dtype, device=latents.device)
        return {
            "hidden_states": latents.to(self._dtype),
            "timestep": timestep.to(latents.dtype),
            "guidance": scale * 1000.0,
        }
