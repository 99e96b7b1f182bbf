"""The stream end to end on the tiny model: files, memory, resume, prompts that cannot be served."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from memories import memory as make_memory
from PIL import Image

from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import (
    ParametricMemory,
    SpritesEvaluation,
    StreamCallback,
    StreamInfo,
    StreamProgress,
    VideoWriter,
)
from ttom_pl.io.media import read_mp4
from ttom_pl.layout import Layout, LayoutError
from ttom_pl.memory import Memory
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Results, RunError, read_results
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene
from ttom_pl.stream import Stream

PROMPTS = [
    Prompt("first", "a red circle moves left and a blue square moves up"),
    Prompt("second", "a green triangle moves left and a cyan circle moves up"),
    Prompt("third", "three yellow squares stay still"),
]

MakeBackbone = Callable[..., WanBackbone]
RunStream = Callable[..., Path]


class Witness(StreamCallback):
    """Keep the prompts that were served, and their videos."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.videos: dict[str, torch.Tensor] = {}
        self.ended = 0

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: torch.Tensor) -> None:
        self.ids.append(request.prompt.id)
        self.videos[request.prompt.id] = video

    def on_stream_end(self, stream: StreamInfo) -> None:
        self.ended += 1


class Fail(StreamCallback):
    """Fail in a hook, with the prompt "odd" where there is one."""

    def __init__(self, hook: str) -> None:
        self.hook = hook

    def on_stream_start(self, stream: StreamInfo) -> None:
        if self.hook == "on_stream_start":
            raise ValueError("cannot start")

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: torch.Tensor) -> None:
        if self.hook == "on_prompt_end" and request.prompt.id == "odd":
            raise ValueError("cannot be looked at")

    def on_stream_end(self, stream: StreamInfo) -> None:
        if self.hook == "on_stream_end":
            raise ValueError("cannot end")


class InterruptAt(StreamCallback):
    """Press Ctrl-C in a hook of the second prompt."""

    def __init__(self, hook: str) -> None:
        self.prompts = 0
        self.hook = hook

    def _interrupt(self, hook: str) -> None:
        if self.prompts == 2 and hook == self.hook:
            raise KeyboardInterrupt

    def on_prompt_start(self, request: Request) -> None:
        self.prompts += 1
        self._interrupt("on_prompt_start")

    def on_train_batch_end(self, *_: Any) -> None:
        self._interrupt("on_train_batch_end")

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: torch.Tensor) -> None:
        self._interrupt("on_prompt_end")


@pytest.fixture
def run_stream(
    make_backbone: MakeBackbone, make_trainer: Callable[..., Trainer], planner: Planner, tmp_path: Path
) -> RunStream:
    """Serve prompts with a model, a module and a Trainer made anew, as a new process does; return the run folder."""

    def run(
        *callbacks: Callback,
        prompts: list[Prompt] = PROMPTS,
        out: str = "run",
        config: str = "",
        module: dict[str, Any] | None = None,
        **settings: Any,
    ) -> Path:
        changes = {"guided_steps": 2, "iterations": 4, "stop_loss": 0.0, "loss_blocks": (1,), "rank": 4, "lr": 0.03}
        tto = LayoutTTO(make_backbone(), **(changes | (module or {})))
        stream = Stream(tmp_path / out, planner, **settings)
        return stream.run(make_trainer(*callbacks), tto, prompts, config).path

    return run


@pytest.fixture
def remember() -> Callable[..., ParametricMemory]:
    """A memory that keeps whatever lowered the loss."""
    return lambda **settings: make_memory(**({"min_gain": 0.0} | settings))


@pytest.fixture
def keep_sigint() -> Iterator[None]:
    """Lightning ignores further interrupts after the first; give them back."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


def strip(results: Results) -> dict[str, dict[str, Any]]:
    """Results without what differs between two runs of the same thing."""
    return {id: replace(result, seconds={}).to_dict() for id, result in results.served.items()}


def test_end_to_end(run_stream: RunStream, remember: Callable[..., ParametricMemory]) -> None:
    witness = Witness()
    callbacks = [SpritesEvaluation(), remember(), VideoWriter(scale=2), StreamProgress(), witness]
    run = run_stream(*callbacks, config="answer: 42\n")
    assert witness.ids == ["first", "second", "third"]
    assert witness.ended == 1
    assert (run / "config.yaml").read_text() == "answer: 42\n"

    lines = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == witness.ids
    for number, (line, prompt) in enumerate(zip(lines, PROMPTS, strict=True), start=1):
        assert line["number"] == number
        assert line["prompt"] == prompt.text
        assert line["seed"] == 42
        assert [len(step) for step in line["losses"]] == [4, 4]
        assert line["updates"] == 8
        assert line["seconds"].keys() == {"plan", "encode", "recall", "fit", "denoise", "decode", "memory"}
        assert all(seconds >= 0 for seconds in line["seconds"].values())
        assert {"color", "motion", "layout_iou", "correct"} <= line["scores"].keys()
        assert line["versions"].keys() == {"ttom_pl", "torch", "diffusers", "peft", "lightning"}
        layout = Layout.from_dict(line["layout"])
        assert (layout.id, layout.prompt) == (prompt.id, prompt.text)

        video = read_mp4(run / line["files"]["video"])
        assert line["files"]["video"] == f"videos/{number:04d}.mp4"
        assert video.shape == (9, 3, 64, 64)
        assert (video[..., ::2, ::2] - witness.videos[prompt.id]).abs().mean() < 0.1

    with Image.open(run / "contact_sheet.png") as sheet:
        assert sheet.height > 3 * 64
    decisions = [(line["memory"]["hit"], line["memory"]["write"]) for line in lines]
    assert decisions == [(False, "insert"), (True, "update"), (False, "insert")]
    keys = [line["memory"]["key"] for line in lines]
    assert keys[0] == keys[1] != keys[2]
    assert lines[1]["memory"]["entry"] == lines[0]["memory"]["entry"]
    assert lines[1]["memory"]["similarity"] == pytest.approx(1, abs=1e-3)
    assert [line["memory"]["hit_rate"] for line in lines] == [0, 0.5, 0.3333]
    assert (run / "memory").is_dir()


def test_prompts_do_not_touch_each_other(run_stream: RunStream) -> None:
    """Without memory, a prompt's video is the same after another prompt and alone: nothing is left behind."""
    together, alone = Witness(), Witness()
    first = run_stream(together, prompts=PROMPTS[:2])
    second = run_stream(alone, prompts=PROMPTS[1:2], out="alone")
    assert torch.equal(together.videos["second"], alone.videos["second"])
    losses = [read_results(run)["second"].losses for run in (first, second)]
    assert losses[0] == losses[1]


def test_seeds(run_stream: RunStream) -> None:
    """The noise depends on the place in the stream, not on what was served before."""
    plain: dict[str, Any] = {"guided_steps": 0}
    varied = read_results(run_stream(module=plain, seed=7, vary_seed=True))
    assert [result.seed for result in varied.served.values()] == [7, 8, 9]
    fixed = read_results(run_stream(module=plain, seed=7, out="fixed"))
    assert [result.seed for result in fixed.served.values()] == [7, 7, 7]


def test_plain_model(run_stream: RunStream, make_backbone: MakeBackbone, remember: Any) -> None:
    """No guided step: the pipeline's own video, no losses, no memory."""
    witness = Witness()
    run = run_stream(remember(), StreamProgress(), witness, prompts=PROMPTS[:1], module={"guided_steps": 0})
    result = read_results(run)["first"]
    assert (result.losses, result.updates, result.memory) == ((), 0, None)
    assert not (run / "memory").exists()
    expected = make_backbone().pipe(
        PROMPTS[0].text,
        height=32,
        width=32,
        num_frames=9,
        num_inference_steps=4,
        guidance_scale=4.0,
        max_sequence_length=24,
        generator=torch.Generator().manual_seed(42),
        output_type="pt",
    )
    assert torch.equal(witness.videos["first"], expected.frames[0])


def test_a_prompt_may_bring_its_layout(run_stream: RunStream, layout: Layout) -> None:
    result = read_results(run_stream(prompts=[Prompt("mine", layout.prompt, layout)]))["mine"]
    assert result.layout == layout


# Resume


def test_a_run_that_is_whole_serves_nothing(run_stream: RunStream) -> None:
    run = run_stream()
    before = (run / "results.jsonl").read_bytes()
    witness = Witness()
    run_stream(witness)
    assert witness.ids == []
    assert (run / "results.jsonl").read_bytes() == before


@pytest.mark.parametrize("cut", ["lines", "torn"])
def test_a_run_that_was_cut_goes_on(run_stream: RunStream, cut: str) -> None:
    """Only what is missing is served, with the same result as in one go."""
    run = run_stream(VideoWriter(), SpritesEvaluation())
    whole = read_results(run)
    path = run / "results.jsonl"
    content = path.read_bytes()
    path.write_bytes(content.splitlines(keepends=True)[0] if cut == "lines" else content[:-20])
    (run / "contact_sheet.png").unlink()

    witness = Witness()
    run_stream(VideoWriter(), SpritesEvaluation(), witness)
    assert witness.ids == (["second", "third"] if cut == "lines" else ["third"])
    assert strip(read_results(run)) == strip(whole)
    with Image.open(run / "contact_sheet.png") as sheet:
        assert sheet.height > 3 * 64


def test_a_prompt_that_was_edited_is_served_again(run_stream: RunStream) -> None:
    """The file changed under the same ids; the last result of an id counts."""
    run_stream(prompts=PROMPTS[:2])
    witness = Witness()
    edited = Prompt("second", "a cyan circle moves left")
    run = run_stream(witness, prompts=[PROMPTS[0], edited])
    assert witness.ids == ["second"]
    assert read_results(run)["second"].prompt == edited.text


def test_a_layout_that_was_edited_is_served_again(
    run_stream: RunStream, layout: Layout, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Boxes changed under the same text, and it is said; an untouched one is not served twice."""
    prompt = Prompt("mine", layout.prompt, replace(layout, id="mine"))
    run_stream(prompts=[prompt, PROMPTS[2]])
    moved = replace(layout.tracks[0], boxes=layout.tracks[0].boxes[::-1])
    edited = replace(prompt, layout=replace(prompt.layout, tracks=(moved, *layout.tracks[1:])))
    for again, served in ((prompt, []), (edited, ["mine"]), (edited, [])):
        witness = Witness()
        with caplog.at_level("INFO"):
            run_stream(witness, prompts=[again, PROMPTS[2]])
        assert witness.ids == served
    assert caplog.text.count("prompt 'mine' is served again, with another layout than before") == 1


def test_done_prompts_are_not_planned_again(
    run_stream: RunStream, planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planner that cannot be reached now does not undo what is done."""
    run_stream(prompts=PROMPTS[:2])
    asked = []

    def refuse(prompt: str, id: str = "") -> Layout:
        asked.append(id)
        raise LayoutError("not now")

    monkeypatch.setattr(planner, "plan", refuse)
    with pytest.warns(UserWarning, match="'third' is skipped: not now"):
        run = run_stream(prompts=PROMPTS)
    assert asked == ["third"]
    assert list(read_results(run).skipped) == ["third"]


@pytest.mark.usefixtures("keep_sigint")
@pytest.mark.parametrize("hook", ["on_prompt_start", "on_train_batch_end", "on_prompt_end"])
def test_ctrl_c_leaves_a_run_that_goes_on(run_stream: RunStream, remember: Any, hook: str) -> None:
    """Before, in and after the fit; with a memory, the rest is served as if nothing had happened."""
    whole = read_results(run_stream(SpritesEvaluation(), remember(), out="whole"))
    first = Witness()
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run_stream(SpritesEvaluation(), InterruptAt(hook), remember(), first)
    assert first.ids == ["first"]
    assert first.ended == 1

    second = Witness()
    run = run_stream(SpritesEvaluation(), remember(), second)
    assert second.ids == ["second", "third"]
    results = read_results(run)
    for id, expected in whole.served.items():
        assert results[id].losses == expected.losses
        assert results[id].scores == expected.scores
        assert (results[id].memory.hit, results[id].memory.write) == (expected.memory.hit, expected.memory.write)


def test_another_config_is_refused(run_stream: RunStream) -> None:
    run_stream(config="a: 1")
    witness = Witness()
    with pytest.raises(RunError, match="another config"):
        run_stream(witness, config="a: 2")
    assert witness.ids == []


def test_prompts_before_those_of_a_run_are_refused(run_stream: RunStream) -> None:
    """Files are named by number: the new first prompt would overwrite the video of the old one."""
    run_stream(prompts=[Prompt("a", "a red circle moves left and a blue square moves up")])
    changed = [Prompt(id, "a red circle moves left and a blue square moves up") for id in ("b", "a")]
    run_stream(prompts=changed[1:])  # the same place
    with pytest.raises(RunError, match=r"prompt 1 .* was 'a' and is 'b' now"):
        run_stream(prompts=changed)


# Prompts that cannot be served

BAD = Prompt("bad", "a red dragon moves left and a blue square moves up")


def test_a_bad_prompt_is_skipped_and_reported(run_stream: RunStream) -> None:
    """The others keep their numbers and seeds."""
    witness = Witness()
    prompts = [PROMPTS[0], BAD, PROMPTS[2]]
    with pytest.warns(UserWarning, match="'bad' is skipped: .*'dragon'"):
        run = run_stream(VideoWriter(), StreamProgress(), witness, prompts=prompts, vary_seed=True)
    assert witness.ids == ["first", "third"]
    results = read_results(run)
    assert "'dragon'" in results.skipped["bad"].error
    assert (results["third"].number, results["third"].seed) == (3, 44)
    assert (run / "videos" / "0003.mp4").is_file()
    assert (run / "contact_sheet.png").is_file()


def test_a_prompt_with_an_image_that_the_model_does_not_take(run_stream: RunStream) -> None:
    """The others keep their layouts."""
    prompts = [replace(PROMPTS[0], image=Path("first_frame.png")), PROMPTS[2]]
    with pytest.warns(UserWarning, match="'first' is skipped: this model makes videos from text alone"):
        run = run_stream(prompts=prompts)
    result = read_results(run)["third"]
    assert result.layout is not None
    assert result.layout.prompt == result.prompt == PROMPTS[2].text


def test_bad_prompts_are_found_before_any_compute(run_stream: RunStream) -> None:
    witness = Witness()
    with pytest.raises(ValueError, match="'dragon'"):
        run_stream(witness, prompts=[PROMPTS[0], BAD], on_error="raise")
    assert witness.ids == []


def test_a_bad_prompt_is_tried_again_by_the_next_run(run_stream: RunStream) -> None:
    with pytest.warns(UserWarning, match="skipped"):
        run_stream(prompts=[PROMPTS[0], BAD])
    witness = Witness()
    run = run_stream(witness, prompts=[PROMPTS[0], Prompt("bad", "a red circle moves left")])
    assert witness.ids == ["bad"]
    assert not read_results(run).skipped


@pytest.mark.parametrize("on_error", ["skip", "raise"])
def test_an_error_while_serving_is_no_fault_of_the_prompt(
    run_stream: RunStream, remember: Any, layout: Layout, on_error: str
) -> None:
    """A callback that fails stops the run, which goes on later; nothing is remembered of the prompt meanwhile."""
    prompts = [Prompt("odd", layout.prompt), PROMPTS[2]]
    witness = Witness()
    with pytest.raises(ValueError, match="cannot be looked at"):
        run_stream(Fail("on_prompt_end"), remember(), witness, prompts=prompts, on_error=on_error)
    assert (witness.ids, witness.ended) == ([], 1)
    run = run_stream(remember(), witness, prompts=prompts, on_error=on_error)
    assert witness.ids == ["odd", "third"]
    with Memory(run / "memory") as memory:
        assert [entry.prompt for entry in memory] == [prompt.text for prompt in prompts]


def test_a_video_that_cannot_be_scored_is_served(run_stream: RunStream, layout: Layout) -> None:
    odd = replace(layout, prompt=layout.prompt + " and", id="odd")
    with pytest.warns(UserWarning, match="'odd' is not scored: .* is not a caption of the Sprites world"):
        run = run_stream(SpritesEvaluation(), VideoWriter(), prompts=[Prompt("odd", odd.prompt, odd)])
    result = read_results(run)["odd"]
    assert result.scores == {}
    assert (run / result.files["video"]).is_file()


def test_the_same_error_is_noted_once(run_stream: RunStream) -> None:
    for _ in range(2):
        with pytest.warns(UserWarning, match="skipped"):
            run = run_stream(prompts=[BAD])
    assert len((run / "results.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(("hook", "ended"), [("on_stream_start", (1, 0)), ("on_stream_end", (1, 1))])
def test_a_callback_that_fails_does_not_keep_others_from_ending(
    run_stream: RunStream, hook: str, ended: tuple[int, int]
) -> None:
    """Those before it are ended, as those after it that had started."""
    before, after = Witness(), Witness()
    with pytest.raises(ValueError, match=r"cannot (start|end)"):
        run_stream(before, Fail(hook), after, prompts=PROMPTS[:1], module={"guided_steps": 0})
    assert (before.ended, after.ended) == ended


# Memory


def test_a_hit_starts_from_what_was_learnt(run_stream: RunStream, remember: Any) -> None:
    """The same prompt and noise again begin where the first ended, not where it began."""
    prompts = [PROMPTS[0], Prompt("again", PROMPTS[0].text)]
    results = read_results(run_stream(remember(), prompts=prompts))
    first, again = results["first"].losses, results["again"].losses
    assert again[0][0] < first[0][1]
    assert again[0][-1] < first[0][-1]


def test_a_hit_may_be_used_as_it_is(run_stream: RunStream, remember: Any) -> None:
    results = read_results(run_stream(remember(iterations=0)))
    second = results["second"]
    assert second.memory is not None
    assert (second.updates, second.hit) == (0, True)
    assert (second.memory.write, second.memory.reason) == ("none", "used as it is")
    assert results["third"].updates == 8


def test_memory_of_another_run_read_only(run_stream: RunStream, remember: Any, tmp_path: Path) -> None:
    """A memory at a path of its own; reading alone changes nothing in it."""
    shared = tmp_path / "shared_memory"
    first = run_stream(remember(path=shared), prompts=PROMPTS[:1], out="first")
    assert not (first / "memory").exists()
    with Memory(shared) as memory:
        before = list(memory)
    second = run_stream(remember(path=shared, mode="read-only"), prompts=PROMPTS[1:], out="second")
    results = read_results(second)
    decisions = [results[id].memory for id in ("second", "third")]
    assert [each.hit for each in decisions] == [True, False]
    assert [(each.write, each.reason) for each in decisions] == [("none", "the memory is read-only")] * 2
    with Memory(shared) as memory:
        assert list(memory) == before


def test_memory_off(run_stream: RunStream, remember: Any) -> None:
    """As without the callback."""
    off, without = Witness(), Witness()
    run = run_stream(remember(mode="off"), off)
    run_stream(without, out="without")
    assert not (run / "memory").exists()
    assert all(result.memory is None for result in read_results(run).served.values())
    assert all(torch.equal(off.videos[id], without.videos[id]) for id in off.ids)


def test_what_did_not_help_is_not_remembered(run_stream: RunStream, remember: Any) -> None:
    run = run_stream(remember(min_gain=0.99), prompts=PROMPTS[:1])
    decision = read_results(run)["first"].memory
    assert decision.write == "none"
    assert "less than 99%" in decision.reason
    with Memory(run / "memory") as opened:
        assert len(opened) == 0


def test_memory_of_another_model_is_no_hit(
    run_stream: RunStream,
    remember: Any,
    tmp_path: Path,
    other_pipeline: Path,
    make_backbone: MakeBackbone,
    make_trainer: Callable[..., Trainer],
    planner: Planner,
) -> None:
    """Adapters are of use to the weights that they were learnt with."""
    shared = tmp_path / "shared_memory"
    run_stream(remember(path=shared), prompts=PROMPTS[:1], out="first")
    module = LayoutTTO(make_backbone(pretrained=str(other_pipeline)), 2, 4, 0.0, (1,), rank=4)
    folder = Stream(tmp_path / "second", planner).run(make_trainer(remember(path=shared)), module, PROMPTS[:1])
    assert folder.results()["first"].hit is False


@pytest.mark.parametrize("change", [{"rank": 2}, {"loss_blocks": (2,)}, {"guided_steps": 1}])
def test_memory_of_another_adapter_is_no_hit(run_stream: RunStream, remember: Any, tmp_path: Path, change: Any) -> None:
    shared = tmp_path / "shared_memory"
    run_stream(remember(path=shared), prompts=PROMPTS[:1], out="first")
    run = run_stream(remember(path=shared), prompts=PROMPTS[:1], out="second", module=change)
    assert read_results(run)["first"].hit is False


def test_several_processes_are_refused(backbone: WanBackbone, planner: Planner, tmp_path: Path) -> None:
    """Each would serve every prompt; nothing is written."""
    trainer = Trainer(accelerator="cpu", devices=2, logger=False, enable_checkpointing=False)
    module = LayoutTTO(backbone, guided_steps=1, loss_blocks=[1], rank=2)
    with pytest.raises(ValueError, match=r"trainer\.devices is 2.*2 processes"):
        Stream(tmp_path / "run", planner).run(trainer, module, [])
    assert not (tmp_path / "run").exists()
