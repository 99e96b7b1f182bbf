"""Attention to objects against the full softmax in float64."""

import pytest
import torch
from torch import Tensor

from ttom_pl.attention import object_attention, token_weights

OBJECTS = [[1], [2, 5, 6]]


def full_attention(query: Tensor, key: Tensor, objects: list[list[int]]) -> Tensor:
    """Softmax over all keys, held whole; mean over heads, then over the object's tokens: (B, M, S)."""
    query, key = query.double().transpose(1, 2), key.double().transpose(1, 2)
    probabilities = torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, dim=-1).mean(1)
    return torch.stack([probabilities[:, :, positions].mean(-1) for positions in objects], dim=1)


@pytest.fixture
def query_and_key() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 37, 3, 8, generator=generator) * 3
    key = torch.randn(2, 11, 3, 8, generator=generator)
    return query.requires_grad_(), key.requires_grad_()


@pytest.mark.parametrize("chunk_size", [1, 8, 36, 37, 1000])
def test_values_and_gradients_equal_those_of_full_attention(
    query_and_key: tuple[Tensor, Tensor], chunk_size: int
) -> None:
    query, key = query_and_key
    expected = full_attention(query, key, OBJECTS)
    weights = token_weights(OBJECTS, 11)
    got = object_attention(query, key, weights, chunk_size)
    assert got.shape == (2, 2, 37)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-7)

    upstream = torch.randn(got.shape, generator=torch.Generator().manual_seed(1))
    expected_gradients = torch.autograd.grad((expected * upstream).sum(), query_and_key)
    gradients = torch.autograd.grad((got * upstream).sum(), query_and_key)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 37])
@pytest.mark.parametrize("chunk_size", [8, 1000])
def test_bias_for_all_queries_or_for_each(query_and_key: tuple[Tensor, Tensor], rows: int, chunk_size: int) -> None:
    query, key = query_and_key
    bias = torch.randn(2, rows, 11, generator=torch.Generator().manual_seed(2))
    logits = torch.einsum("bshd,blhd->bhsl", query, key) / 8**0.5 + bias[:, None]
    expected = torch.stack([logits.softmax(-1).mean(1)[..., positions].mean(-1) for positions in OBJECTS], 1)
    got = object_attention(query, key, token_weights(OBJECTS, 11), chunk_size, bias)
    torch.testing.assert_close(got, expected)


def test_all_tokens_together_sum_to_one(query_and_key: tuple[Tensor, Tensor]) -> None:
    """The probabilities are over all text tokens, not over the objects' alone."""
    attention = object_attention(*query_and_key, token_weights([[i] for i in range(11)], 11), 10)
    torch.testing.assert_close(attention.sum(1), torch.ones(2, 37))


def test_half_precision_is_summed_in_float32(query_and_key: tuple[Tensor, Tensor]) -> None:
    query, key = (each.detach().bfloat16() for each in query_and_key)
    got = object_attention(query, key, token_weights(OBJECTS, 11), 16)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), full_attention(query, key, OBJECTS), rtol=1e-5, atol=1e-7)


def test_token_weights_are_means() -> None:
    weights = token_weights(OBJECTS, 7)
    assert weights[1, 0] == 1
    assert weights.sum(0).tolist() == pytest.approx([1, 1])
    assert weights[:, 1].tolist() == pytest.approx([0, 0, 1 / 3, 0, 0, 1 / 3, 1 / 3])
