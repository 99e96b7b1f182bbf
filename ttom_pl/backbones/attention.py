"""Attention probabilities of chosen text tokens, at the price of the model's own attention call."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def token_weights(objects: Sequence[Sequence[int]], num_tokens: int, device: torch.device | None = None) -> Tensor:
    """Return the matrix that averages token columns to objects, shape (num_tokens, M).

    Args:
        objects: for each of M objects the positions of its tokens.
        num_tokens: length of the text.
        device: where to put it.
    """
    weights = torch.zeros(num_tokens, len(objects), device=device)
    for column, positions in enumerate(objects):
        weights[list(positions), column] = 1 / len(positions)
    return weights


def object_attention(query: Tensor, key: Tensor, weights: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return how much each query attends to each object: softmax over **all** keys, mean over heads and tokens.

    Attention is linear in its values, softmax(QKᵀ/√D)·V, so with the token weights as values its output is the
    attention to the objects: one call of PyTorch's fused attention, forward and backward, with no matrix of
    probabilities. Values are as wide as a head, so that every kernel takes them; further objects take further calls.

    In bfloat16 the softmax itself is in float32, its output is rounded: errors, against float64, are of the size of
    that rounding, which the model's own attention shares.

    Args:
        query: shape (B, S, heads, D).
        key: shape (B, L, heads, D).
        weights: token weights of the objects, shape (L, M), see :func:`token_weights`.
        bias: added to the logits, shape (B, 1, L), or with a row for each query (B, S, L).

    Returns:
        float32 attention of shape (B, M, S).
    """
    width = query.shape[-1]
    query, key = query.transpose(1, 2), key.transpose(1, 2)
    mask = None if bias is None else bias[:, None].to(query.dtype)
    # Scaled to a greatest weight of one, and back in float32: a third is not to be rounded to bfloat16.
    scale = weights.amax(0).clamp_min(torch.finfo(weights.dtype).tiny)
    parts = []
    for columns in (weights / scale).split(width, dim=1):
        values = F.pad(columns, (0, width - columns.shape[1])).to(query.dtype).expand(*key.shape[:2], -1, -1)
        read = F.scaled_dot_product_attention(query, key, values, attn_mask=mask)
        parts.append(read[..., : columns.shape[1]].float().mean(1))
    return (torch.cat(parts, dim=-1) * scale).mT
