"""LoRA files of other tools, read as an adapter of ours: what diffusers, PEFT, ComfyUI and its trainers write."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ttom_pl.memory.comfyui import WAN_LAYERS

_MATRIX = re.compile(r"(.+)\.(lora_A|lora_down|lora\.down|lora_B|lora_up|lora\.up)(?:\.\w+)?\.weight")
_PREFIXES = ("base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.", "unet.", "lora_unet_")
_THEIRS = {theirs: ours for ours, theirs in WAN_LAYERS.items()}
_FLAT = {theirs.replace(".", "_"): ours for ours, theirs in WAN_LAYERS.items()}
_BLOCK, _FLAT_BLOCK = re.compile(r"(blocks\.\d+)\.(.+)"), re.compile(r"blocks_(\d+)_(.+)")
_WEIGHTS, _CONFIG = "adapter_model.safetensors", "adapter_config.json"
_FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class LoraLayer:
    """What a LoRA adds to a linear layer: scale · up · down.

    Attributes:
        down: A, shape (rank, in).
        up: B, shape (out, rank).
        scale: alpha / rank.
    """

    down: Tensor
    up: Tensor
    scale: float


def read_lora(path: Path | str) -> dict[str, LoraLayer]:
    """Read a LoRA by diffusers' names of the layers, e.g. ``blocks.3.attn2.to_q``.

    Args:
        path: a ``.safetensors`` file with names of diffusers (``transformer.blocks.3.attn2.to_q.lora_A.weight``), of
            ComfyUI (``diffusion_model.blocks.3.cross_attn.q.lora_down.weight``) or of Wan's trainers
            (``lora_unet_blocks_3_cross_attn_q.lora_down.weight``), with or without ``.alpha``; or a folder of PEFT's.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the file cannot be read, or holds anything but a LoRA of one transformer's linear layers.
    """
    path = Path(path)
    file = path / _WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {str(file)!r}; give a .safetensors file, or a folder of PEFT's")
    try:
        with safe_open(file, "pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            notes = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{str(file)!r} cannot be read as a .safetensors file: {error}") from error
    alphas = {_module(name[:-6], file): float(tensors.pop(name)) for name in list(tensors) if name.endswith(".alpha")}
    parts: dict[str, dict[bool, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _MATRIX.fullmatch(name)
        if match is None or tensor.ndim != 2 or tensor.dtype not in _FLOATS:
            raise ValueError(
                f"the tensor {name!r} of {str(file)!r} is no LoRA matrix of a linear layer; only plain LoRAs can be "
                "taken over, without biases, DoRA or convolutions"
            )
        down = match[2] in ("lora_A", "lora_down", "lora.down")
        parts.setdefault(_module(match[1], file), {})[down] = tensor.float()
    if not parts:
        raise ValueError(f"{str(file)!r} holds no LoRA")
    usual, scales = _scales(path, notes), {}
    for module, pair in parts.items():
        if len(pair) != 2 or pair[True].shape[0] != pair[False].shape[1]:
            raise ValueError(f"the matrices of {module!r} in {str(file)!r} are no pair of shapes (r, in) and (out, r)")
        rank = pair[True].shape[0]
        scales[module] = alphas[module] / rank if module in alphas else usual
    return {module: LoraLayer(pair[True], pair[False], scales[module]) for module, pair in parts.items()}


def as_adapter(
    lora: Mapping[str, LoraLayer], neutral: Mapping[str, Tensor], rank: int, alpha: float
) -> dict[str, Tensor]:
    """Return an adapter of a rehearsal that does what a LoRA does: exactly, up to the rounding of a scale.

    Layers that the LoRA leaves alone stay neutral, and so do ranks that it has not; both can be optimised further.

    Args:
        lora: the LoRA.
        neutral: the adapter's parameters when it changes nothing.
        rank: of the adapter.
        alpha: of the adapter.

    Raises:
        ValueError: if the adapter has no place for a layer, or its rank is too small.
    """
    adapter = {name: tensor.clone() for name, tensor in neutral.items()}
    known = {name.removesuffix(".lora_A.weight").split(".", 1)[1]: name for name in neutral if ".lora_A." in name}
    strange = [module for module in lora if module not in known]
    if strange:
        raise ValueError(
            f"the LoRA changes {len(strange)} layers that the rehearsal does not adapt, such as {strange[0]!r}, of "
            f"{len(lora)}; it adapts {len(known)}, from {min(known)!r}: those of the probed attention in blocks up to "
            "the last of loss_blocks. Such a LoRA belongs into the model (loras), or under later loss_blocks"
        )
    for module, layer in lora.items():
        down = known[module]
        up, its_rank = down.replace(".lora_A.", ".lora_B."), layer.down.shape[0]
        if its_rank > rank:
            raise ValueError(
                f"the LoRA has rank {its_rank} in {module!r}, the rehearsal's {rank}; set rank to {its_rank}"
            )
        if layer.down.shape[1] != adapter[down].shape[1] or layer.up.shape[0] != adapter[up].shape[0]:
            raise ValueError(
                f"the LoRA's {module!r} is {layer.down.shape[1]} to {layer.up.shape[0]} wide, the model's "
                f"{adapter[down].shape[1]} to {adapter[up].shape[0]}; is it of another model?"
            )
        adapter[down][:its_rank] = layer.down.to(adapter[down])
        adapter[up].zero_()
        adapter[up][:, :its_rank] = (layer.up * (layer.scale / (alpha / rank))).to(adapter[up])
    return adapter


def _module(name: str, file: Path) -> str:
    """Return diffusers' name of a layer, of whatever tool's."""
    if name.startswith("transformer_2."):
        raise ValueError(f"{str(file)!r} is of the second expert ({name!r}); TTO adapts the first, of the noisy steps")
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    block, flat = _BLOCK.fullmatch(name), _FLAT_BLOCK.fullmatch(name)
    if block is not None and block[2] in _THEIRS:
        return f"{block[1]}.{_THEIRS[block[2]]}"
    if flat is not None and flat[2] in _FLAT:
        return f"blocks.{flat[1]}.{_FLAT[flat[2]]}"
    return name


def _scales(path: Path, notes: Mapping[str, str]) -> float:
    """Return alpha / rank of layers that have no alpha of their own, from what PEFT and diffusers keep beside them."""
    try:
        if path.is_dir():
            config = json.loads((path / _CONFIG).read_text(encoding="utf-8"))
        else:
            known = json.loads(notes.get("lora_adapter_metadata", "{}"))
            config = {name.split(".", 1)[-1]: value for name, value in known.items()}
        if (
            config.get("alpha_pattern")
            or config.get("rank_pattern")
            or config.get("use_rslora")
            or config.get("use_dora")
        ):
            raise ValueError("its layers differ in rank or alpha, or it is no plain LoRA")
        return float(config["lora_alpha"]) / float(config["r"]) if "r" in config else 1.0
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError) as error:
        raise ValueError(f"the configuration of the LoRA {str(path)!r} cannot be used: {error}") from error


__all__ = ["LoraLayer", "as_adapter", "read_lora"]
