"""Prompts that carry a long text: planned from the short one, made from the long one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from witness import Videos

from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import StreamCallback
from ttom_pl.planners import Planner, steer_in
from ttom_pl.prompts import Prompt
from ttom_pl.prompts.datamodule import PromptStream
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import read_results
from ttom_pl.stream import Stream

SHORT = "a red circle moves left and a blue square moves up"
LONG = "a blue square is above and right of a red circle and red circle moves left and square moves up"
LOST = "a green triangle moves left and a blue square moves up"
PROMPT = Prompt("a", SHORT, long=LONG)

Serve = Callable[..., dict[str, Any]]


@pytest.fixture
def serve(
    make_backbone: Callable[..., WanBackbone], make_trainer: Callable[..., Trainer], planner: Planner, tmp_path: Path
) -> Serve:
    def serve(prompts: Sequence[Prompt], *callbacks: StreamCallback, out: str = "run", **settings: Any) -> Any:
        tto = LayoutTTO(make_backbone(), guided_steps=1, iterations=2, stop_loss=0, loss_blocks=(1,), rank=4)
        return read_results(
            Stream(tmp_path / out, planner, **settings).run(make_trainer(*callbacks), tto, prompts).path
        )

    return serve


def test_the_video_is_made_from_the_long_text(serve: Serve, planner: Planner) -> None:
    """As by a layout of the long text that steers every mention; what is told and kept is the short one."""
    kept, by_hand = Videos(), Videos()
    result = serve([PROMPT], kept)["a"]
    assert (result.prompt, result.long) == (SHORT, LONG)
    assert (result.layout.prompt, result.layout.original_prompt) == (LONG, SHORT)
    assert [track.words for track in result.layout.tracks] == [("circle", "circle"), ("square", "square")]
    layout = steer_in(planner.plan(SHORT, "a"), LONG)
    serve([Prompt("a", LONG, layout)], by_hand, out="by_hand")
    assert torch.equal(kept.videos["a"], by_hand.videos["a"])


def test_an_object_that_the_long_text_lost_is_reported(serve: Serve) -> None:
    results = serve([replace(PROMPT, id="lost", long=LOST), PROMPT])
    assert "does not mention the object 'a red circle'" in results.skipped["lost"].error
    assert list(results.served) == ["a"]


def test_a_run_goes_on_unless_the_long_text_changed(serve: Serve) -> None:
    first, second, third = Videos(), Videos(), Videos()
    serve([PROMPT], first)
    serve([PROMPT], second)
    serve([replace(PROMPT, long=f"{LONG} and circle moves left")], third)
    assert [list(each.videos) for each in (first, second, third)] == [["a"], [], ["a"]]


def test_a_layout_that_is_brought_is_steered_too(serve: Serve, planner: Planner) -> None:
    prompt = replace(PROMPT, layout=planner.plan(SHORT, "a"))
    again = Videos()
    result = serve([prompt])["a"]
    assert result.layout.prompt == LONG
    serve([prompt], again)
    assert not again.videos


def test_the_long_texts_may_be_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text(f"{SHORT}\n{SHORT}\n")
    (tmp_path / "long.txt").write_text(f"{LONG}\n{LOST}\n")
    stream = PromptStream(tmp_path / "short.txt", long=tmp_path / "long.txt")
    assert [(prompt.text, prompt.long) for prompt in stream.prompts] == [(SHORT, LONG), (SHORT, LOST)]
    assert len(PromptStream(tmp_path / "short.txt", 1, tmp_path / "long.txt").prompts) == 1
