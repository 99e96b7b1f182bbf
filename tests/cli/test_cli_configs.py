"""Configs that are shipped are named by name, from every folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ttom_pl.cli import main
from ttom_pl.cli._configs import config_names, with_config_files

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


def test_every_config_has_a_name() -> None:
    assert {"sprites", "wan2.1-1.3b", "methods/paper"} <= set(config_names())
    assert len(config_names()) == len(list(CONFIGS.rglob("*.yaml")))


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("spell", [str, lambda path: f"configs/{path}.yaml"], ids=["name", "path"])
def test_named_from_another_folder(
    path: Path, spell: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = spell(path.relative_to(CONFIGS).with_suffix("").as_posix())
    assert with_config_files(["--config", text, "--a", text]) == ["--config", str(path), "--a", text]
    assert with_config_files([f"--config={text}"]) == [f"--config={path}"]


def test_a_file_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sprites").touch()
    (tmp_path / "probe").mkdir()
    assert with_config_files(["--config", "sprites"]) == ["--config", "sprites"]
    assert with_config_files(["--config", "probe"]) == ["--config", str(CONFIGS / "probe.yaml")]


@pytest.mark.parametrize("text", ["{model: {lr: 0.1}}", "model:\n  lr: 0.1", "null", "[]"])
def test_yaml_on_the_command_line_stays(text: str) -> None:
    assert with_config_files(["--config", text]) == ["--config", text]


@pytest.mark.parametrize(
    ("text", "guess"),
    [("sprits", "sprites"), ("configs/sprits.yaml", "sprites"), ("methods/papr", "methods/paper"), ("mine.yaml", "")],
)
def test_a_config_that_is_not_there(text: str, guess: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stream", "--config", text])
    error = capsys.readouterr().err
    hint = f"; did you mean {guess!r}" if guess else ""
    assert f"there is no config file {text!r}{hint}; give a file, or one of the package's own by name: " in error
    assert error.count("\n") == 1


def test_a_stream_parses_by_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of them, on top of each other, where nothing else lies; what they name is kept as it is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["stream", "--config", "sprites", "--config", "methods/paper", "--print_config"])
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["model"]["backbone"]["init_args"]["pretrained"] == "checkpoints/sprites"
    assert config["model"]["method"]["class_path"].endswith(".AdapterTTO")


def test_a_command_that_is_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["steam"])
    assert "there is no command 'steam'; did you mean 'stream'; choose from" in capsys.readouterr().err
