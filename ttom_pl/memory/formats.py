"""One adapter as other tools load it: diffusers, ComfyUI, PEFT."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor

from ttom_pl.io.whole_files import replacing_in, write_bytes
from ttom_pl.memory.entry import SHIFT, AdapterTensors, Entry, first_steps
from ttom_pl.memory.files import lora, lora_config

Format = Literal["diffusers", "comfyui", "peft"]

_NAME = re.compile(r"(?P<component>[^.]+)\.(?P<module>.+)\.lora_(?P<matrix>[AB])\.weight")
_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
_LAYERS = {"to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "o"}
_COMFYUI = {f"attn1.{name}": f"self_attn.{comfy_name}" for name, comfy_name in _LAYERS.items()}
_COMFYUI |= {f"attn2.{name}": f"cross_attn.{comfy_name}" for name, comfy_name in _LAYERS.items()}
_COMFYUI |= {"ffn.net.0.proj": "ffn.0", "ffn.net.2": "ffn.2"}
"""Layers of a block by diffusers' names, and by those of Wan's own code, which ComfyUI runs."""


def export_adapter(entry: Entry, adapter: AdapterTensors, path: Path | str, format: Format = "diffusers") -> Path:
    """Write the adapter of an entry for another tool.

    That it is meant for the first denoising steps only is in the file's metadata (``ttom_active_steps``); no tool heeds
    it by itself. A shift of the latents stays behind: no tool has a place for it.

    Args:
        entry: the entry.
        adapter: its adapter.
        path: a file for ``diffusers`` (``pipe.load_lora_weights``) and ``comfyui`` (any LoRA loader node), a folder for
            ``peft`` (``PeftModel.from_pretrained``); what is there is replaced.
        format: the tool.

    Returns:
        The path.

    Raises:
        ValueError: if the tool has no name for a tensor.
        OSError: if it cannot be written.
    """
    path, adapter = Path(path), lora(adapter)
    if format == "peft":
        data = safetensors.torch.save(_renamed(adapter, _peft_name), _notes(entry))
        with replacing_in(path) as unfinished:
            (unfinished / "adapter_config.json").write_text(json.dumps(_peft_config(entry), indent=2) + "\n")
            (unfinished / "adapter_model.safetensors").write_bytes(data)
        return path
    if format == "comfyui":
        tensors = _renamed(adapter, _comfyui_name)
        alphas = {f"{name.rsplit('.lora_', 1)[0]}.alpha": torch.tensor(entry.spec.alpha) for name in tensors}
        data = safetensors.torch.save(tensors | alphas, _notes(entry))
    else:
        config = lora_config(entry, adapter)
        metadata = _notes(entry) | ({"lora_adapter_metadata": json.dumps(config, sort_keys=True)} if config else {})
        data = safetensors.torch.save(adapter, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, data)
    return path


def check_names(entry: Entry, adapter: AdapterTensors) -> None:
    """Check that the tensors are LoRA matrices of the entry's specification, and its shift.

    Raises:
        ValueError: if one is not named, shaped or typed like one; the message says which.
    """
    pairs: dict[tuple[str, str], set[str]] = {}
    shift = tuple(adapter[SHIFT].shape) if SHIFT in adapter else ()
    if shift != entry.spec.shift:
        raise ValueError(f"its shift of the latents has the shape {shift}; the entry says {entry.spec.shift}")
    for name, tensor in lora(adapter).items():
        match = _NAME.fullmatch(name)
        if match is None or match["module"] not in entry.spec.target_modules:
            raise ValueError(f"tensor {name!r} is no LoRA matrix of a module that the entry says it adapts")
        if tensor.ndim != 2 or tensor.shape["AB".index(match["matrix"])] != entry.spec.rank:
            raise ValueError(
                f"tensor {name!r} has the shape {tuple(tensor.shape)}; its entry has rank {entry.spec.rank}"
            )
        if tensor.dtype not in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
            raise ValueError(f"tensor {name!r} is {tensor.dtype}; LoRA matrices are floating-point")
        pairs.setdefault((match["component"], match["module"]), set()).add(match["matrix"])
    if sorted(module for _, module in pairs) != sorted(set(entry.spec.target_modules)):
        raise ValueError("its tensors are not those of all modules that the entry says it adapts, in one transformer")
    for (_, module), matrices in pairs.items():
        if matrices != {"A", "B"}:
            raise ValueError(f"module {module!r} has only the LoRA matrix {min(matrices)} of A and B")


def block_norms(entry: Entry, adapter: AdapterTensors) -> dict[str, float]:
    """Return how much the adapter changes each layer: the Frobenius norm of (alpha / rank) · B·A, by module."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in adapter.items():
        match = _NAME.fullmatch(name)
        if match is not None:
            parts.setdefault(match["module"], {})[match["matrix"]] = tensor.double()
    scale = entry.spec.alpha / entry.spec.rank
    norms = {}
    for module, ab in sorted(parts.items(), key=lambda part: _natural(part[0])):
        if len(ab) == 2:  # ‖BA‖² = tr(BᵀB · AAᵀ), without making the large product
            square = ((ab["B"].T @ ab["B"]) * (ab["A"] @ ab["A"].T)).sum()
            norms[module] = scale * float(square.clamp_min(0).sqrt())
    return norms


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sort key after which block 10 comes after block 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in name.split(".")]


def _renamed(adapter: AdapterTensors, rename: Callable[[str, str], str]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in adapter.items():
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(f"tensor {name!r} is no LoRA matrix; only diffusers may know what it is")
        renamed[rename(match["module"], match["matrix"])] = tensor
    return renamed


def _peft_name(module: str, matrix: str) -> str:
    return f"base_model.model.{module}.lora_{matrix}.weight"


def _comfyui_name(module: str, matrix: str) -> str:
    block = _BLOCK.fullmatch(module)
    if block is None or block[2] not in _COMFYUI:
        raise ValueError(f"ComfyUI's Wan loader has no name for {module!r}; export it for diffusers or PEFT")
    return f"diffusion_model.blocks.{block[1]}.{_COMFYUI[block[2]]}.lora_{matrix}.weight"


def _peft_config(entry: Entry) -> Mapping[str, object]:
    return {
        "peft_type": "LORA",
        "r": entry.spec.rank,
        "lora_alpha": entry.spec.alpha,
        "target_modules": list(entry.spec.target_modules),
        "bias": "none",
        "inference_mode": True,
        "base_model_name_or_path": None,
    }


def _notes(entry: Entry) -> dict[str, str]:
    steps = entry.spec.active_steps
    return {
        "format": "pt",
        "ttom_active_steps": str(steps),
        "ttom_note": f"learnt for {first_steps(steps)}: switch it off, or to strength 0, after them",
        "ttom_entry_id": entry.id,
        "ttom_key": entry.key_text,
        "ttom_prompt": entry.prompt,
        "ttom_backbone": entry.fingerprint,
    }


__all__ = ["Format", "block_norms", "check_names", "export_adapter"]
