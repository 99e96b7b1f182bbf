"""Every kind of pipeline with its backbone, and what both are called with."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hunyuan
import kandinsky
import mochi
import pipelines
import torch
from PIL import Image
from torch import Tensor

from ttom_pl.backbones import (
    CogVideoXBackbone,
    HunyuanVideo15Backbone,
    HunyuanVideoBackbone,
    Kandinsky5Backbone,
    LTXBackbone,
    MochiBackbone,
    SkyReelsBackbone,
    WanBackbone,
    WanImageBackbone,
)
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.scene import Conditioning

PROMPT = "a red circle moves left and a blue square moves up"
OBJECTS = [[2], [8]]
"""Tokens of the circle and the square."""

WAN = {"height": 32, "width": 48, "num_frames": 5, "max_sequence_length": 24, "guidance_scale": 4.0}
COG = {"height": 64, "width": 64, "num_frames": 9, "max_sequence_length": 24, "guidance_scale": 6.0}
HUNYUAN_15 = {"height": 32, "width": 32, "num_frames": 5, "max_sequence_length": 24, "guidance_scale": 4.0}
HUNYUAN = {"height": 32, "width": 48, "num_frames": 5, "max_sequence_length": 24, "guidance_scale": 4.0}
KANDINSKY = {"height": 32, "width": 48, "num_frames": 5, "max_sequence_length": 24, "guidance_scale": 4.0}
MOCHI = {"height": 32, "width": 48, "num_frames": 7, "max_sequence_length": 24, "guidance_scale": 4.0}
LTX = {"height": 32, "width": 32, "num_frames": 9, "max_sequence_length": 24, "guidance_scale": 3.0}


@dataclass(frozen=True)
class Kind:
    """A kind of pipeline: what makes it, its backbone, what both are called with, and what only the pipeline is."""

    make: Callable[[], Any]
    backbone: type[PipelineBackbone]
    settings: dict[str, Any]
    pipe_only: tuple[tuple[str, Any], ...] = ()
    prepared: Callable[[Any, dict[str, Any]], dict[str, Any]] = lambda _, given: given
    """Sets on the pipeline what it takes no argument for, and returns the other arguments."""


def by_attributes(pipe: Any, given: dict[str, Any]) -> dict[str, Any]:
    """HunyuanVideo 1.5: guidance is a part of the pipeline, the length of the text an attribute."""
    given = dict(given)
    pipe.guider = pipe.guider.new(guidance_scale=given.pop("guidance_scale"))
    pipe.tokenizer_max_length = given.pop("max_sequence_length")
    return given


def frozen(pipe: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Mochi: PyTorch multiplies by weights that want a gradient, as a LoRA's do in diffusers, in another order.

    It does so where the batch is no one block of memory, as behind Mochi's attention; TTO freezes the LoRAs of others.
    """
    pipe.transformer.requires_grad_(False)
    return given


KINDS = {
    "wan": Kind(pipelines.wan, WanBackbone, WAN),
    "wan-euler": Kind(pipelines.wan_euler, WanBackbone, WAN),
    "wan2.2": Kind(pipelines.wan22, WanBackbone, WAN | {"guidance_scale_2": 2.5}),
    "wan2.2-euler": Kind(pipelines.wan22_euler, WanBackbone, WAN | {"guidance_scale_2": 2.5}),
    "wan2.2-ti2v": Kind(pipelines.wan_ti2v, WanBackbone, WAN),
    # Wan 2.1 I2V takes all but the last 512 tokens for the image's.
    "wan-i2v": Kind(pipelines.wan_image, WanImageBackbone, WAN | {"max_sequence_length": 512}),
    "wan2.2-i2v": Kind(pipelines.wan22_image, WanImageBackbone, WAN | {"guidance_scale_2": 2.5}),
    "wan2.2-ti2v-image": Kind(pipelines.wan_ti2v_image, WanImageBackbone, WAN),
    "skyreels-v2": Kind(pipelines.skyreels, SkyReelsBackbone, WAN),
    "cogvideox-ddim": Kind(pipelines.cogvideox, CogVideoXBackbone, COG),
    "cogvideox-dpm-rotary": Kind(pipelines.cogvideox_5b, CogVideoXBackbone, COG | {"use_dynamic_cfg": True}),
    "cogvideox-learned": Kind(pipelines.cogvideox_learned, CogVideoXBackbone, COG),
    "cogvideox1.5": Kind(pipelines.cogvideox_15, CogVideoXBackbone, COG),
    "hunyuan1.5": Kind(hunyuan.hunyuan15, HunyuanVideo15Backbone, HUNYUAN_15, prepared=by_attributes),
    "hunyuan": Kind(hunyuan.hunyuan, HunyuanVideoBackbone, HUNYUAN),
    "hunyuan-true-cfg": Kind(
        hunyuan.hunyuan, HunyuanVideoBackbone, HUNYUAN | {"true_cfg_scale": 2.0, "negative_prompt": ""}
    ),
    "kandinsky5": Kind(kandinsky.kandinsky, Kandinsky5Backbone, KANDINSKY),
    "kandinsky5-plain": Kind(kandinsky.kandinsky_plain, Kandinsky5Backbone, KANDINSKY),
    "mochi": Kind(mochi.mochi, MochiBackbone, MOCHI, prepared=frozen),
    "ltx": Kind(pipelines.ltx, LTXBackbone, LTX, (("frame_rate", 25),)),
    "ltx-timestep-vae": Kind(pipelines.ltx_noisy, LTXBackbone, LTX | {"decode_timestep": 0.05}, (("frame_rate", 25),)),
}


@dataclass
class Case:
    """A backbone, and its pipeline as users call it."""

    name: str
    folder: Path
    image: Path | None

    def load(self, **changes: Any) -> PipelineBackbone:
        kind = KINDS[self.name]
        settings = {"pretrained": str(self.folder), "num_inference_steps": 4, **kind.settings, **changes}
        return kind.backbone(**settings)

    def pipeline(self, dtype: torch.dtype = torch.float32) -> Any:
        """The pipeline as its users load it: Wan's VAE in float32, whatever the rest."""
        cls = KINDS[self.name].backbone
        vae = torch.float32 if cls.float32_vae else dtype
        pipe = cls.pipeline_class.from_pretrained(self.folder, dtype={"default": dtype, "vae": vae})
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def by_pipeline(self, prompt: str, seed: int, pipe: Any = None, **changes: Any) -> Tensor:
        """The video of a pipeline; of the one in the folder when not given."""
        kind, pipe = KINDS[self.name], pipe or self.pipeline()
        given = {"num_inference_steps": 4, **kind.settings, **dict(kind.pipe_only), **changes}
        if self.image:
            given["image"] = Image.open(self.image).convert("RGB")
        given = {"generator": torch.Generator().manual_seed(seed)} | given
        return pipe(prompt=prompt, output_type="pt", **kind.prepared(pipe, given)).frames[0]

    def begin(self, backbone: PipelineBackbone, prompt: str = PROMPT, seed: int = 0) -> tuple[Tensor, Conditioning]:
        return backbone.start(seed), backbone.encode(prompt, self.image)

    def by_parts(self, backbone: PipelineBackbone, prompt: str, seed: int) -> Tensor:
        latents, conditioning = self.begin(backbone, prompt, seed)
        for step in range(backbone.num_steps):
            latents = backbone.step(latents, step, conditioning)
        return backbone.decode(latents)


def make_case(name: str, folder_of: Callable[[str], Path], picture: Path) -> Case:
    return Case(name, folder_of(name), picture if KINDS[name].backbone is WanImageBackbone else None)
