"""The walk from a benchmark's prompt list to scores in the documentation, command by command, on a tiny model."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ttom_pl.cli import main as ttom
from ttom_pl.evaluation.naming import COMPBENCH_FOLDERS
from ttom_pl.layout.text import as_read
from ttom_pl.prompts.readers import COMPBENCH_FILES, read_any
from ttom_pl.run import read_results

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
TINY = {"height": 32, "width": 48, "num_frames": 9, "num_inference_steps": 2, "dtype": "float32", "placement": {}}
RELATIONS = re.compile(r"an? (?P<object_a>.+) (?P<relationship>on the \w+ of) an? (?P<object_b>.+?)(?:, front view)?")


@pytest.fixture
def walk(
    shared_data: Path,
    grounding_dino: Path,
    make_tiny_pipeline: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], list[list[str]]]:
    """Lay out what the page takes for granted, and run its commands of one benchmark; return those of other tools."""
    given = json.loads((shared_data / "vbench" / "given.json").read_text())
    entries = [vbench_entry(kind, each["short"]) for kind, prompts in given.items() for each in prompts[:1]]
    longs = [each["long"] for prompts in given.values() for each in prompts[:1]]
    repeat = {"prompt_en": entries[0]["prompt_en"], "dimension": ["overall_consistency"]}  # its own list has two
    (tmp_path / "VBench_full_info.json").write_text(json.dumps([*entries, repeat]))
    (tmp_path / "long.txt").write_text("\n".join([*longs, longs[0]]))
    for name in ("motion_binding", "object_interactions"):
        records = json.loads((shared_data / "t2vcompbench" / f"{name}.json").read_text())
        (tmp_path / f"{name}.json").write_text(json.dumps(records[:2]))
    words = {word for path in tmp_path.iterdir() for word in re.findall(r"\w+|[^\w\s]+", path.read_text().lower())}
    monkeypatch.setattr("ttom_pl.sprites.tokenizer.vocabulary", lambda: sorted(words))
    config = yaml.safe_load((ROOT / "configs" / "wan2.1-1.3b.yaml").read_text())
    config["model"]["backbone"]["init_args"] |= TINY | {
        "pretrained": str(make_tiny_pipeline(tmp_path / "tiny", seed=0))
    }
    config["model"] |= {"guided_steps": 1, "iterations": 1, "loss_blocks": [1], "rank": 2}
    config["trainer"]["enable_progress_bar"] = False
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "wan2.1-1.3b.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "grounding-dino").symlink_to(grounding_dino)
    monkeypatch.chdir(tmp_path)

    def run(name: str) -> list[list[str]]:
        others = []
        for line in COMMANDS:
            program, *args = shlex.split(line)
            if name in line and program == "ttom":
                ttom(args)
            elif name in line:
                others.append([program, *args])
        return others

    return run


def vbench_entry(dimension: str, prompt: str) -> dict[str, Any]:
    match = RELATIONS.fullmatch(prompt)
    pair = {"object": re.sub(r"\ban? ", "", prompt)} if match is None else {dimension: match.groupdict()}
    return {"prompt_en": prompt, "dimension": [dimension], "auxiliary_info": {dimension: pair}}


def vbench_reads(videos: Path, dimension: str, mode: str = "vbench_standard", prompt_file: str = "") -> dict[str, str]:
    """Return prompts by video as VBench 0.1.5 finds them (``build_full_info_json``)."""
    names = [path.name for path in videos.iterdir()]
    if mode == "custom_input":
        prompts = {videos / name: text for name, text in json.loads(Path(prompt_file).read_text()).items()}
        shown = [name for name in names if Path(name).suffix.lower() in (".mp4", ".gif", ".jpg", ".png")]
        assert len(prompts) >= len(shown)
        return {name: prompts[videos / name] for name in shown}
    ending = Path(names[0]).suffix
    found = {}
    for entry in json.loads(Path("VBench_full_info.json").read_text()):
        if dimension in entry["dimension"]:
            for number in range(5):
                name = f"{entry['prompt_en']}-{number}{ending}"
                assert name in names
                found[name] = entry["prompt_en"]
    return found


def test_the_walk_through_vbench(walk: Callable[[str], list[list[str]]], tmp_path: Path) -> None:
    commands = walk("vbench")
    assert len(commands) == 2
    entries = json.loads(Path("VBench_full_info.json").read_text())
    found = []
    for program, action, *options in commands:
        assert (program, action) == ("vbench", "evaluate")
        values = {name.removeprefix("--"): value for name, value in zip(options[::2], options[1::2], strict=True)}
        found.append(vbench_reads(Path(values.pop("videos_path")), **values))
    standard, custom = found
    assert len(standard) == 5
    assert len(custom) == 10
    assert standard.items() <= custom.items()
    assert set(custom.values()) == {entry["prompt_en"] for entry in entries}

    served = list(read_results(tmp_path / "runs" / "vbench").served.values())
    assert [result.id for result in served[:6]] == [*(f"0001-{n}" for n in range(5)), "0002-0"]
    assert [result.seed for result in served] == [*range(42, 47)] * 2
    longs = Path("long.txt").read_text().split("\n")
    for place, result in enumerate(served):
        assert result.long == longs[place // 5]
        assert result.layout is not None
        assert result.layout.prompt == as_read(longs[place // 5])
    lines = [json.loads(line) for line in (tmp_path / "scores" / "vbench" / "scores.jsonl").read_text().splitlines()]
    assert [(line["id"], line["sample"]) for line in lines] == [(f"{n:04d}", s) for n in (1, 2) for s in range(5)]
    assert all("spatial_relationship" in line["scores"] for line in lines[:5])
    assert {line["truth"]["spatial_relationship"] for line in lines[:5]} == {"metadata"}
    assert "10 videos of 2 prompts" in (tmp_path / "scores" / "vbench" / "table.txt").read_text()


def test_the_walk_through_t2v_compbench(walk: Callable[[str], list[list[str]]], tmp_path: Path) -> None:
    assert walk("motion_binding") == walk("interactions") == []
    for run, folder in (("motion_binding", "motion_binding"), ("interactions", "interaction")):
        videos = tmp_path / "runs" / run / "videos"
        assert list(videos.iterdir()) == [videos / folder]
        assert sorted(path.name for path in (videos / folder).iterdir()) == ["0001.mp4", "0002.mp4"]
    lines = (tmp_path / "scores" / "motion_binding" / "scores.jsonl").read_text().splitlines()
    assert all("motion_binding" in json.loads(line)["scores"] for line in lines)
    assert len(lines) == 2


def test_each_published_list_has_names_and_claims(shared_data: Path, tmp_path: Path) -> None:
    """Whole lists: each prompt gets a file of the right name, and evaluation gives each file back to its prompt."""
    from ttom_pl.callbacks import VideoWriter
    from ttom_pl.evaluation.videos import find_clips
    from ttom_pl.prompts.prompt import sampled

    files = [(shared_data / "t2vcompbench" / f"{name}.json", "t2v-compbench") for name in COMPBENCH_FILES]
    for file, naming in [*files, (shared_data / "vbench" / "given.json", "vbench")]:
        prompts = read_any(file)
        samples = 5 if naming == "vbench" else 1
        names = VideoWriter(naming=naming, folder=tmp_path).names(sampled(prompts, samples))  # type: ignore[arg-type]
        assert len(names) == samples * len(prompts)
        if naming == "t2v-compbench":
            folder = tmp_path / COMPBENCH_FOLDERS[COMPBENCH_FILES[file.stem]]
            expected = [f"{folder}/{place:04d}.mp4" for place in range(1, len(prompts) + 1)]
        else:
            folder = tmp_path
            expected = [f"{folder}/{prompt.text}-{sample}.mp4" for prompt in prompts for sample in range(5)]
        assert list(names.values()) == expected
        folder.mkdir(exist_ok=True)
        for name in expected:
            Path(name).touch()
        clips = find_clips(folder, file)
        assert [str(clip.path) for clip in clips.claimed] == expected
        assert not clips.missing
        assert not clips.unclaimed


def test_vbenchs_whole_list() -> None:
    """The list in VBench's own package, where that is installed."""
    from importlib.util import find_spec

    from ttom_pl.callbacks import VideoWriter
    from ttom_pl.evaluation.from_prompt import expect

    spec = find_spec("vbench")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package vbench is not installed")
    path = Path(next(iter(spec.submodule_search_locations))) / "VBench_full_info.json"
    prompts = read_any(path)
    entries = json.loads(path.read_text())
    assert len(prompts) == len({entry["prompt_en"] for entry in entries}) == 944
    names = VideoWriter(naming="vbench").names(prompts)
    assert {Path(name).name for name in names.values()} == {f"{entry['prompt_en']}-0.mp4" for entry in entries}
    by_text = {prompt.text: prompt.metadata["dimension"] for prompt in prompts}
    assert all(set(entry["dimension"]) <= set(by_text[entry["prompt_en"]]) for entry in entries)
    assert sum(expect(prompt).truth == "metadata" for prompt in prompts) >= 84 + 82
