"""The benchmarks on the embedded model: their prompts, and what they make of runs."""

import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ttom_pl.evaluation.compare import Comparison, Difference, compare
from ttom_pl.io.media import write_mp4
from ttom_pl.layout import Layout, Track
from ttom_pl.run import Result, RunFolder
from ttom_pl.sprites.caption import parse_caption
from ttom_pl.sprites.data import SceneDataset

FOLDER = Path(__file__).parents[1] / "benchmarks"
QUALITY = ("temporal_consistency", "temporal_flickering", "persistence", "stability")
NAMES = ("sprites_prompts", "harness", "plots", "sprites", "methods", "stream", "ablations")


@pytest.fixture(scope="module")
def benchmarks() -> Iterator[dict[str, ModuleType]]:
    """The scripts as modules, found as they find each other."""
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in NAMES}
    sys.path.remove(str(FOLDER))
    for name in NAMES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def prompts(benchmarks: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    paths = benchmarks["sprites_prompts"].category_prompts(tmp_path_factory.mktemp("prompts"), 2026, 100, 60)
    return {name: read(path) for name, path in paths.items()}


def read(path: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["id"]: line["prompt"] for line in lines}


def test_main_prompts(benchmarks: dict[str, ModuleType], tmp_path: Path) -> None:
    drawn = benchmarks["sprites_prompts"].main_prompts(tmp_path, 2026, 100, 240)
    texts = {name: list(read(path).values()) for name, path in drawn.items()}
    assert Counter(texts["one"]) == dict.fromkeys(texts["one"], 2)
    assert len(texts["one"]) == 2 * 72
    many = texts["two"] + texts["stream"]
    assert len(set(many)) == len(many) == 340
    assert not benchmarks["sprites_prompts"].training_captions().intersection(many)
    scenes = Counter(tuple(group.motion for group in parse_caption(text)[0]) for text in texts["stream"])
    assert len(scenes) == 12
    assert set(scenes.values()) == {20}


def test_category_prompts(benchmarks: dict[str, ModuleType], prompts: dict[str, dict[str, str]]) -> None:
    assert {name: len(each) for name, each in prompts.items()} == {
        "motion": 100,
        "motion-fill": 60,
        "spatial": 100,
        "spatial-fill": 60,
        "numeracy": 100,
        "numeracy-fill": 60,
    }
    texts = [text for each in prompts.values() for text in each.values()]
    assert len(set(texts)) == len(texts)
    seen = benchmarks["sprites_prompts"].training_captions()
    assert not seen & set(prompts["motion"].values())
    assert all((text in seen) == id.endswith("-seen") for each in prompts.values() for id, text in each.items())
    assert sum(id.endswith("-seen") for id in prompts["spatial"]) == 20
    for name, each in prompts.items():
        for text in each.values():
            (first, second), relation = parse_caption(text)
            assert first.color != second.color
            assert (relation is not None) == name.startswith("spatial")
            if name.startswith("motion"):
                assert first.motion != second.motion != "still" != first.motion
            if name.startswith("numeracy"):
                assert first.motion == second.motion
                assert {first.count, second.count} == {1, 2}


def test_too_many_prompts(benchmarks: dict[str, ModuleType]) -> None:
    module = benchmarks["sprites_prompts"]
    with pytest.raises(ValueError, match="not 2000 captions of relations; ask for at most 1080"):
        module._relations(0, 2000, set())
    scenes = [{"a", "b"}, {"c", "d"}]
    assert sorted(module._draw("", 2, scenes, {"a", "d"})) == ["b", "c"]
    with pytest.raises(ValueError, match="not 3 held-out captions of this kind; ask for at most 2"):
        module._draw("", 3, scenes, {"a", "d"})


def test_stream_has_few_scenes(benchmarks: dict[str, ModuleType], tmp_path: Path) -> None:
    texts = read(benchmarks["sprites_prompts"].stream_prompts(tmp_path, 2026, 24)).values()
    scenes = [tuple(group.motion for group in parse_caption(text)[0]) for text in texts]
    assert {scenes.count(scene) for scene in scenes} == {2}
    assert len(set(scenes[:12])) < 12  # in random order


def test_caption_is_that_of_the_scene() -> None:
    scenes = SceneDataset(10, 3)
    assert [scenes.caption(i) for i in range(10)] == [scenes.scene(i).caption for i in range(10)]


def write_run(path: Path, *changes: dict[str, Any]) -> Path:
    folder = RunFolder.open(path)
    for number, change in enumerate(changes, start=1):
        folder.append(
            Result.from_dict(
                {
                    "id": f"motion-{number:03d}{'-seen' * (number > 4)}",
                    "number": number,
                    "prompt": f"prompt {number}",
                    "seed": 1,
                    "updates": 20,
                    "seconds": {"fit": 2.0, "denoise": 1.0},
                    "scores": {"motion": 0.5, "layout_iou": 0.2},
                }
                | change
            )
        )
    return path


@pytest.fixture
def stream(tmp_path: Path) -> Comparison:
    """Six prompts, of which the last four are hits at half the iterations and a quarter of the fit."""
    miss: dict[str, Any] = {"memory": {"hit": False, "read": "miss"}}
    hit = {"memory": {"hit": True, "read": "warm start"}, "updates": 10, "seconds": {"fit": 0.5, "denoise": 1.0}}
    off = write_run(tmp_path / "off", *[{"memory": {}}] * 6)
    return compare([off, write_run(tmp_path / "on", miss, miss, *[hit] * 4)], ["off", "on"])


def test_what_a_hit_costs(benchmarks: dict[str, ModuleType], stream: Comparison) -> None:
    lines = list(benchmarks["stream"].costs(stream))
    assert [line.split(" | ")[1:4] for line in lines[2:4]] == [
        ["miss", "2", "20.00, off 20.00 (+0.00 … +0.00)"],
        ["warm start", "4", "10.00, off 20.00 (-10.00 … -10.00)*"],
    ]
    summary = "50% of the iterations, 25% of the seconds of the fit, 50% of the seconds of a full rehearsal"
    assert lines[-1] == f"- on, warm start: {summary}"


def test_stream_in_thirds(benchmarks: dict[str, ModuleType], stream: Comparison) -> None:
    assert [part.values["iterations"].mean(1).tolist() for part in benchmarks["stream"].thirds(stream)] == [
        [20, 20],
        [20, 10],
        [20, 10],
    ]
    assert list(benchmarks["stream"].hit_table(stream))[-1] == "| on | 0% | 100% | 100% | 67% |"


def test_pictures(benchmarks: dict[str, ModuleType], stream: Comparison, tmp_path: Path) -> None:
    benchmarks["plots"].over_time(benchmarks["stream"].panels(stream), 3, tmp_path / "over_time.png")
    benchmarks["plots"].forest(stream, ["motion", "absent", "iterations"], tmp_path / "forest.png")
    for name in ("over_time", "forest"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert np.ptp(np.asarray(picture.convert("L"))) > 200


def test_held_out_prompts_alone(benchmarks: dict[str, ModuleType], stream: Comparison) -> None:
    held_out = [id for id in stream.ids if not id.endswith("-seen")]
    part = benchmarks["methods"].subset(stream, held_out)
    assert part.ids == held_out
    assert part.values["iterations"].tolist() == [[20] * 4, [20, 20, 10, 10]]


@pytest.mark.parametrize(
    ("difference", "sign", "verdict"),
    [
        (Difference(0.1, 0.05, 0.2), 1, "this model agrees"),
        (Difference(0.1, 0.05, 0.2), -1, "**this model disagrees**"),
        (Difference(0.1, -0.05, 0.2), 1, "**not seen here**, no significant difference"),
        (Difference(0.1, -0.05, 0.2), 0, "this model agrees, no significant difference"),
        (Difference(0.1, 0.05, 0.2), 0, "**this model disagrees**"),
    ],
)
def test_verdicts(benchmarks: dict[str, ModuleType], difference: Difference, sign: int, verdict: str) -> None:
    assert benchmarks["ablations"]._verdict(difference, sign) == verdict


def test_findings_name_the_numbers(benchmarks: dict[str, ModuleType], tmp_path: Path) -> None:
    """All variants alike but 16 iterations, which are better; whatever the shipped config's defaults are."""
    ablations = benchmarks["ablations"]
    names = list(ablations.variants())

    def scores(name: str) -> list[dict[str, Any]]:
        better = 0.2 * (name == "iterations-16")
        return [{"scores": {"motion_binding": 0.1 * n + better}} for n in range(1, 5)]

    comparison = compare([write_run(tmp_path / name, *scores(name)) for name in names], names)
    more, few, enough, blocks, parameters = ablations.findings(comparison)
    assert "**this model disagrees**" in more
    assert "0.250 at 8, 0.450 at 16, difference +0.200 (+0.200 … +0.200)" in more
    assert "not seen here" in few
    assert "this model agrees" in enough
    assert "behind the best: none" in blocks
    assert "not seen here" in parameters


@pytest.fixture
def quick_runs(monkeypatch: pytest.MonkeyPatch, benchmarks: dict[str, ModuleType]) -> list[tuple[str, ...]]:
    """Runs that are written rather than served, with scores that all categories have; their options."""
    served: list[tuple[str, ...]] = []
    video = torch.rand(5, 3, 32, 32)

    def run(out: Path, prompts: Path, seed: int, *options: str) -> Path:
        served.append(options)
        number = len(served)
        layout = json.loads(
            json.dumps(Layout("a cat", (Track(0, "a cat", ("cat",), ((0.0, 0.0, 0.5, 0.5),)),)).to_dict())
        )
        names = {name for scores in benchmarks["methods"].SCORES.values() for name in scores}.union(QUALITY)
        changes = [
            {
                "id": id,
                "prompt": text,
                "seed": seed + place,
                "scores": dict.fromkeys(names, (0.1 * place + 0.07 * number) % 1),
                "memory": {"hit": place > 1, "read": "warm start" if place > 1 else "miss"},
                "files": {"video": "videos/0001.mp4"},
                "layout": layout,
            }
            for place, (id, text) in enumerate(read(prompts).items())
        ]
        write_run(out, *changes)
        write_mp4(out / "videos" / "0001.mp4", video, fps=8)
        return out

    for name in ("sprites", "methods", "stream", "ablations"):
        monkeypatch.setattr(benchmarks[name], "run", run)
    monkeypatch.setattr(benchmarks["sprites"], "identical", partial(benchmarks["sprites"].identical, number=1))
    return served


@pytest.mark.parametrize(
    ("name", "extra", "runs", "says"),
    [
        ("sprites", ["--stream", "12"], 8, ["TTOM cold: layout IoU", "1 of 1 videos", "Stream, prompts 9 to 12"]),
        (
            "methods",
            ["--seeds", "2", "--fill", "2"],
            3 * 2 * 7,
            ["## Motion", "Spatial relationship", "Against the joint rehearsal"],
        ),
        ("stream", ["--one_noise"], 7, ["Last third:", "of a full rehearsal", "One noise for all prompts"]),
        ("ablations", ["--method", "paper"], 16, ["twice as many iterations", "optimising parameters"]),
        ("ablations", [], 25, ["adapter half", "step_size-0.05", "stop_loss-0.1"]),
    ],
)
def test_whole_benchmark(
    benchmarks: dict[str, ModuleType],
    quick_runs: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    extra: list[str],
    runs: int,
    says: list[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--out", str(tmp_path), "--count", "6", *extra])
    benchmarks[name].main()
    results = (tmp_path / "results.md").read_text()
    assert len(quick_runs) >= runs
    for text in says:
        assert text.lower() in results.lower()
    assert "nan" not in results
    for picture in re.findall(r"\]\((.*\.png)\)", results):
        assert (tmp_path / picture).is_file()
