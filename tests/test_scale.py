"""Many prompts: what a finished one leaves behind, and the page of a long run."""

import gc
import json
import resource
import shutil
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from memories import memory

from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import AttentionMaps, Report, SpritesEvaluation, StreamCallback, StreamInfo, VideoWriter
from ttom_pl.io.media import write_mp4
from ttom_pl.layout import Layout, Track
from ttom_pl.memory.attention_maps import pack_maps
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.report.page import write_report
from ttom_pl.run import Decision, Result, RunFolder
from ttom_pl.run.request import Request
from ttom_pl.run.results import RESULTS
from ttom_pl.scene import Fit, Scene
from ttom_pl.stream import Stream

TEXTS = [
    f"a {color} {shape} moves left and a {other} square moves up"
    for color in ("red", "green", "blue", "yellow")
    for shape in ("circle", "triangle")
    for other in ("cyan", "purple")
]


class Sizes(StreamCallback):
    """Resident memory in bytes, and the time, after each prompt."""

    def __init__(self) -> None:
        self.bytes: list[int] = []
        self.times: list[float] = []

    def on_stream_start(self, stream: StreamInfo) -> None:
        self.times.append(time.perf_counter())

    def on_prompt_served(self, result: Result) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.bytes.append(pages * resource.getpagesize())
        self.times.append(time.perf_counter())


Serve = Callable[..., Sizes]


@pytest.fixture
def serve(
    make_backbone: Callable[..., WanBackbone], make_trainer: Callable[..., Trainer], planner: Planner, tmp_path: Path
) -> Serve:
    if not Path("/proc/self/statm").is_file():
        pytest.skip("only Linux says how much memory a process has")

    def run(number: int, guided_steps: int, *others: StreamCallback) -> Sizes:
        sizes = Sizes()
        prompts = [Prompt(f"{n:04d}", TEXTS[n % len(TEXTS)]) for n in range(number)]
        module = LayoutTTO(make_backbone(), guided_steps, 2, 0.0, (1,), rank=2)
        callbacks = (
            memory(min_gain=-9.0),
            VideoWriter(),
            SpritesEvaluation(),
            AttentionMaps(),
            Report(),
            sizes,
            *others,
        )
        Stream(tmp_path / "run", planner, vary_seed=True).run(make_trainer(*callbacks), module, prompts)
        return sizes

    return run


@pytest.mark.slow
def test_a_thousand_plain_prompts(serve: Serve) -> None:
    """Memory and seconds a prompt stay what they are after the first hundred."""
    sizes = serve(1000, 0)
    assert sizes.bytes[-1] - sizes.bytes[100] < 30e6
    seconds = np.diff(sizes.times)
    assert np.median(seconds[-200:]) < 1.3 * np.median(seconds[100:300])


def test_a_video_is_let_go(serve: Serve) -> None:
    """When a prompt is served its video is gone, and so is all that its rehearsal was about."""
    alive: list[list[weakref.ref[Any]]] = []
    kept: list[weakref.ref[Any]] = []

    class Watch(StreamCallback):
        def on_prompt_start(self, request: Request) -> None:
            gc.collect()
            alive.append([each for each in kept if each() is not None])

        def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: torch.Tensor) -> None:
            kept.extend(map(weakref.ref, (video, fit)))

    serve(4, 1, Watch())
    assert alive == [[], [], [], []]


def make_run(tmp_path: Path, prompts: int) -> Path:
    """A run of many prompts that all show one video."""
    folder = RunFolder.open(tmp_path / "run")
    write_mp4(folder.path / "videos" / "0001.mp4", torch.rand(9, 3, 64, 64), 8)
    (folder.path / "attention").mkdir()
    maps = {name: pack_maps(torch.rand(2, 5, 8, 8)) for name in ("before", "after")}
    (folder.path / "attention" / "0001.json").write_text(json.dumps(maps))
    boxes = ((0.5, 0.1, 0.9, 0.5), (0.1, 0.1, 0.5, 0.5))
    rng = np.random.default_rng(0)
    for number in range(1, prompts + 1):
        text = "a red circle moves left and a blue square moves up"
        tracks = tuple(Track(i, f"a {word}", (word,), boxes) for i, word in enumerate(("circle", "square")))
        scores = {f"score_{i}": float(rng.random()) for i in range(12)}
        entry = f"{number % 12:012x}"
        decision = Decision("scene", number > 12, "warm start", 0.9, entry, 0.97, 9, (entry,), write="update")
        seconds = {"encode": 0.1, "fit": 1.0, "denoise": 0.5}
        files = {"video": "videos/0001.mp4", "attention": "attention/0001.json"}
        losses = tuple(tuple(map(float, rng.random(8))) for _ in range(5))
        layout = Layout(text, tracks, f"{number:04d}", planner="grammar")
        made = (decision, seconds, scores, files)
        result = Result(f"{number:04d}", number, text, layout, 42, None, losses, 40, (), *made)
        with open(folder.path / RESULTS, "a") as file:
            file.write(json.dumps(result.to_dict()) + "\n")
    return folder.path


@pytest.mark.parametrize("prompts", [90, pytest.param(2000, marks=pytest.mark.slow)])
def test_the_page_of_a_long_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prompts: int) -> None:
    """It is small, and no video is decoded again to make it anew; its parts go along with the folder."""
    run = make_run(tmp_path, prompts)
    page = write_report(run)
    assert page.stat().st_size < 5_000_000
    assert page.read_text().count("data-src=") == prompts - 60
    assert len(list((run / "report").iterdir())) == prompts
    with monkeypatch.context() as patched:
        patched.setattr("ttom_pl.report.cards.read_small_frames", lambda _: pytest.fail("a video was decoded again"))
        assert write_report(run).read_text() == page.read_text()
    kept = (run / "report" / "0080.js").stat().st_mtime_ns
    shutil.rmtree(run / "attention")
    write_report(run)
    assert (run / "report" / "0080.js").stat().st_mtime_ns > kept  # it shows what is there now
