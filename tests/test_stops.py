"""A stream that is stopped at 104 points, four in each of 26 prompts, ends as if it had not been (-m slow -s)."""

import hashlib
import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch import Trainer
from memories import memory
from test_replay import Killed, state
from torch import Tensor

import ttom_pl.stream
from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import ParametricMemory, SpritesEvaluation, VideoWriter
from ttom_pl.callbacks.base import Findings, StreamCallback
from ttom_pl.io.media import read_mp4
from ttom_pl.memory import verify_folder
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Result, RunFolder
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene
from ttom_pl.stream import Stream

SCENES = {
    "A": "a {} moves left and a {} moves up",
    "B": "a {} moves left",
    "C": "a {} moves down",
    "D": "three {}s stay still",
    "E": "a {} moves down and a {} moves right",
    "F": "a {} stays still",
    "!": "a {} moves up",  # out of the frame: refused each time
}
THINGS = ("red circle", "blue square", "green triangle", "cyan circle", "purple square")
ORDER = "ABAACB!DAEBBDCFADEEBFACBDAB"
PROMPTS = [
    Prompt(f"{number:04}", SCENES[scene].format(THINGS[number % 5], THINGS[number // 2 % 5]))
    for number, scene in enumerate(ORDER, start=1)
]
SERVED = [prompt.id for prompt, scene in zip(PROMPTS, ORDER, strict=True) if scene != "!"]
STAGES = ("in the rehearsal", "before the commit", "before the line", "before observers")
MEMORIES: dict[str, dict[str, Any]] = {
    "at once": {"min_merged": 1, "capacity": 3, "min_gain": 0.0045, "k": 2, "threshold": 0.8, "merge_threshold": 0.95},
    "when grown": {"min_merged": 2, "capacity": 4, "min_gain": 0.0085},
}
Tell = Callable[[str, str], None]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:prompt '0007' is skipped")]


class Watcher(StreamCallback):
    """Tells when a prompt is at a stage, and keeps the exact frames of its video in its result.

    Args:
        tell: is given the prompt's id and the stage, or ``served``.
    """

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.id = ""

    def on_prompt_start(self, request: Request) -> None:
        self.id = request.prompt.id

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 1:
            self.tell(self.id, "in the rehearsal")

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> Findings:
        return Findings(truth={"frames": hashlib.sha256(video.numpy().tobytes()).hexdigest()})

    def on_prompt_served(self, result: Result) -> None:
        self.tell(result.id, "served")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the stages of which callbacks are not told, also of a prompt that is finished after a stop."""
        remember = Stream._remember

        def remembering(stream: Stream, result: Result, *more: Any) -> Result:
            self.id = result.id
            return remember(stream, result, *more)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Stream, "_remember", remembering)
            for owner, name, stage in (
                (ParametricMemory, "commit", "before the commit"),
                (RunFolder, "append", "before the line"),
                (ttom_pl.stream, "release", "before observers"),
            ):
                patched.setattr(owner, name, self._telling(getattr(owner, name), stage))
            yield

    def _telling(self, call: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def telling(*args: Any) -> Any:
            if self.id:  # a refused prompt's line is none of these
                self.tell(self.id, stage)
            return call(*args)

        return telling


@pytest.fixture(params=list(MEMORIES))
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the memory is told."""
    return MEMORIES[request.param]


@pytest.fixture
def serve(
    options: dict[str, Any],
    make_backbone: Callable[..., WanBackbone],
    make_trainer: Callable[..., Trainer],
    planner: Planner,
) -> Callable[..., None]:
    """Serve all prompts into a folder, as a new process does."""

    def serve(run: Path, tell: Tell) -> None:
        module = LayoutTTO(make_backbone(), 1, 3, 0.0, (1,), rank=2, lr=0.05)
        watcher = Watcher(tell)
        callbacks = (memory(iterations=2, **options), VideoWriter(sheet_prompts=1), SpritesEvaluation(), watcher)
        with watcher.watching():
            Stream(run, planner, vary_seed=True).run(make_trainer(*callbacks), module, PROMPTS)

    return serve


class Whole:
    """A run that nobody stops, and what it leaves on disk at each stage of each prompt.

    Attributes:
        path: the run.
        stops: a copy of it at each stage, by prompt and stage.
        seen: what it held after each prompt.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stops: dict[tuple[str, str], Path] = {}
        self.seen: dict[str, dict[str, Any]] = {}

    def tell(self, id: str, stage: str) -> None:
        left = copied(self.path, self.path.with_name(f"{id} {stage}"))
        if stage == "served":
            self.seen[id] = sight(left)
            shutil.rmtree(left)
        else:
            self.stops[id, stage] = left


@pytest.fixture
def whole(serve: Callable[..., None], options: dict[str, Any], tmp_path: Path) -> Whole:
    """It has all kinds of answers and of writes, forgets, and counts each lookup and each iteration saved once."""
    whole = Whole(new_run(tmp_path / "whole"))
    serve(whole.path, whole.tell)
    end = whole.seen[SERVED[-1]]
    decisions = [result["memory"] for result in end["results"]]
    reads = Counter(decision["read"] for decision in decisions)
    writes = Counter(decision["write"] for decision in decisions)
    assert set(reads) == {"miss", "warm start"} | ({"young entry"} if options["min_merged"] > 1 else set())
    assert set(writes) == {"insert", "update", "none"}
    assert len(end["entries"]) == options["capacity"] < writes["insert"]
    saved = [decision.get("iterations_saved", 0) for decision in decisions]
    assert [lookup.iterations_saved for lookup in end["lookups"]] == saved
    assert sum(saved) == reads["warm start"]  # of three iterations it takes two
    assert len({result["truth"]["frames"] for result in end["results"]}) == len(SERVED)
    return whole


def new_run(path: Path) -> Path:
    """Make a run folder; runs of other folders are the same run elsewhere."""
    path.mkdir()
    (path / ".run_id").write_text("run")
    return path


def copied(run: Path, to: Path) -> Path:
    """Copy a run as a kill would leave it now: in another process, as SQLite's locks go where its files are closed."""
    subprocess.run(["cp", "-R", str(run), str(to)], check=True)
    return to


def sight(run: Path) -> dict[str, Any]:
    """Return all that a run and its memory hold, but for the time."""
    results, entries, lookups, adapters, videos = state(run)
    lines = [json.loads(line)["id"] for line in (run / "results.jsonl").read_bytes().splitlines()]
    return {"lines": lines, "results": results, "entries": entries, "lookups": lookups, "adapters": adapters} | {
        "videos": videos,
        "left over": [path.name for path in run.iterdir() if path.name.startswith(".pending")],
        "damaged": not verify_folder(run / "memory").clean,
    }


def differences(run: Path, whole: Whole, id: str) -> list[str]:
    """Return what of a run is not as in the whole one after the same prompt."""
    seen, expected = sight(run), whole.seen[id]
    different = [name for name in expected if seen[name] != expected[name]]
    return different + [name for name in seen["videos"] if not same_video(run, whole.path, name)]


def same_video(run: Path, other: Path, name: str) -> bool:
    """Results have the digests of the exact frames; what x264 makes of them may differ."""
    one, two = (path / "videos" / name for path in (run, other))
    return one.read_bytes() == two.read_bytes() or bool((read_mp4(one) - read_mp4(two)).abs().mean() < 0.01)


def test_killed_at_each_stage(serve: Callable[..., None], whole: Whole, capsys: pytest.CaptureFixture[str]) -> None:
    """It goes on for two more prompts, from every 21st stop to the end; all of it is as it would have been."""
    start, failures, full = time.process_time(), [], 0
    points = [(place, stage) for place in range(len(SERVED)) for stage in STAGES]
    assert list(whole.stops) == [(SERVED[place], stage) for place, stage in points]
    for number, (place, stage) in enumerate(points):
        last = SERVED[-1 if number % 21 == 0 else min(place + 2, len(SERVED) - 1)]
        full += last == SERVED[-1]

        def stop(id: str, stage: str, last: str = last) -> None:
            if (id, stage) == (last, "served") and last != SERVED[-1]:
                raise Killed

        run = whole.stops[SERVED[place], stage]
        with suppress(Killed):
            serve(run, stop)
        failures += [(SERVED[place], stage, what) for what in differences(run, whole, last)]
        shutil.rmtree(run)
    with capsys.disabled():
        print(f"\n{len(points)} stops, {full} of them to the end: {len(failures)} differences")
        print(f"{time.process_time() - start:.0f} s of CPU")
    assert not failures


def test_stopped_at_each_stage_one_after_the_other(
    serve: Callable[..., None], whole: Whole, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By an error, as an interrupt is, which closes everything; in one run, which starts 105 times."""
    run, stops, start = new_run(tmp_path / "run"), [], time.process_time()

    def stop(id: str, stage: str) -> None:
        if stage != "served" and (id, stage) not in stops:
            stops.append((id, stage))
            raise Killed

    while len(stops) < len(SERVED) * len(STAGES):
        with pytest.raises((Killed, SystemExit)):
            serve(run, stop)
    serve(run, stop)
    assert stops == list(whole.stops)
    assert not differences(run, whole, SERVED[-1])
    with capsys.disabled():
        print(f"\n{len(stops)} stops of one run: no difference; {time.process_time() - start:.0f} s of CPU")
