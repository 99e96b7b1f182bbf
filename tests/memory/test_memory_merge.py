"""Merge rules against their closed forms."""

import pytest
import torch

from ttom_pl.memory import PaperMerge, Replace, RunningAverage, blend


def test_running_average_counts_what_the_entry_holds(adapter):
    merged, weight = RunningAverage().merge(adapter(1.0), adapter(5.0), 3.0, 1.0)
    torch.testing.assert_close(merged, adapter(2.0))
    assert weight == 4.0


def test_running_average_of_many_is_their_weighted_mean(adapter):
    values, similarities = [2.0, -1.0, 7.0, 3.0], [1.0, 0.9, 0.8, 0.95]
    merged, weight = adapter(values[0]), 1.0
    for value, similarity in zip(values[1:], similarities[1:], strict=True):
        merged, weight = RunningAverage().merge(merged, adapter(value), weight, similarity)
    mean = sum(v * s for v, s in zip(values, similarities, strict=True)) / sum(similarities)
    torch.testing.assert_close(merged, adapter(mean))
    assert weight == pytest.approx(sum(similarities))


def test_capped_running_average_keeps_learning(adapter):
    merged, weight = RunningAverage(max_weight=3.0).merge(adapter(1.0), adapter(5.0), 100.0, 1.0)
    torch.testing.assert_close(merged, adapter(2.0))
    assert weight == 3.0
    with pytest.raises(ValueError, match="max_weight"):
        RunningAverage(max_weight=0)


def test_paper_merge_and_replace(adapter):
    merged, weight = PaperMerge().merge(adapter(1.0), adapter(4.0), 9.0, 0.5)
    torch.testing.assert_close(merged, adapter(2.0))
    assert weight == 1.0
    torch.testing.assert_close(Replace().merge(adapter(1.0), adapter(4.0), 9.0, 0.5)[0], adapter(4.0))


def test_average_of_low_precision_is_taken_in_float32(adapter):
    low = {name: tensor.bfloat16() for name, tensor in adapter(1.0).items()}
    high = {name: tensor.bfloat16() for name, tensor in adapter(1.0078125).items()}
    merged, _ = RunningAverage().merge(low, high, 1.0, 1.0)
    assert all(tensor.dtype == torch.bfloat16 for tensor in merged.values())
    torch.testing.assert_close(blend([low, adapter(1.0078125)], [1, 1]), adapter(1.00390625))


def test_blend(adapter):
    torch.testing.assert_close(blend([adapter(1.0), adapter(4.0)], [0.5, 1.0]), adapter(3.0))
    torch.testing.assert_close(blend([adapter(2.0)], [0.3]), adapter(2.0))
    for adapters, similarities in (
        ([], []),
        ([adapter(1)], [1, 2]),
        ([adapter(1)], [0.0]),
        ([adapter(1)] * 2, [2, -1]),
    ):
        with pytest.raises(ValueError, match="similarit"):
            blend(adapters, similarities)
    other = {name: tensor[:1] for name, tensor in adapter(1.0).items()}
    with pytest.raises(ValueError, match="shapes"):
        blend([adapter(1.0), other], [1, 1])
