"""The torchmetrics: streaming, resets, and merges over ranks that give what one metric would have given."""

import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ttom_pl.evaluation.metrics import (
    ActionBinding,
    AttentionLayoutJSD,
    ConsistentAttribute,
    Detection,
    Detections,
    DynamicAttribute,
    GenerativeNumeracy,
    HitRate,
    IterationsSaved,
    LayoutMIoU,
    MotionBinding,
    ObjectInteractions,
    Persistence,
    SpatialRelationship,
    StageSeconds,
    TemporalConsistency,
    TemporalFlickering,
    VideoMean,
)
from ttom_pl.layout import Layout, Track, object_targets
from ttom_pl.layout.loss import layout_loss
from ttom_pl.run import Decision

LAYOUT = Layout("a cat", (Track(0, "cat", ("cat",), ((0.1, 0.1, 0.4, 0.4), (0.5, 0.5, 0.9, 0.9))),))


def some_detections(rng: random.Random) -> Detections:
    def box() -> tuple[float, float, float, float]:
        x, y = rng.uniform(0, 0.6), rng.uniform(0, 0.6)
        return x, y, x + rng.uniform(0.1, 0.4), y + rng.uniform(0.1, 0.4)

    def frame() -> tuple[Detection, ...]:
        return tuple(Detection(rng.choice(["cat", "dog"]), box(), rng.random(), n) for n in range(rng.randint(0, 3)))

    return Detections(tuple(frame() for _ in range(6)), ((0.0, 0.0),) * 6)


def some_video(rng: random.Random) -> torch.Tensor:
    return torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(rng.randrange(1000)))


def some_decision(rng: random.Random) -> Decision:
    hit = rng.random() < 0.5
    return Decision("", hit, "", iterations_saved=rng.randint(0, 40) if hit else None)


INPUTS: dict[Callable[[], Any], Callable[[random.Random], tuple[Any, ...]]] = {
    MotionBinding: lambda rng: (some_detections(rng), [("cat", "left"), ("dog", "up")]),
    GenerativeNumeracy: lambda rng: (some_detections(rng), {"cat": 2, "dog": 1}),
    SpatialRelationship: lambda rng: (some_detections(rng), "cat", "above", "dog"),
    LayoutMIoU: lambda rng: (some_detections(rng), LAYOUT),
    Persistence: lambda rng: (some_detections(rng),),
    TemporalFlickering: lambda rng: (some_video(rng),),
    TemporalConsistency: lambda rng: (some_video(rng),),
    ConsistentAttribute: lambda rng: (rng.choices("ABCDE", k=2),),
    DynamicAttribute: lambda rng: (rng.choices("ABCDE", k=1),),
    ActionBinding: lambda rng: (rng.choices("ABCDE", k=2),),
    ObjectInteractions: lambda rng: (rng.choices("ABCDE", k=1),),
    AttentionLayoutJSD: lambda rng: (some_video(rng)[None, :, 0], object_targets(LAYOUT, (5, 4, 4))[1]),
    HitRate: lambda rng: (some_decision(rng),),
    IterationsSaved: lambda rng: (some_decision(rng),),
}


@pytest.mark.parametrize("make", INPUTS, ids=lambda make: make.__name__)
def test_mean_of_the_stream(make: Callable[[], VideoMean]) -> None:
    """``forward`` gives each video's own score; ``compute`` their mean; ``reset`` begins anew."""
    rng, metric = random.Random(0), make()
    scores = [float(metric(*INPUTS[make](rng))) for _ in range(7)]
    assert len(set(scores)) > 1
    assert float(metric.compute()) == pytest.approx(sum(scores) / 7, abs=1e-15)
    metric.reset()
    assert int(metric.videos) == 0


@pytest.mark.parametrize("make", INPUTS, ids=lambda make: make.__name__)
def test_merge_over_ranks(make: Callable[[], VideoMean]) -> None:
    """Unequal shares of the stream; what a rank sends survives pickling, as it must between processes."""
    rng = random.Random(1)
    videos = [INPUTS[make](rng) for _ in range(9)]
    one, ranks = make(), [make(), make(), make()]
    for number, video in enumerate(videos):
        one.update(*video)
        ranks[min(number % 4, 2)].update(*video)
    merged = pickle.loads(pickle.dumps(ranks[0]))
    for rank in ranks[1:]:
        merged.merge_state(rank)
    assert int(merged.videos) == 9
    assert float(merged.compute()) == pytest.approx(float(one.compute()), rel=1e-15)


def test_nothing_is_no_score() -> None:
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert math.isnan(MotionBinding().compute())


def test_attention_is_the_layout_loss() -> None:
    targets = object_targets(LAYOUT, (5, 4, 4))[1]
    maps = torch.rand(2, 1, 5, 4, 4)
    metric = AttentionLayoutJSD()
    assert float(metric(maps, targets)) == pytest.approx(float(layout_loss(maps, targets)))
    assert float(metric(targets, targets)) == pytest.approx(0.0, abs=1e-6)


def test_memory() -> None:
    hit, saved = HitRate(), IterationsSaved()
    for decision in (
        Decision("", True, "warm start", iterations_saved=30),
        Decision("", False, "miss"),
        Decision("", True, "warm start", iterations_saved=0),
        None,  # the memory was off
    ):
        hit.update(decision)
        saved.update(decision)
    assert float(hit.compute()) == pytest.approx(2 / 3)
    assert float(saved.compute()) == pytest.approx(10)


def test_seconds_per_stage() -> None:
    one, other = StageSeconds(("fit", "decode")), StageSeconds(("fit", "decode"))
    one.update({"fit": 2.0, "decode": 1.0, "plan": 5.0})
    other.update({"fit": 4.0})
    one.merge_state(other)
    assert {stage: float(seconds) for stage, seconds in one.compute().items()} == {"fit": 3.0, "decode": 0.5}


def test_protocols_are_stamped() -> None:
    assert MotionBinding.protocol == GenerativeNumeracy.protocol == SpatialRelationship.protocol == "t2v-compbench-v2"
    assert LayoutMIoU.protocol == "ttom-1"
