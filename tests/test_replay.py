"""A stream that is killed between any two stages ends as if it had not been."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from memories import memory

import ttom_pl.stream
from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import ParametricMemory, SpritesEvaluation, VideoWriter
from ttom_pl.io.media import read_mp4
from ttom_pl.memory import Memory
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Result, RunFolder, read_results
from ttom_pl.run.pending import Pending, held, hold, release
from ttom_pl.stream import Stream

PROMPTS = [
    Prompt("miss", "a red circle moves left and a blue square moves up"),
    Prompt("hit", "a green triangle moves left and a cyan circle moves up"),
    Prompt("other", "three yellow squares stay still"),
]
STAGES: dict[str, tuple[Any, str]] = {
    "prepare": (LayoutTTO, "prepare"),
    "recall": (ParametricMemory, "recall"),
    "rehearse": (ttom_pl.stream, "rehearse"),
    "denoise": (LayoutTTO, "denoise"),
    "decode": (WanBackbone, "decode"),
    "video": (VideoWriter, "on_prompt_end"),
    "propose": (ParametricMemory, "propose"),
    "hold": (ttom_pl.stream, "hold"),
    "commit": (ParametricMemory, "commit"),
    "append": (RunFolder, "append"),
    "release": (ttom_pl.stream, "release"),
}


class Killed(BaseException):
    """Nothing of ours runs after it."""


@pytest.fixture
def serve(
    make_backbone: Callable[..., WanBackbone], make_trainer: Callable[..., Trainer], planner: Planner, tmp_path: Path
) -> Callable[..., Path]:
    """Serve the prompts as a new process does; runs of another folder are the same run elsewhere."""

    def run(out: str, prompts: list[Prompt] = PROMPTS) -> Path:
        module = LayoutTTO(make_backbone(), 1, 2, 0.0, (1,), rank=2, lr=0.05)
        (tmp_path / out).mkdir(exist_ok=True)
        (tmp_path / out / ".run_id").write_text("run")
        callbacks = (memory(min_gain=-9.0), VideoWriter(), SpritesEvaluation())
        return Stream(tmp_path / out, planner).run(make_trainer(*callbacks), module, prompts).path

    return run


def state(run: Path) -> tuple[Any, ...]:
    """All that a run and its memory hold; of times, which was before which."""
    results = [replace(result, seconds={}).to_dict() for result in read_results(run).served.values()]
    with Memory(run / "memory") as opened:
        times = sorted({time for entry in opened for time in (entry.created, entry.last_used)})
        order = [{"created": times.index(entry.created), "last_used": times.index(entry.last_used)} for entry in opened]
        entries = [entry.to_dict() | places for entry, places in zip(opened, order, strict=True)]
        lookups = [replace(lookup, at=0.0) for lookup in opened.history()]
        adapters = [opened.load(entry["id"]) for entry in entries]
    videos = [path.name for path in sorted((run / "videos").iterdir())]
    return results, entries, lookups, [{k: v.tolist() for k, v in each.items()} for each in adapters], videos


def frames(run: Path) -> torch.Tensor:
    """The videos, shape (N, F, 3, H, W)."""
    return torch.stack([read_mp4(path) for path in sorted((run / "videos").iterdir())])


@pytest.fixture
def whole(serve: Callable[..., Path]) -> tuple[Any, ...]:
    """The state of a run that nobody stopped: the second prompt is a hit on what the first has learnt."""
    made = state(serve("whole"))
    assert [result["memory"]["read"] for result in made[0]] == ["miss", "warm start", "miss"]
    return made


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("stage", list(STAGES))
def test_killed_at_a_stage(
    serve: Callable[..., Path], whole: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, stage: str, when: str
) -> None:
    """In the second prompt, whose entry answers at once: it never starts from what it has itself learnt."""
    owner, name = STAGES[stage]
    call, calls = getattr(owner, name), []

    def killing(*args: Any, **kwargs: Any) -> Any:
        calls.append(stage)
        if len(calls) == 2 and when == "before":
            raise Killed
        returned = call(*args, **kwargs)
        if len(calls) == 2:
            raise Killed
        return returned

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, killing)
        with pytest.raises((Killed, SystemExit)):
            serve("cut")
    run = serve("cut")
    assert state(run) == whole
    assert (frames(run) - frames(run.parent / "whole")).abs().mean() < 0.01  # x264 is not exact


def test_killed_again_while_it_goes_on(
    serve: Callable[..., Path], whole: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is finished at the beginning of the next run may itself be cut short."""
    commit = ParametricMemory.commit
    for _ in range(3):

        def killing(*args: Any) -> Any:
            commit(*args)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(ParametricMemory, "commit", killing)
            with pytest.raises(Killed):
                serve("cut")
    assert state(serve("cut")) == whole


def test_a_prompt_that_has_changed_meanwhile_is_served_anew(
    serve: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was to become of it before is let go."""
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "append", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            serve("cut", PROMPTS[:1])
    edited = replace(PROMPTS[0], text="a cyan circle moves left")
    run = serve("cut", [edited])
    assert [result.prompt for result in read_results(run).served.values()] == [edited.text]
    assert held(run) is None


def test_pending(tmp_path: Path) -> None:
    """It comes back as it was; a torn one does not."""
    result = Result("a", 1, "a cat", losses=((0.5, 0.25),), updates=1)
    pending = Pending(result, {"write": "insert"}, {"x": torch.arange(6.0).reshape(2, 3).T})
    assert held(tmp_path) is None
    hold(tmp_path, pending)
    again = held(tmp_path)
    assert again is not None
    assert (again.result, again.proposal) == (result, pending.proposal)
    assert torch.equal(again.tensors["x"], pending.tensors["x"])
    assert again.is_done(replace(result, seconds={"fit": 3.0}))
    assert not again.is_done(replace(result, updates=2))
    assert not again.is_done(None)
    path = tmp_path / ".pending.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    assert held(tmp_path) is None
    assert not path.exists()
    release(tmp_path)
