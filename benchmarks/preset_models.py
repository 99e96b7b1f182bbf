"""The presets' models from their published dimensions with random weights: nothing is downloaded.

On the meta device they have shapes without memory, so that a 14B model needs no gigabyte; on a card they are real.
Two scaled ones, of the same classes and depth but narrow, run on a CPU; a tiny one of each preset, of few blocks and
pixels, takes seconds there.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from diffusers import ModelMixin
from preset_parts import FAMILIES, Family
from torch import nn

from ttom_pl import backbones
from ttom_pl.backbones.pipeline import PipelineBackbone

ROOT = Path(__file__).parent.parent
META = torch.device("meta")


XXL = {
    "d_model": 4096,
    "d_kv": 64,
    "num_heads": 64,
    "d_ff": 10240,
    "num_layers": 24,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}
"""The encoder of T5 v1.1 XXL; UMT5-XXL is the same with more words."""


@dataclass(frozen=True)
class Model:
    """A model that can be built.

    Attributes:
        preset: name of the config whose ``model`` section it takes.
        transformer: dimensions of its transformer, where they differ from diffusers' defaults.
        backbone: backbone arguments other than the preset's.
        vae: dimensions of its VAE, where they differ from diffusers' defaults.
        second: whether it has a second transformer.
        encoder: dimensions of its text encoder.
    """

    preset: str
    transformer: dict[str, Any]
    backbone: dict[str, Any] = field(default_factory=dict)
    vae: dict[str, Any] = field(default_factory=dict)
    second: bool = False
    encoder: dict[str, Any] = field(default_factory=lambda: XXL)

    @property
    def card(self) -> int:
        """Gigabytes of the card that the head of the preset names."""
        text = (ROOT / "configs" / f"{self.preset}.yaml").read_text(encoding="utf-8")
        found = re.search(r"card of (\d+) GB", text.partition("\nseed_everything")[0].replace("\n# ", " "))
        assert found, f"the head of {self.preset}.yaml names no card"
        return int(found[1])

    @property
    def family(self) -> Family:
        """How its parts are made."""
        return FAMILIES[self.section["backbone"]["class_path"]]

    @property
    def section(self) -> dict[str, Any]:
        """The ``model`` section of the preset."""
        config = yaml.safe_load((ROOT / "configs" / f"{self.preset}.yaml").read_text(encoding="utf-8"))
        section: dict[str, Any] = config["model"]
        return section


WAN = {"attention_head_dim": 128, "text_dim": 4096, "num_layers": 40, "num_attention_heads": 40, "ffn_dim": 13824}
COG = {"attention_head_dim": 64, "text_embed_dim": 4096, "num_layers": 30, "num_attention_heads": 30}
QWEN = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
}
"""The text model of Qwen2.5-VL 7B."""
LLAMA = {
    "vocab_size": 128320,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
}
"""The language model of LLaVA-Llama-3 8B."""
QWEN_VISION = {"hidden_size": 1280, "out_hidden_size": 3584, "intermediate_size": 3420, "depth": 32, "num_heads": 16}
"""The image model of Qwen2.5-VL 7B."""
KANDINSKY = {"in_visual_dim": 16, "out_visual_dim": 16, "model_dim": 1792, "ff_dim": 7168, "num_visual_blocks": 32}
COG_VAE = {"block_out_channels": (128, 256, 256, 512), "latent_channels": 16}
PRESETS = {
    "wan2.1-1.3b": Model("wan2.1-1.3b", WAN | {"num_layers": 30, "num_attention_heads": 12, "ffn_dim": 8960}),
    "wan2.1-14b": Model("wan2.1-14b", WAN),
    "wan2.2-a14b": Model("wan2.2-a14b", WAN, second=True),
    "skyreels-v2-14b": Model("skyreels-v2-14b", WAN),
    "cogvideox-2b": Model("cogvideox-2b", COG, vae=COG_VAE),
    "cogvideox-5b": Model(
        "cogvideox-5b",
        COG | {"num_attention_heads": 48, "num_layers": 42, "use_rotary_positional_embeddings": True},
        vae=COG_VAE,
    ),
    "kandinsky5-2b": Model("kandinsky5-2b", KANDINSKY, encoder=QWEN | {"vision_config": QWEN_VISION}),
    "mochi-10b": Model("mochi-10b", {}),
    "hunyuanvideo-13b": Model("hunyuanvideo-13b", {}, encoder=LLAMA),
    "hunyuanvideo1.5-480p": Model("hunyuanvideo1.5-480p", {}, encoder=QWEN),
}
"""The models of the presets, by the presets' names."""
SCALED = {
    "wan-scaled": Model(
        "wan2.1-1.3b",
        {"attention_head_dim": 64, "text_dim": 512, "num_layers": 30, "num_attention_heads": 4, "ffn_dim": 1496},
        {"height": 160, "width": 256, "num_frames": 25, "dtype": "float32"},
        {"base_dim": 4},
    ),
    "cogvideox-scaled": Model(
        "cogvideox-5b",
        {
            "attention_head_dim": 64,
            "text_embed_dim": 512,
            "num_layers": 30,
            "num_attention_heads": 4,
            "use_rotary_positional_embeddings": True,
        },
        {"height": 160, "width": 240, "num_frames": 9, "dtype": "float32"},
        {"block_out_channels": (8, 8, 8, 8), "latent_channels": 16, "norm_num_groups": 4},
    ),
}
"""Models for a CPU: the depth of the 1.3B model, of Wan's and CogVideoX's classes, with a sixth of its width."""


def tiny(model: Model) -> Model:
    """Return a preset's model with few blocks of two narrow heads, and few pixels: all else is the preset's."""
    kept = {key: value for key, value in model.transformer.items() if key.startswith("use_")}
    layers = model.family.blocks(max(model.section["loss_blocks"]) + 2)
    return replace(
        model,
        transformer=kept | layers | model.family.tiny_transformer,
        backbone={"height": 64, "width": 96, "num_frames": 13, "max_sequence_length": 24, "dtype": "float32"},
        vae=model.family.tiny_vae,
        encoder=model.encoder | model.family.tiny_encoder,
    )


TINY = {f"{name}-tiny": tiny(model) for name, model in PRESETS.items()}
MODELS = PRESETS | SCALED | TINY


def build(model: Model, device: torch.device, encoder: bool = False, **changes: Any) -> PipelineBackbone:
    """Build a model's backbone without a tokenizer.

    Args:
        model: what to build.
        device: where its weights are made.
        encoder: whether the text encoder is made too; else there is none, or for CogVideoX one of a single layer, which
            is there to be asked for its precision.
        **changes: backbone arguments other than the model's.
    """
    given = model.section["backbone"]
    cls = getattr(backbones, given["class_path"])

    class Built(cls):  # type: ignore[misc, valid-type]
        @classmethod
        def load(cls, pretrained: str, settings: backbones.Settings) -> Any:  # noqa: ARG003
            dtype = getattr(torch, settings.dtype)
            before = torch.get_default_dtype()
            torch.set_default_dtype(dtype)
            try:
                parts = model.family.make(model, device) | (
                    {"text_encoder": text_encoder(model, device)} if encoder else {}
                )
            finally:
                torch.set_default_dtype(before)
            for part in parts.values():
                if isinstance(part, nn.Module):
                    part.requires_grad_(False).eval()
                    _keep_in_float32(part)
            pipe = cls.pipeline_class(tokenizer=None, **parts)
            pipe.set_progress_bar_config(disable=True)
            return pipe

    arguments = given["init_args"] | model.backbone | changes
    if isinstance(arguments.get("placement"), dict):
        arguments["placement"] = backbones.Placement(**arguments["placement"])
    built: PipelineBackbone = Built(**arguments)
    return built


def text_encoder(model: Model, device: torch.device) -> nn.Module:
    """Make a model's text encoder with random weights, in PyTorch's default precision."""
    with device:
        made = model.family.encoder(model.encoder)
    return made.requires_grad_(False).eval()


def _keep_in_float32(module: nn.Module) -> None:
    """Hold in float32 what ``from_pretrained`` does."""
    kept = getattr(module, "_keep_in_fp32_modules", None) if isinstance(module, ModelMixin) else None
    for name, parameter in module.named_parameters():
        if any(each in name.split(".") for each in kept or ()):
            parameter.data = parameter.data.float()
