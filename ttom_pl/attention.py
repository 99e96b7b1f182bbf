"""Attention probabilities of chosen text tokens, without holding the whole attention matrix."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


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


def object_attention(
    query: Tensor, key: Tensor, weights: Tensor, chunk_size: int = 1024, bias: Tensor | None = None
) -> Tensor:
    """Return how much each query attends to each object: softmax over **all** keys, mean over heads and tokens.

    The queries are taken in chunks that are recomputed in the backward pass, so that memory grows with
    ``chunk_size`` × heads × L and not with S × heads × L.

    Args:
        query: shape (B, S, heads, D).
        key: shape (B, L, heads, D).
        weights: token weights of the objects, shape (L, M), see :func:`token_weights`.
        chunk_size: queries at a time.
        bias: added to the logits, shape (B, 1, L), or with a row for each query (B, S, L).

    Returns:
        float32 attention of shape (B, M, S).
    """
    chunks = query.split(chunk_size, dim=1)
    if len(chunks) == 1:
        return _attend(query, key, weights, bias)
    biases = [bias] * len(chunks) if bias is None or bias.shape[1] == 1 else bias.split(chunk_size, dim=1)
    parts = [
        checkpoint(_attend, chunk, key, weights, own, use_reentrant=False)
        for chunk, own in zip(chunks, biases, strict=True)
    ]
    return torch.cat(parts, dim=-1)


def _attend(query: Tensor, key: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    # In float32 also for weights of lower precision: the exponential would make much of a rounded logit.
    logits = torch.einsum("bshd,blhd->bhsl", query.float() * query.shape[-1] ** -0.5, key.float())
    if bias is not None:
        logits = logits + bias[:, None].float()
    return torch.einsum("bsl,lm->bms", logits.softmax(-1).mean(1), weights)
