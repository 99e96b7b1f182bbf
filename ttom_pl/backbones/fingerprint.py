"""Telling one model's weights from another's."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from diffusers import ModelMixin
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from ttom_pl.backbones.lora import ADAPTER, tuner_layers

_SAMPLES = 16


def fingerprint(model: ModelMixin, name: str, second: ModelMixin | None = None) -> str:
    """Return ``name`` and a SHA-256 over a model's config, a sample of every weight and the LoRAs that are on.

    The adapter that TTO optimises does not count. The same on every device.

    Args:
        model: the transformer.
        name: first part of the result.
        second: another transformer of the same pipeline, of which only the LoRAs count.
    """
    config = {k: v for k, v in model.config.items() if not k.startswith("_") and k != "quantization_config"}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for key, weight in sorted(_own_weights(model).items()):
        digest.update(f"{key} {tuple(weight.shape)}".encode() + _sample(weight))
    if model.config.get("quantization_config") is not None:
        digest.update(type(model.config["quantization_config"]).__name__.encode())
    for part, transformer in (("", model), ("second", second)):
        for lora in sorted(_loras(transformer)) if transformer is not None else ():
            digest.update(part.encode() + lora)
    return f"{name}-{digest.hexdigest()[:16]}"


def sample_indices(count: int) -> list[int]:
    """Return where of ``count`` elements a weight is sampled: evenly, first and last included.

    Places are rounded as by a linspace in float32 with fused multiply-add: fingerprints of small models have always
    been made so, and memories are found by them. Beyond 2²⁴ elements float32 has no longer all integers, and would
    end one past the last.
    """
    last, step = float(np.float32(count - 1)), float(np.float32(count - 1) / np.float32(_SAMPLES - 1))
    exact = (step * i if i < _SAMPLES // 2 else last - step * (_SAMPLES - 1 - i) for i in range(_SAMPLES))
    return [*[int(np.float32(place)) for place in exact][:-1], count - 1]


def _own_weights(model: ModelMixin) -> dict[str, Tensor]:
    """Return the weights by their names in a model without adapters."""
    adapters = tuple(f"{name}.{part}." for name, layer in tuner_layers(model) for part in layer.adapter_layer_names)
    weights = {key: weight for key, weight in model.state_dict().items() if not key.startswith(adapters)}
    return {key.replace(".base_layer", ""): weight for key, weight in weights.items() if isinstance(weight, Tensor)}


def _loras(model: ModelMixin) -> Iterator[bytes]:
    """Yield a digest for each adapter of the user that is on: of its weights and scales, whatever its name."""
    digests: dict[str, Any] = {}
    for name, layer in tuner_layers(model):
        for adapter in [] if layer.disable_adapters else layer.active_adapters:
            parts = [getattr(layer, part) for part in layer.adapter_layer_names]
            held = [part[adapter] for part in parts if adapter in part]
            if adapter == ADAPTER or not held:
                continue
            digest = digests.setdefault(adapter, hashlib.sha256())
            digest.update(f"{name.replace('.base_layer', '')} {layer.scaling[adapter]:.6g}".encode())
            for part in held:
                weights = part.state_dict().values() if isinstance(part, nn.Module) else [part]
                for weight in weights:
                    digest.update(str(tuple(weight.shape)).encode() + _sample(weight))
    for digest in digests.values():
        yield digest.digest()


def _sample(weight: Tensor) -> bytes:
    if is_traceable_wrapper_subclass(weight):  # quantised by torchao: its parts are not those of a plain tensor
        weight = weight.dequantize()
    flat = weight.detach().flatten()
    if not flat.numel():
        return b""
    values: bytes = flat[torch.tensor(sample_indices(flat.numel()), device=flat.device)].float().cpu().numpy().tobytes()
    return values


__all__ = ["fingerprint", "sample_indices"]
