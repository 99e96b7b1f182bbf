"""Attention to objects against the full softmax in float64."""

import statistics
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from ttom_pl.backbones.attention import object_attention, token_weights

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


def test_values_and_gradients_equal_those_of_full_attention(query_and_key: tuple[Tensor, Tensor]) -> None:
    query, key = query_and_key
    expected = full_attention(query, key, OBJECTS)
    weights = token_weights(OBJECTS, 11)
    got = object_attention(query, key, weights)
    assert got.shape == (2, 2, 37)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-7)

    upstream = torch.randn(got.shape, generator=torch.Generator().manual_seed(1))
    expected_gradients = torch.autograd.grad((expected * upstream).sum(), query_and_key)
    gradients = torch.autograd.grad((got * upstream).sum(), query_and_key)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 37])
def test_bias_for_all_queries_or_for_each(query_and_key: tuple[Tensor, Tensor], rows: int) -> None:
    query, key = query_and_key
    bias = torch.randn(2, rows, 11, generator=torch.Generator().manual_seed(2))
    logits = torch.einsum("bshd,blhd->bhsl", query, key) / 8**0.5 + bias[:, None]
    expected = torch.stack([logits.softmax(-1).mean(1)[..., positions].mean(-1) for positions in OBJECTS], 1)
    got = object_attention(query, key, token_weights(OBJECTS, 11), bias)
    torch.testing.assert_close(got, expected)


def test_all_tokens_together_sum_to_one(query_and_key: tuple[Tensor, Tensor]) -> None:
    """The probabilities are over all text tokens, not over the objects' alone; more objects than a head is wide."""
    attention = object_attention(*query_and_key, token_weights([[i] for i in range(11)], 11))
    torch.testing.assert_close(attention.sum(1), torch.ones(2, 37))


REAL = {"wan": (2000, 512, 4, 128), "cogvideox": (1500, 1726, 4, 64)}
"""Queries, keys, heads (fewer than the models have) and the real head width."""


@pytest.mark.parametrize(("dtype", "value", "gradient"), [("float32", 3e-6, 3e-6), ("bfloat16", 2e-3, 8e-3)])
@pytest.mark.parametrize("name", REAL)
def test_error_at_real_head_sizes(name: str, dtype: str, value: float, gradient: float) -> None:
    """Of values and gradients against float64, relative; in bfloat16 little more than that of rounding the results.

    Logits as sharp as those of trained models, which give some queries to an object nearly whole.
    """
    queries, keys, heads, width = REAL[name]
    generator = torch.Generator().manual_seed(0)
    shapes = ((1, queries, heads, width), (1, keys, heads, width))
    given = [
        (2 * torch.randn(shape, generator=generator)).to(getattr(torch, dtype)).requires_grad_() for shape in shapes
    ]
    exact = [each.detach().double().requires_grad_() for each in given]
    objects = [[2, 3, 7], [8]]
    upstream = torch.randn(1, 2, queries, generator=generator)
    got, expected = object_attention(*given, token_weights(objects, keys)), full_attention(*exact, objects)
    gradients = torch.autograd.grad((got * upstream).sum(), given)
    wanted = torch.autograd.grad((expected * upstream).sum(), exact)
    assert error(got, expected) < value
    for found, want in zip(gradients, wanted, strict=True):
        assert error(found, want) < gradient


linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peaks of memory are read from Linux")


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/attention.py``, on the threads that the tests have."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import attention

    return attention


@linux
def test_the_reading_is_measured(benchmark: ModuleType) -> None:
    """Both heads in both precisions, with what it costs and how exact it is."""
    text = benchmark.report(256, 128, 1)
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith(("| Cog", "| Wan"))]
    assert [row[:3] for row in rows] == [
        [kind.name, str(kind.width), dtype] for kind in benchmark.KINDS for dtype in ("float32", "bfloat16")
    ] * 2
    for row in rows[4:]:
        assert float(row[3]) < (3e-6 if row[2] == "float32" else 4e-3)


@linux
def test_memory_of_the_reading_does_not_grow_with_the_square(benchmark: ModuleType) -> None:
    """What the process takes, kernels included, on a joint attention of real width at a few thousand tokens."""
    joint = benchmark.KINDS[0]
    benchmark.peak(joint, 512, torch.float32)
    once, twice = (benchmark.peak(joint, tokens, torch.float32) for tokens in (2048, 4096))
    matrix = 4 * joint.heads * (4096 + joint.text) ** 2
    assert twice < 2.6 * once
    assert twice < 0.2 * matrix


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", [0, 1])
def test_the_reading_costs_what_the_attention_itself_does(benchmark: ModuleType, kind: int, dtype: torch.dtype) -> None:
    """Forward and backward in CPU time, in turn in one process; the bound is 1.3."""
    assert statistics.median(benchmark.timings(benchmark.KINDS[kind], 4096, dtype, 5)) <= 1.3


def error(found: Tensor, expected: Tensor) -> float:
    return float(((found.double() - expected).norm() / expected.norm()).detach())


def test_token_weights_are_means() -> None:
    weights = token_weights(OBJECTS, 7)
    assert weights[1, 0] == 1
    assert weights.sum(0).tolist() == pytest.approx([1, 1])
    assert weights[:, 1].tolist() == pytest.approx([0, 0, 1 / 3, 0, 0, 1 / 3, 1 / 3])
