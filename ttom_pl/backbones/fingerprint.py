"""Telling one model's weights from another's."""

import hashlib
import json

import torch
from diffusers import ModelMixin


def fingerprint(model: ModelMixin, name: str) -> str:
    """Return ``name`` and a SHA-256 over a model's config and a sample of every weight; adapters do not count."""
    config = {k: v for k, v in model.config.items() if not k.startswith("_")}
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
    for key, weight in sorted(model.state_dict().items()):
        if "lora_" in key:
            continue
        flat = weight.flatten()
        sample = flat[torch.linspace(0, flat.numel() - 1, 16, device=flat.device).long()].float().cpu()
        digest.update(f"{key.replace('.base_layer', '')} {tuple(weight.shape)}".encode() + sample.numpy().tobytes())
    return f"{name}-{digest.hexdigest()[:16]}"
