"""Layouts that their planner does not trust: not followed, or their prompts left out, as the user chose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from memories import memory
from witness import Videos

from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import StreamCallback
from ttom_pl.layout import Layout
from ttom_pl.memory import Memory
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import read_results
from ttom_pl.stream import Stream

PROMPTS = [
    Prompt("sure", "a red circle moves left and a blue square moves up"),
    Prompt("unsure", "a green triangle moves left and a cyan circle moves up"),
]


class Doubter(Planner):
    """Trusts its layouts of all prompts but one."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner

    def plan(self, prompt: str, id: str = "") -> Layout:
        layout = self.planner.plan(prompt, id)
        return replace(layout, confidence=0.3, reason="a riddle") if id == "unsure" else layout


@pytest.fixture
def serve(
    make_backbone: Callable[..., WanBackbone], make_trainer: Callable[..., Trainer], planner: Planner, tmp_path: Path
) -> Callable[..., Path]:
    def serve(*callbacks: StreamCallback, out: str = "run", guided_steps: int = 2, **settings: Any) -> Path:
        tto = LayoutTTO(make_backbone(), guided_steps=guided_steps, iterations=3, stop_loss=0, loss_blocks=(1,), rank=4)
        stream = Stream(tmp_path / out, Doubter(planner), **settings)
        return stream.run(make_trainer(*callbacks), tto, PROMPTS).path

    return serve


def test_a_doubtful_layout_is_not_followed(serve: Callable[..., Path]) -> None:
    """The video is the plain model's, nothing is remembered of it, and the others are served as ever."""
    followed, plain = Videos(), Videos()
    run = serve(memory(min_gain=0.0), followed, min_confidence=0.8)
    serve(plain, out="plain", guided_steps=0)
    sure, unsure = read_results(run).served.values()
    assert (sure.plain, unsure.plain) == (False, True)
    assert sure.updates == 6
    assert (unsure.losses, unsure.updates, unsure.memory) == ((), 0, None)
    assert torch.equal(followed.videos["unsure"], plain.videos["unsure"])
    assert not torch.equal(followed.videos["sure"], plain.videos["sure"])
    with Memory(run / "memory") as opened:
        assert len(opened) == 1


def test_a_doubtful_layout_can_be_skipped(serve: Callable[..., Path]) -> None:
    results = read_results(serve(min_confidence=0.8, unsure="skip"))
    assert list(results.served) == ["sure"]
    assert "a confidence of 0.3, less than min_confidence 0.8 (a riddle)" in results.skipped["unsure"].error


def test_layouts_are_followed_unless_asked_otherwise(serve: Callable[..., Path]) -> None:
    assert all(result.updates for result in read_results(serve()).served.values())


def test_min_confidence_is_a_share() -> None:
    with pytest.raises(ValueError, match=r"stream\.min_confidence is 80"):
        Stream(Path("run"), min_confidence=80)
