"""Every config of a method: parsed on top of every preset, and served on top of the Sprites config."""

import json
from pathlib import Path

import pytest
import yaml

from ttom_pl.cli import main
from ttom_pl.planners import Planner
from ttom_pl.run import read_results

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs" / "methods").glob("*.yaml"))
PRESETS = sorted(
    path for path in (ROOT / "configs").glob("*.yaml") if "# ttom stream --config" in path.read_text(encoding="utf-8")
)
CLASSES = {
    "plain": None,
    "paper": "AdapterTTO",
    "latents": "LatentGuidance",
    "joint": "JointTTO",
    "bias": "AttentionBias",
}
REMEMBERED = ("paper", "joint")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_served(path: Path, tmp_path: Path, tiny_pipeline: Path, planner: Planner) -> None:
    layout = planner.plan("a red circle moves left and a blue square moves up", "p0")
    (tmp_path / "prompts.jsonl").write_text(json.dumps(layout.to_dict()))
    base = yaml.safe_load((ROOT / "configs" / "sprites.yaml").read_text())
    base["stream"]["out"] = str(tmp_path / "run")
    base["data"]["prompts"] = str(tmp_path / "prompts.jsonl")
    base["model"]["backbone"]["init_args"] |= {"pretrained": str(tiny_pipeline), "num_inference_steps": 8}
    base["model"] |= {"loss_blocks": [1], "rank": 2}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    few = [] if path.stem == "plain" else ["--model.guided_steps", "2", "--model.iterations", "2"]
    main(["stream", "--config", str(tmp_path / "base.yaml"), "--config", str(path), *few, "--model.stop_loss", "0"])
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    (result,) = read_results(tmp_path / "run").served.values()
    method = config["model"]["method"]
    if CLASSES[path.stem]:
        assert method["class_path"].rsplit(".", 1)[-1] == CLASSES[path.stem]
    assert result.updates == (0 if path.stem in ("plain", "bias") else 4)
    assert (result.memory is not None) == (path.stem in REMEMBERED)
    assert len(result.shifts) == (2 if path.stem in ("latents", "joint") else 0)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_parses_on_top_of_every_preset(path: Path, preset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a preset or another method's file has set, what a file says holds; the model is the preset's."""
    with pytest.raises(SystemExit) as stopped:
        main(["stream", "--config", str(preset), "--config", str(path), "--print_config"])
    printed = capsys.readouterr()
    assert stopped.value.code == 0, printed.err
    parsed, asked, below = (
        yaml.safe_load(text) for text in (printed.out, path.read_text("utf-8"), preset.read_text("utf-8"))
    )
    model = {name: value for name, value in asked["model"].items() if name != "method"}
    assert {name: parsed["model"][name] for name in model} == model
    for kept in ("rank", "lr", "loss_blocks"):
        assert parsed["model"][kept] == below["model"][kept]
    assert (
        parsed["model"]["backbone"]["init_args"]["pretrained"] == below["model"]["backbone"]["init_args"]["pretrained"]
    )
    if CLASSES[path.stem]:
        assert parsed["model"]["method"]["class_path"].endswith(f".{CLASSES[path.stem]}")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_head_says_how_to_run_it(path: Path) -> None:
    assert f"--config configs/methods/{path.name}" in path.read_text(encoding="utf-8")


def test_strength_is_an_option_of_the_command(tmp_path: Path) -> None:
    """Another strength needs no other file; a wrong one is refused by its name."""
    from ttom_pl.cli.stream import main as stream

    arguments = ["--config", str(ROOT / "configs" / "sprites.yaml")]
    arguments += ["--config", str(ROOT / "configs" / "methods" / "bias.yaml")]
    with pytest.raises(ValueError, match="strength is -3"):
        stream([*arguments, "--model.method.strength", "-3", "--stream.out", str(tmp_path)])


def test_all_methods_are_there() -> None:
    assert {path.stem for path in CONFIGS} == set(CLASSES)
    assert len(PRESETS) >= 6
