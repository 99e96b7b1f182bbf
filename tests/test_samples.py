"""Several videos of a prompt: a line, a seed and a file each, one layout, one prompt in the numbers."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer
from memories import memory

from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import StreamCallback, VideoWriter
from ttom_pl.cli import main
from ttom_pl.evaluation.compare import compare
from ttom_pl.layout import Layout
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.report.page import write_page
from ttom_pl.report.summary import scores
from ttom_pl.run import Result, RunError, RunFolder, read_results
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene
from ttom_pl.stream import Stream

PROMPTS = [
    Prompt("one", "a red circle moves left and a blue square moves up"),
    Prompt("one-1", "three yellow squares stay still"),
]
SERVED = ["one-0", "one-1", "one-2", "one-1-0", "one-1-1", "one-1-2"]


class Moody(Planner):
    """Never plans the same twice."""

    def __init__(self, planner: Planner, moods: list[float]) -> None:
        self.planner, self.moods = planner, moods

    def plan(self, prompt: str, id: str = "") -> Layout:
        self.moods.append(len(self.moods) / 1000)
        layout = self.planner.plan(prompt, id)
        move = self.moods[-1]
        tracks = [
            replace(track, boxes=tuple(box and (box[0], box[1], box[2] + move, box[3]) for box in track.boxes))
            for track in layout.tracks
        ]
        return replace(layout, tracks=tuple(tracks))


class FromRun(Planner):
    """Gives the layouts of a run."""

    def __init__(self, served: dict[str, Result]) -> None:
        self.layouts = {result.prompt: result.layout for result in served.values()}

    def plan(self, prompt: str, id: str = "") -> Layout:
        layout = self.layouts[prompt]
        assert layout is not None
        return replace(layout, id=id)


class Videos(StreamCallback):
    def __init__(self) -> None:
        self.by_id: dict[str, torch.Tensor] = {}

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: torch.Tensor) -> None:
        self.by_id[request.prompt.id] = video


Serve = Callable[..., Path]


@pytest.fixture
def serve(
    make_backbone: Callable[..., WanBackbone], make_trainer: Callable[..., Trainer], planner: Planner, tmp_path: Path
) -> Serve:
    moods: list[float] = []

    def run(*callbacks: Callback, out: str = "run", **settings: Any) -> Path:
        module = LayoutTTO(make_backbone(num_inference_steps=2), 1, 2, 0.0, (1,), rank=2, lr=0.03)
        stream = Stream(tmp_path / out, **{"planner": Moody(planner, moods), "samples": 3, **settings})
        return stream.run(make_trainer(*callbacks), module, PROMPTS).path

    return run


def test_each_sample_is_a_line_of_its_own(serve: Serve, tmp_path: Path) -> None:
    videos, single = Videos(), Videos()
    run = serve(VideoWriter(naming="vbench"), videos)
    served = read_results(run).served
    assert list(served) == SERVED
    assert [result.number for result in served.values()] == [1, 2, 3, 4, 5, 6]
    assert [result.seed for result in served.values()] == [42, 43, 44] * 2
    assert [(result.source, result.sample) for result in served.values()] == [
        (prompt.id, sample) for prompt in PROMPTS for sample in range(3)
    ]
    for prompt in PROMPTS:
        layouts = [result.layout for result in served.values() if result.source == prompt.id]
        assert layouts == [layouts[0]] * 3
    names = {path.name for path in (run / "videos").iterdir()}
    assert names == {f"{prompt.text}-{sample}.mp4" for prompt in PROMPTS for sample in range(3)}
    said = json.loads((run / "videos_prompts.json").read_text())
    assert said == {f"{prompt.text}-{sample}.mp4": prompt.text for prompt in PROMPTS for sample in range(3)}

    assert not torch.equal(videos.by_id["one-0"], videos.by_id["one-1"])
    serve(single, out="single", samples=1, seed=43, planner=FromRun(served))
    assert torch.equal(single.by_id["one"], videos.by_id["one-1"])
    assert torch.equal(single.by_id["one-1"], videos.by_id["one-1-1"])

    page = write_page(tmp_path / "run", "run", list(served.values())).read_text()
    assert page.count("<article") == 6
    assert "sample 2" in page


def test_a_run_goes_on_at_the_sample_where_it_stopped(serve: Serve) -> None:
    """With the layout that the served samples had, whatever the planner says now, and with the memory's answers."""
    run = serve(VideoWriter(), memory(min_gain=0.0))
    whole = read_results(run)
    assert [result.files["video"][-10:] for result in whole.served.values()] == [
        f"{place:04d}-{sample}.mp4" for place in (1, 2) for sample in range(3)
    ]
    lines = (run / "results.jsonl").read_bytes().splitlines(keepends=True)
    (run / "results.jsonl").write_bytes(b"".join(lines[:4]))
    again = Videos()
    serve(VideoWriter(), memory(min_gain=0.0), again)
    assert list(again.by_id) == SERVED[4:]
    served = read_results(run).served
    assert list(served) == SERVED
    assert [result.layout for result in served.values()] == [result.layout for result in whole.served.values()]
    assert [result.seed for result in served.values()] == [42, 43, 44] * 2
    assert all(result.hit is not None for result in served.values())


def test_the_prompt_file_of_a_folder_of_several_runs(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    serve(VideoWriter(naming="vbench", folder=folder), out="a", samples=2)
    serve(VideoWriter(naming="vbench", folder=folder, sample=2), out="b", samples=1, seed=44)
    said = json.loads((tmp_path / "all_prompts.json").read_text())
    assert said == {f"{prompt.text}-{sample}.mp4": prompt.text for prompt in PROMPTS for sample in range(3)}
    assert said.keys() == {path.name for path in folder.iterdir()}


def test_seeds_of_samples_that_vary(serve: Serve) -> None:
    served = read_results(serve(samples=2, vary_seed=True)).served
    assert [result.seed for result in served.values()] == [42, 43, 44, 45]


@pytest.mark.parametrize("samples", [0, 1001])
def test_a_number_of_samples_out_of_range(samples: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"stream.samples is {samples}; it must be from 1 to 1000"):
        Stream(tmp_path, samples=samples)


def write_run(path: Path, values: dict[str, list[float]], samples: bool = True, **changes: Any) -> Path:
    """Write a run with a score for each sample of each prompt."""
    folder, number = RunFolder.open(path), 0
    for id, scored in values.items():
        for sample, value in enumerate(scored):
            number += 1
            made = Result(
                f"{id}-{sample}" if samples else id,
                number,
                f"prompt {id}",
                seed=42 + sample,
                updates=sample,
                seconds={"fit": 1.0},
                scores={"layout_iou": value},
                sample=sample,
                sample_of=id if samples else "",
            )
            folder.append(replace(made, **changes))
    return path


def test_compare_pairs_samples_and_counts_prompts(tmp_path: Path) -> None:
    plain = write_run(tmp_path / "plain", {"a": [0.0, 0.2, 0.4], "b": [0.1, 0.3, 0.5]})
    ttom = write_run(tmp_path / "ttom", {"a": [0.4, 0.8], "b": [0.5, 0.5, 0.8], "c": [1.0]})
    comparison = compare([plain, ttom])
    assert comparison.ids == ["a", "b"]
    np.testing.assert_allclose(comparison.values["layout_iou"], [[0.1, 0.3], [0.6, 0.6]])
    np.testing.assert_allclose(comparison.values["iterations"], [[0.5, 1.0]] * 2)
    assert "Means of 2 prompts, of each the mean of 3 samples that differ in noise" in comparison.table()

    single = write_run(tmp_path / "single", {"a": [0.5], "b": [0.7]}, samples=False)
    np.testing.assert_allclose(compare([plain, single]).values["layout_iou"], [[0.0, 0.1], [0.5, 0.7]])
    later = write_run(tmp_path / "later", {"a": [0.5], "b": [0.7]}, samples=False, seed=99)
    with pytest.raises(RunError, match="other noise"):
        compare([plain, later])
    with pytest.raises(RunError, match="have the same noise"):
        compare([[plain, single], [plain, single]])


def test_the_report_counts_prompts(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {"a": [0.0, 0.5], "b": [1.0, 1.0]})
    (score,) = scores(list(read_results(run).served.values()))
    assert (score.prompts, score.mean) == (2, 0.625)


def test_evaluation_of_a_run_with_samples(serve: Serve, tmp_path: Path) -> None:
    """A line a sample, under the prompt's id, also with the prompt file; a prompt that lacks some is told."""
    run = serve(VideoWriter())
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("\n".join(json.dumps({"id": prompt.id, "prompt": prompt.text}) for prompt in PROMPTS))
    (run / "videos" / "0002-1.mp4").unlink()
    expected = [("one", 0), ("one", 1), ("one", 2), ("one-1", 0), ("one-1", 2)]
    for given in ([], ["--prompts", str(prompts)]):
        out = tmp_path / f"scores{len(given)}"
        main(["evaluate", str(run), "--out", str(out), *given])
        lines = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
        assert [(line["id"], line["sample"]) for line in lines] == expected
        table = (out / "table.txt").read_text()
        assert "5 videos of 2 prompts" in table
        assert "1 prompts have fewer videos than the 3 of others: one-1" in table
