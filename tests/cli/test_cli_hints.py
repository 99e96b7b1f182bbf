"""What a parser refuses is told with what it may have been meant to be, the remedy first."""

import re
from pathlib import Path

import pytest

import ttom_pl.callbacks
import ttom_pl.planners  # noqa: F401
from ttom_pl.cli import main
from ttom_pl.cli._errors import explain
from ttom_pl.cli._guess import did_you_mean
from ttom_pl.cli._hints import hinted
from ttom_pl.rehearsal.trainer import IDLE, REFUSED

OPTIONS = ["--model.iterations", "--model.lr", "--data.prompts", "--trainer.callbacks"]


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (
            "unrecognized arguments: --model.iteration=3",
            "there is no option --model.iteration; did you mean '--model.iterations'",
        ),
        ("unrecognized arguments: --modle.lr 3 --x", "there is no option --modle.lr; did you mean '--model.lr'"),
        (
            "Group 'model' does not accept option 'iteration'",
            "model has no option 'iteration'; did you mean 'iterations'",
        ),
        (
            "Problem with given class_path 'ttom_pl.planners.GrammarPlanner': Option 'stear' is not accepted",
            "GrammarPlanner has no option 'stear'; did you mean 'steer'",
        ),
        (
            """Parser key "stream.planner": Expected a dot import path string: GramarPlanner""",
            "there is no class 'GramarPlanner'; did you mean 'GrammarPlanner'; name one of the package, or the path of",
        ),
        (
            "Problem with given class_path 'ttom_pl.planners.GramarPlanner': module 'planners' has no attribute",
            "there is no class 'ttom_pl.planners.GramarPlanner'; did you mean 'GrammarPlanner'",
        ),
        (
            "Problem with given class_path 'mypkg.Mine': No module named 'mypkg'",
            "there is no class 'mypkg.Mine'; install mypkg, or put the folder it lies in on $PYTHONPATH",
        ),
        (
            "argument COMMAND: invalid choice: 'lst' (choose from 'list', 'show')",
            "there is no 'lst'; did you mean 'list'",
        ),
    ],
)
def test_the_remedy_comes_first(message: str, hint: str) -> None:
    told = hinted(message, OPTIONS)
    assert told.startswith(hint)
    assert told.endswith(f"({message})")


@pytest.mark.parametrize(
    "message", ["unrecognized arguments: --no-such-option", "unrecognized arguments: 5", "Group 'model' is missing", ""]
)
def test_no_guess_where_nothing_is_near(message: str) -> None:
    assert hinted(message, OPTIONS) == message
    assert not did_you_mean("dream", ["stream-of-prompts", "plan"])


def test_what_the_parser_says_of_itself_is_left_out() -> None:
    assert hinted("Option 'x' is bad, got NestedArg(key='x', val='3')", OPTIONS) == "Option 'x' is bad"


def test_where_a_class_has_moved_comes_first() -> None:
    told = explain(ValueError("Parser key: a long line about ttom_pl.judge.LLMJudge"))
    assert told is not None
    assert told.startswith(
        "ttom_pl.judge.LLMJudge is ttom_pl.evaluation.judge.LLMJudge now, so name it by that (Parser"
    )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["plan", "x", "--planer", "grammar"], "there is no option --planer; did you mean '--planner' ("),
        (["memory", "list", "--jsn"], "there is no option --jsn; did you mean '--json' ("),
        (
            ["evaluate", "x", "--detector", "sprits"],
            "there is no detector 'sprits'; did you mean 'sprites'; choose from",
        ),
        (["memory", "lst"], "there is no 'lst'; did you mean 'list'"),
    ],
)
def test_commands_guess(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    error = capsys.readouterr().err
    assert error.startswith(f"ttom {words[0]}: error: {text}")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--model.iteration=3"], "there is no option --model.iteration; did you mean '--model.iterations' ("),
        (["--config", "{model: {iteration: 3}}"], "model has no option 'iteration'; did you mean 'iterations' ("),
        (["--model.backbone.hight", "3"], "WanBackbone has no option 'hight'; did you mean 'height' ("),
        (["--stream.planner", "GramarPlanner"], "there is no class 'GramarPlanner'; did you mean 'GrammarPlanner'"),
    ],
)
def test_a_stream_guesses(words: list[str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["stream", "--config", "sprites", *words, "--stream.out", str(tmp_path / "run")])
    assert f"ttom stream: error: {text}" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_help_of_a_stream_starts_with_its_own_sections(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the trainer come last, without what a stream refuses or what changes nothing."""
    with pytest.raises(SystemExit, match="0"):
        main(["stream", "--help"])
    usage, shown = capsys.readouterr().out.split("options:", 1)
    places = [shown.index(f"--{section}.") for section in ("stream", "data", "model", "memory", "videos", "trainer")]
    assert places == sorted(places)
    assert len(usage.splitlines()) < 8
    listed = set(re.findall(r"--trainer\.(\w+)", shown))
    assert {"accelerator", "devices", "logger", "callbacks"} <= listed
    assert not listed & (REFUSED | IDLE)
