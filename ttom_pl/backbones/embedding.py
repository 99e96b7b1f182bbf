"""Texts as vectors, by a model's own text encoder."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@torch.no_grad()
def mean_embeddings(tokenizer: Any, text_encoder: Any, texts: Sequence[str], device: torch.device) -> Tensor:
    """Return the mean of the token embeddings of texts, normalised, float32 on the CPU, shape (N, D)."""
    encoded = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(device)
    inner = text_encoder.base_model  # without the head of a language model
    hidden = inner(encoded.input_ids, encoded.attention_mask).last_hidden_state.float()
    mask = encoded.attention_mask.unsqueeze(-1)
    return F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).cpu()
