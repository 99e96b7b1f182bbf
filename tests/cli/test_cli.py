"""The ``ttom`` command in-process: what it does, and how it says no."""

import json
import logging
import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from diffusers import WanPipeline

import ttom_pl.cli
from ttom_pl.cli import COMMANDS, main
from ttom_pl.cli._quiet import quieten
from ttom_pl.planners import Planner
from ttom_pl.run import read_results
from ttom_pl.run.request import Request
from ttom_pl.stream import Stream

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
PROMPTS = [
    "a red circle moves left and a blue square moves up",
    "a green triangle moves left and a cyan circle moves up",
]

Config = dict[str, Any]


@pytest.fixture
def config(tmp_path: Path, tiny_config: Config, planner: Planner) -> Config:
    """The shipped config of the main job, on the tiny model."""
    lines = (json.dumps(planner.plan(prompt, f"p{i}").to_dict()) for i, prompt in enumerate(PROMPTS))
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    tiny_config["memory"]["recall"]["min_merged"] = 1
    tiny_config["data"]["prompts"] = str(tmp_path / "prompts.jsonl")
    tiny_config["model"]["guided_steps"] = 2
    return tiny_config


@pytest.fixture
def stream(tmp_path: Path, config: Config) -> Callable[..., Path]:
    """Write the config, call ``ttom stream`` with it and return the run folder."""

    def run(*arguments: str) -> Path:
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        main(["stream", "--config", str(tmp_path / "config.yaml"), *arguments])
        return Path(config["stream"]["out"])

    return run


def fails(call: Callable[[], Any], capsys: pytest.CaptureFixture[str]) -> str:
    """Call, expect exit code 2, and return what was written to standard error."""
    with pytest.raises(SystemExit) as stopped:
        call()
    error = capsys.readouterr().err
    assert stopped.value.code == 2, error
    assert "Traceback" not in error
    return error


def test_stream(stream: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    run = stream("--memory.keep.min_gain=-1")
    out = capsys.readouterr().out
    assert "served: 2, skipped: 0" in out
    assert "memory: hit rate 50%, 0.0 iterations saved a prompt" in out
    taken = re.search(
        r"seconds a prompt: ([\d.]+) \(.* plan, .* encode, .* recall, .* fit, .* denoise, .* decode, .* memory\)", out
    )
    assert taken is not None
    assert float(taken[1]) > 0
    results = read_results(run).served
    assert list(results) == ["p0", "p1"]
    assert [result.updates for result in results.values()] == [4, 4]
    assert [result.memory.write for result in results.values() if result.memory] == ["insert", "update"]
    assert all("layout_iou" in result.scores for result in results.values())
    for name in ("videos/0001.mp4", "videos/0002.mp4", "contact_sheet.png", "config.yaml", "memory"):
        assert (run / name).exists()


def test_stream_goes_on(stream: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The same command again serves nothing twice; with an override it is another run."""
    run = stream()
    before = (run / "results.jsonl").read_text()
    stream()
    assert (run / "results.jsonl").read_text() == before
    assert "another config" in fails(lambda: stream("--model.lr=0.5"), capsys)


def test_videos_named_for_a_benchmark(stream: Callable[..., Path]) -> None:
    options = "--model.guided_steps=0", "--videos.naming=t2v-compbench", "--videos.category=motion_binding"
    run = stream(*options)
    assert sorted(path.name for path in (run / "videos" / "motion_binding").iterdir()) == ["0001.mp4", "0002.mp4"]


def test_config_of_a_run_can_be_run_again(
    stream: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stream("--memory.mode=off")
    main(["stream", "--config", str(run / "config.yaml"), "--stream.out", str(tmp_path / "again")])
    losses = [[each.losses for each in read_results(run).served.values()] for run in (run, tmp_path / "again")]
    assert losses[0] == losses[1]


def test_a_skipped_prompt_is_named(
    stream: Callable[..., Path], config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(config["data"]["prompts"])
    bad = json.loads(path.read_text().splitlines()[0].replace("circle", "dragon")) | {"id": "bad"}
    for track in bad["tracks"]:
        track["spans"] = []
    path.write_text(path.read_text() + "\n" + json.dumps(bad))
    with pytest.warns(UserWarning, match="'bad' is skipped"):
        stream("--model.guided_steps=0")
    assert "served: 2, skipped: 1 (bad)" in capsys.readouterr().out


def test_no_prompt_served_is_a_failure(
    stream: Callable[..., Path], config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.txt").write_text("a dragon moves left\n")
    config["data"]["prompts"] = str(tmp_path / "bad.txt")
    with pytest.warns(UserWarning, match="is skipped"), pytest.raises(SystemExit) as stopped:
        stream()
    assert stopped.value.code == 1
    assert "served: 0, skipped: 1" in capsys.readouterr().out


def test_ctrl_c(
    stream: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(self: Stream, request: Request) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Stream, "serve", interrupt)
    with pytest.raises(SystemExit) as stopped:
        stream()
    assert stopped.value.code == 130
    assert "the same command goes on from" in capsys.readouterr().err


def test_warnings_without_their_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    quieten()
    assert warnings.formatwarning(UserWarning("look"), UserWarning, "module.py", 3) == "warning: look\n"


def test_libraries_are_quiet_on_import() -> None:
    """In a process of its own; with torchao installed, diffusers, torchao and PyTorch have much to say."""
    done = subprocess.run(
        [sys.executable, "-m", "ttom_pl", "stream", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.startswith("usage: ttom stream")
    assert done.stderr == ""


def test_other_messages_of_a_quietened_library_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    main(["--version"])
    logger = logging.getLogger("torchao")
    logger.warning("Failed to load /lib/torchao/_C.so: Could not load this library")
    logger.warning("these weights are not what they were")
    assert [record.getMessage() for record in caplog.records] == ["these weights are not what they were"]


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["-h"], ["--help"]):
        main(arguments)
        out = capsys.readouterr().out
        assert all(command in out for command in COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert re.fullmatch(r"ttom \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_help_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[name] for name in COMMANDS if name != "memory"] + [["memory", "list"]])
def test_every_command_refuses_unknown_options_alike(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In a line, and with no guess where nothing is near."""
    error = fails(lambda: main([*command, "--no-such-option"]), capsys)
    assert error.startswith(f"ttom {command[0]}: error: ")
    assert len(error.splitlines()) == 1


def test_commands_have_one_parser() -> None:
    """jsonargparse's, whose errors are told in one place; argparse gives errors and the form of help alone."""
    folder = Path(ttom_pl.cli.__file__).parent
    lines = [line for path in folder.glob("*.py") for line in path.read_text().splitlines() if "argparse" in line]
    imported = {line for line in lines if line.startswith(("import argparse", "from argparse"))}
    assert imported == {
        "from argparse import ArgumentError",
        "from argparse import ArgumentError, RawDescriptionHelpFormatter",
        "from argparse import SUPPRESS",
    }


def test_help_of_stream_names_its_sections(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stream", "--help"])
    out = capsys.readouterr().out
    for argument in (
        "--stream.out",
        "--data.prompts",
        "--model.guided_steps",
        "--memory.mode",
        "--videos.naming",
        "--trainer.accelerator",
    ):
        assert argument in out


def test_wrong_command(capsys: pytest.CaptureFixture[str]) -> None:
    error = fails(lambda: main(["dream"]), capsys)
    assert "there is no command 'dream'; choose from" in error


def test_wrong_config_key(stream: Callable[..., Path], config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    config["model"]["iteration"] = 3
    assert "iteration" in fails(stream, capsys)


def test_wrong_config_key_of_a_class(
    stream: Callable[..., Path], config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    config["model"]["backbone"]["init_args"]["hight"] = 32
    assert "hight" in fails(stream, capsys)


def test_options_are_not_abbreviated(stream: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert "--model.iteration" in fails(lambda: stream("--model.iteration=3"), capsys)


def test_wrong_config_value(stream: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert "iterations" in fails(lambda: stream("--model.iterations=many"), capsys)


def test_missing_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "nowhere.yaml" in fails(lambda: main(["stream", "--config", str(tmp_path / "nowhere.yaml")]), capsys)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("backbone", "pretrained", "{tmp}/nowhere", "no model folder '{tmp}/nowhere'"),
        ("backbone", "pretrained", "{tmp}", "model_index.json"),
        ("backbone", "height", 30, "height × width is 30 × 32"),
        ("model", "loss_blocks", [7], "loss_blocks is [7]"),
        ("model", "guided_steps", 9, "guided_steps is 9"),
        ("data", "prompts", "{tmp}/nowhere.txt", "no prompt file '{tmp}/nowhere.txt'"),
        ("data", "prompts", "{tmp}/binary.txt", "is not text"),
        ("data", "prompts", "{tmp}/empty.txt", "holds no prompt"),
        ("data", "prompts", "{tmp}/malformed.jsonl", "malformed.jsonl, line 1, column 1: not JSON"),
        ("stream", "out", "{tmp}/binary.txt/run", "cannot write to the run folder"),
    ],
)
def test_bad_input_ends_before_any_compute(
    stream: Callable[..., Path],
    config: Config,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    section: str,
    key: str,
    value: Any,
    message: str,
) -> None:
    (tmp_path / "binary.txt").write_bytes(b"\x89PNG\x00\xff")
    (tmp_path / "empty.txt").touch()
    (tmp_path / "malformed.jsonl").write_text("prompt")
    arguments = config["model"]["backbone"]["init_args"] if section == "backbone" else config[section]
    arguments[key] = value.format(tmp=tmp_path) if isinstance(value, str) else value
    assert message.format(tmp=tmp_path) in fails(stream, capsys)
    assert not (tmp_path / "run" / "videos" / "0001.mp4").exists()


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("data", "prompts", "nowhere.txt", "no prompt file"),
        ("data", "limit", -1, "limit is -1; it is how many prompts"),
        ("stream", "out", "/dev/null/run", "cannot write to the run folder"),
        ("stream", "seed", 7, "another config (stream.seed was 42, is 7)"),
        ("videos", "naming", "t2v-compbench", "has no category of T2V-CompBench"),
        ("videos", "scale", 0, "videos.scale is 0; it must be from 1 to 64"),
        ("memory", "recall", {"threshold": -1.0}, "memory.recall.threshold is -1.0; it must be above 0"),
        (
            "memory",
            "store",
            {"eviction": {"class_path": "AgeingLFU", "init_args": {"half_life": -1}}},
            "half_life is -1",
        ),
        ("stream", "min_confidence", 7.0, "stream.min_confidence is 7.0; it must be from 0 to 1"),
        ("stream", "planner", {"class_path": "LLMPlanner"}, "there is no model to plan with"),
        ("stream", "planner", {"class_path": "FilePlanner", "init_args": {"path": "/nowhere"}}, "/nowhere"),
        ("trainer", "devices", 0, "trainer.devices 0 cannot be used here"),
        ("trainer", "max_time", "soon", "trainer.max_time soon cannot be used here"),
        ("trainer", "callbacks", [{"class_path": "VideoWriter"}], "set it in the section 'videos'"),
    ],
)
def test_prompts_and_folder_are_looked_at_before_the_model(
    stream: Callable[..., Path],
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    section: str,
    key: str,
    value: Any,
    message: str,
) -> None:
    stream("--model.guided_steps=0")
    monkeypatch.setattr(WanPipeline, "from_pretrained", lambda *_, **__: pytest.fail("the model was loaded"))
    config[section][key] = value
    assert message in fails(lambda: stream("--model.guided_steps=0"), capsys)


def test_traceback_on_demand(stream: Callable[..., Path], config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTOM_TRACEBACK", "1")
    config["data"]["prompts"] = "nowhere.txt"
    with pytest.raises(ValueError, match="no prompt file"):
        stream()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_parses_by_the_command_at_its_head(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, classes and types; nothing is instantiated."""
    monkeypatch.chdir(ROOT)
    commands = [line[2:].strip() for line in path.read_text().splitlines() if line.startswith("# ttom ")]
    assert commands, f"{path.name} has no launch command at its head"
    program, *arguments = shlex.split(commands[0])
    assert program == "ttom"
    assert arguments[1:3] == ["--config", f"configs/{path.name}"]
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--print_config"])
    printed = capsys.readouterr()
    assert stopped.value.code == 0, printed.err
    assert holds(yaml.safe_load(printed.out), yaml.safe_load(path.read_text()))


def holds(parsed: Any, given: Any) -> bool:
    """Whether a parsed config says all that the file says; class names may have got their modules."""
    if isinstance(given, dict):
        return all(key in parsed and holds(parsed[key], value) for key, value in given.items())
    if isinstance(given, list):
        return len(parsed) >= len(given) and all(holds(*pair) for pair in zip(parsed, given, strict=False))
    return parsed == given or str(parsed).endswith(f".{given}")


def test_a_config_with_a_mistake_does_not_parse(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that the test above means something."""
    config["trainer"]["callbacks"][-1]["init_args"] = {"skale": 8}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    error = fails(lambda: main(["stream", "--config", str(tmp_path / "config.yaml"), "--print_config"]), capsys)
    assert "skale" in error


def test_every_data_file_that_a_config_names_is_there() -> None:
    config = yaml.safe_load((ROOT / "configs" / "sprites.yaml").read_text())
    assert (ROOT / config["data"]["prompts"]).is_file()
