"""Classes that configs name by the paths they had in earlier versions."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml

from ttom_pl.cli import main
from ttom_pl.run import Result, RunError, RunFolder
from ttom_pl.run.config import MOVED, modern, moved_in, new_path

CLASSES = {
    "ttom_pl.baselines.LatentGuidance": "ttom_pl.rehearsal.LatentGuidance",
    "ttom_pl.baselines.attention_bias.AttentionBias": "ttom_pl.rehearsal.attention_bias.AttentionBias",
    "ttom_pl.detectors.SpritesDetector": "ttom_pl.evaluation.detectors.SpritesDetector",
    "ttom_pl.detectors.zero_shot.ZeroShotDetector": "ttom_pl.evaluation.detectors.zero_shot.ZeroShotDetector",
    "ttom_pl.judge.LLMJudge": "ttom_pl.evaluation.judge.LLMJudge",
    "ttom_pl.metrics.MotionBinding": "ttom_pl.evaluation.metrics.MotionBinding",
    "ttom_pl.prompts.PromptStream": "ttom_pl.prompts.datamodule.PromptStream",
}
STAY = ["ttom_pl.planners.GrammarPlanner", "ttom_pl.callbacks.Evaluation", "GrammarPlanner", "my.ttom_pl.judge.Judge"]


def config(detector: str, method: str, callback: str = "ttom_pl.callbacks.Evaluation") -> str:
    judge = {"class_path": "my_judges.Judge", "init_args": {"prompt": "as ttom_pl.judge does"}}
    callbacks = [{"class_path": callback, "init_args": {"detector": {"class_path": detector}, "judge": judge}}]
    return yaml.safe_dump({"trainer": {"callbacks": callbacks}, "model": {"method": {"class_path": method}}})


OLD = config("ttom_pl.detectors.SpritesDetector", "ttom_pl.baselines.LatentGuidance")
NEW = config("ttom_pl.evaluation.detectors.SpritesDetector", "ttom_pl.rehearsal.LatentGuidance")


@pytest.mark.parametrize(("old", "new"), CLASSES.items())
def test_a_class_is_where_its_new_path_says(old: str, new: str) -> None:
    assert new_path(old) == new
    assert new_path(new) == new
    module, _, name = new.rpartition(".")
    assert isinstance(getattr(import_module(module), name), type)
    with pytest.raises((ImportError, AttributeError)):
        getattr(import_module(old.rpartition(".")[0]), name)


def test_every_move_is_tried() -> None:
    """``ttom_pl.tto`` held the modules of the rehearsal, of which configs named none by a path."""
    assert all(any(name.startswith(old) for name in CLASSES) for old in MOVED.keys() - {"ttom_pl.tto"})


@pytest.mark.parametrize("path", STAY)
def test_other_paths_stay(path: str) -> None:
    assert new_path(path) == path
    assert not moved_in(f"there is no {path}, look elsewhere")


def test_a_run_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    """Under the paths of today; only what names classes is read as such."""
    assert modern(yaml.safe_load(OLD)) == yaml.safe_load(NEW)
    RunFolder.open(tmp_path, OLD).append(Result("1", 1, "a cat"))
    folder = RunFolder.open(tmp_path, NEW)
    assert yaml.safe_load((folder.path / "config.yaml").read_text()) == yaml.safe_load(NEW)


def test_another_class_is_another_config(tmp_path: Path) -> None:
    RunFolder.open(tmp_path, OLD).append(Result("1", 1, "a cat"))
    with pytest.raises(RunError, match=r"model\.method\.class_path was \"ttom_pl\.rehearsal\.LatentGuidance\""):
        RunFolder.open(tmp_path, config("ttom_pl.evaluation.detectors.SpritesDetector", "ttom_pl.rehearsal.JointTTO"))


@pytest.mark.parametrize("section", ["detector", "method"])
def test_an_old_path_in_a_users_yaml_is_refused_with_the_new_one(
    section: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {
        "detector": {
            "trainer": {
                "callbacks": [
                    {
                        "class_path": "Evaluation",
                        "init_args": {"detector": {"class_path": "ttom_pl.detectors.SpritesDetector"}},
                    }
                ]
            }
        },
        "method": {"model": {"method": {"class_path": "ttom_pl.baselines.LatentGuidance"}}},
    }
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(parts[section]))
    with pytest.raises(SystemExit) as stopped:
        main(["stream", "--config", "configs/sprites.yaml", "--config", str(path), "--stream.out", str(tmp_path / "r")])
    assert stopped.value.code == 2
    (told,) = moved_in(yaml.safe_dump(parts[section])).items()
    assert f"{told[0]} is {told[1]} now" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_an_old_path_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.txt").write_text("a cat")
    words = ["--prompts", str(tmp_path / "p.txt"), "--judge", "ttom_pl.judge.LLMJudge"]
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", str(tmp_path), *words])
    assert "ttom_pl.judge.LLMJudge is ttom_pl.evaluation.judge.LLMJudge now" in capsys.readouterr().err
