"""Of what a family of models is made: parts of the real classes with random weights, by the name of their backbone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLMochi,
    AutoencoderKLWan,
    ClassifierFreeGuidance,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Transformer3DModel,
    HunyuanVideoTransformer3DModel,
    Kandinsky5Transformer3DModel,
    MochiTransformer3DModel,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanTransformer3DModel,
)
from torch import nn
from transformers import (
    LlamaConfig,
    LlamaModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.scene import Conditioning

Draw = Callable[..., torch.Tensor]
"""Makes a tensor of sizes that it is called with."""


@dataclass(frozen=True)
class Family:
    """How the parts of a family are made.

    Attributes:
        make: makes all parts but the text encoder of a ``preset_models.Model`` on a device.
        encoder: makes the text encoder from its dimensions.
        tiny_transformer: dimensions of a transformer of two narrow heads.
        tiny_vae: dimensions of a VAE of few channels.
        conditioning: makes what stands for an encoded prompt and negative prompt.
        tiny_encoder: dimensions of a small text encoder.
        depth: names of the numbers of blocks, one for each list of them.
    """

    make: Callable[[Any, torch.device], dict[str, Any]]
    encoder: Callable[[dict[str, Any]], nn.Module]
    tiny_transformer: dict[str, Any]
    tiny_vae: dict[str, Any]
    conditioning: Callable[[PipelineBackbone, Draw], Conditioning]
    tiny_encoder: dict[str, Any]
    depth: tuple[str, ...] = ("num_layers",)

    def blocks(self, number: int) -> dict[str, int]:
        """Return what gives a transformer so many blocks in its first list, and one in each further list."""
        first, *others = self.depth
        return {first: number} | dict.fromkeys(others, 1)


def _wan(model: Any, device: torch.device, transformer: Any = WanTransformer3DModel) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "text_encoder": None,
        "scheduler": UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
    }
    with device:
        parts |= {"vae": AutoencoderKLWan(**model.vae).float(), "transformer": transformer(**model.transformer)}
        if model.second:
            parts |= {"transformer_2": transformer(**model.transformer), "boundary_ratio": 0.875}
    return parts


def _skyreels(model: Any, device: torch.device) -> dict[str, Any]:
    return _wan(model, device, SkyReelsV2Transformer3DModel)


def _cogvideox(model: Any, device: torch.device) -> dict[str, Any]:
    scheduler = CogVideoXDPMScheduler if model.preset == "cogvideox-5b" else CogVideoXDDIMScheduler
    schedule = scheduler(
        prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing", snr_shift_scale=1.0
    )
    with device:
        return {
            "text_encoder": T5EncoderModel(T5Config(num_layers=1)),
            "vae": AutoencoderKLCogVideoX(**model.vae),
            "scheduler": schedule,
            "transformer": CogVideoXTransformer3DModel(**model.transformer),
        }


def _hunyuan15(model: Any, device: torch.device) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "text_encoder": None,
        "text_encoder_2": None,
        "tokenizer_2": None,
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=5.0),
        "guider": ClassifierFreeGuidance(),
    }
    with device:
        parts["vae"] = AutoencoderKLHunyuanVideo15(**model.vae)
        parts["transformer"] = HunyuanVideo15Transformer3DModel(task_type="t2v", **model.transformer)
    return parts


def _hunyuan(model: Any, device: torch.device) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "text_encoder": None,
        "text_encoder_2": None,
        "tokenizer_2": None,
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
    }
    with device:
        parts["vae"] = AutoencoderKLHunyuanVideo(**model.vae)
        parts["transformer"] = HunyuanVideoTransformer3DModel(**model.transformer)
    return parts


def _kandinsky(model: Any, device: torch.device) -> dict[str, Any]:
    parts: dict[str, Any] = {
        "text_encoder": None,
        "text_encoder_2": None,
        "tokenizer_2": None,
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=5.0),
    }
    with device:
        parts["vae"] = AutoencoderKLHunyuanVideo(**model.vae)
        parts["transformer"] = Kandinsky5Transformer3DModel(visual_cond=True, **model.transformer)
    return parts


def _mochi(model: Any, device: torch.device) -> dict[str, Any]:
    with device:
        return {
            "text_encoder": T5EncoderModel(T5Config(num_layers=1)),
            "vae": AutoencoderKLMochi(**model.vae),
            "scheduler": FlowMatchEulerDiscreteScheduler(invert_sigmas=True),
            "transformer": MochiTransformer3DModel(**model.transformer),
        }


def _one_text(backbone: PipelineBackbone, draw: Draw) -> Conditioning:
    config = backbone.pipe.transformer.config
    size = (1, backbone.settings.max_sequence_length, config.get("text_dim") or config["text_embed_dim"])
    return Conditioning(draw(*size), draw(*size))


def _two_texts(backbone: PipelineBackbone, draw: Draw) -> Conditioning:
    """A prompt without padding, in which nothing is quoted."""
    config, length = backbone.pipe.transformer.config, backbone.settings.max_sequence_length
    text, glyphs = (1, length, config.text_embed_dim), (1, 256, config.text_embed_2_dim)
    mask, none = torch.ones_like(draw(1, length)), torch.zeros_like(draw(1, 256))
    return Conditioning(draw(*text), draw(*text), mask, mask, draw(*glyphs), none, draw(*glyphs), none)


def _text_and_pooled(backbone: PipelineBackbone, draw: Draw) -> Conditioning:
    """A prompt without padding, and no negative prompt: the model is told its guidance."""
    config, length = backbone.pipe.transformer.config, backbone.settings.max_sequence_length
    pooled = draw(1, config.pooled_projection_dim)
    return Conditioning(
        draw(1, length, config.text_embed_dim), None, torch.ones_like(draw(1, length)), prompt_embeds_2=pooled
    )


def _texts_and_pooled(backbone: PipelineBackbone, draw: Draw) -> Conditioning:
    """A prompt and a negative prompt as long as they may be."""
    config, length = backbone.pipe.transformer.config, backbone.settings.max_sequence_length
    (text, negative), pooled = (draw(1, length, config.in_text_dim) for _ in range(2)), draw(1, config.in_text_dim2)
    return Conditioning(text, negative, prompt_embeds_2=pooled, negative_prompt_embeds_2=pooled)


def _masked_text(backbone: PipelineBackbone, draw: Draw) -> Conditioning:
    """A prompt and a negative prompt without padding."""
    size = (1, backbone.settings.max_sequence_length, backbone.pipe.transformer.config.text_embed_dim)
    mask = torch.ones_like(draw(*size[:2])).bool()
    return Conditioning(draw(*size), draw(*size), mask, mask)


def _llama(dimensions: dict[str, Any]) -> nn.Module:
    made: nn.Module = LlamaModel(LlamaConfig(**dimensions))
    return made


def _qwen(dimensions: dict[str, Any]) -> nn.Module:
    made: nn.Module = Qwen2_5_VLTextModel(Qwen2_5_VLTextConfig(**dimensions))
    return made


class _QwenOfTextAndImages(Qwen2_5_VLForConditionalGeneration):  # type: ignore[misc]
    """All of it is loaded, and the layers for text alone run."""

    def forward(self, ids: torch.Tensor) -> Any:
        return self.model.language_model(ids)


def _qwen_with_images(dimensions: dict[str, Any]) -> nn.Module:
    vision = dimensions.get("vision_config", {})
    text = {key: value for key, value in dimensions.items() if key != "vision_config"}
    made: nn.Module = _QwenOfTextAndImages(Qwen2_5_VLConfig(text_config=text, vision_config=vision))
    return made


def _umt5(dimensions: dict[str, Any]) -> nn.Module:
    made: nn.Module = UMT5EncoderModel(UMT5Config(**{"vocab_size": 256384} | dimensions))
    return made


def _t5(dimensions: dict[str, Any]) -> nn.Module:
    made: nn.Module = T5EncoderModel(T5Config(**{"vocab_size": 32128} | dimensions))
    return made


_HEADS = {"num_attention_heads": 2}
_T5 = {"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 32, "num_layers": 1, "vocab_size": 4096}
_WAN = (_HEADS | {"attention_head_dim": 12, "text_dim": 32, "ffn_dim": 32}, {"base_dim": 4}, _one_text, _T5)
_HUNYUAN_VAE = {"block_out_channels": (8,) * 4, "layers_per_block": 1, "latent_channels": 4, "norm_num_groups": 4}
_LLAMA = {
    "vocab_size": 4096,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
_QWEN = _LLAMA | {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}}
FAMILIES = {
    "WanBackbone": Family(_wan, _umt5, *_WAN),
    "SkyReelsBackbone": Family(_skyreels, _umt5, *_WAN),
    "CogVideoXBackbone": Family(
        _cogvideox,
        _t5,
        _HEADS | {"attention_head_dim": 16, "text_embed_dim": 32, "max_text_seq_length": 24},
        {"block_out_channels": (4,) * 4, "latent_channels": 16, "norm_num_groups": 2},
        _one_text,
        _T5,
    ),
    "HunyuanVideoBackbone": Family(
        _hunyuan,
        _llama,
        _HEADS
        | {"attention_head_dim": 12, "text_embed_dim": 32, "rope_axes_dim": (4, 4, 4), "num_refiner_layers": 1}
        | {"in_channels": 4, "out_channels": 4, "num_single_layers": 1, "pooled_projection_dim": 8},
        _HUNYUAN_VAE,
        _text_and_pooled,
        _LLAMA,
        ("num_layers", "num_single_layers"),
    ),
    "Kandinsky5Backbone": Family(
        _kandinsky,
        _qwen_with_images,
        {"in_visual_dim": 4, "out_visual_dim": 4, "in_text_dim": 32, "in_text_dim2": 8, "time_dim": 16}
        | {"model_dim": 24, "ff_dim": 32, "axes_dims": (4, 4, 4), "num_text_blocks": 1},
        _HUNYUAN_VAE,
        _texts_and_pooled,
        _QWEN | {"vision_config": {"depth": 1, "hidden_size": 8, "intermediate_size": 16, "num_heads": 2}},
        ("num_visual_blocks",),
    ),
    "MochiBackbone": Family(
        _mochi,
        _t5,
        _HEADS | {"attention_head_dim": 12, "text_embed_dim": 32, "pooled_projection_dim": 16, "time_embed_dim": 8},
        {
            "encoder_block_out_channels": (32,) * 4,
            "decoder_block_out_channels": (32,) * 4,
            "layers_per_block": (1,) * 5,
        },
        _masked_text,
        _T5,
    ),
    "HunyuanVideo15Backbone": Family(
        _hunyuan15,
        _qwen,
        _HEADS
        | {"attention_head_dim": 12, "text_embed_dim": 32, "rope_axes_dim": (4, 4, 4), "num_refiner_layers": 1}
        | {"in_channels": 2 * 4 + 1, "out_channels": 4},
        {"block_out_channels": (8,) * 5, "layers_per_block": 1, "latent_channels": 4},
        _two_texts,
        _QWEN,
    ),
}
"""Families by the name of their backbone in a config."""
