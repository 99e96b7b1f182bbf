"""Every shipped baseline config, on top of the Sprites config, parsed and served by ``ttom stream``."""

import json
from pathlib import Path

import pytest
import yaml

from ttom_pl.cli import main
from ttom_pl.memory import Memory
from ttom_pl.planners import Planner
from ttom_pl.run import read_results

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "configs" / "baselines").glob("*.yaml"))
METHODS = {"latent_guidance": "LatentGuidance", "attention_bias": "AttentionBias"}
MEMORY = {"memory_read_only": "read-only", "memory_read_write": "read-write"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config(path: Path, tmp_path: Path, tiny_pipeline: Path, planner: Planner) -> None:
    layout = planner.plan("a red circle moves left and a blue square moves up", "p0")
    (tmp_path / "prompts.jsonl").write_text(json.dumps(layout.to_dict()))
    base = yaml.safe_load((ROOT / "configs" / "sprites.yaml").read_text())
    base["stream"]["out"] = str(tmp_path / "run")
    base["data"]["prompts"] = str(tmp_path / "prompts.jsonl")
    base["model"]["backbone"]["init_args"] |= {"pretrained": str(tiny_pipeline), "num_inference_steps": 4}
    base["model"] |= {"guided_steps": 2, "iterations": 2, "stop_loss": 0.0, "loss_blocks": [1], "rank": 2}
    base["trainer"] |= {"logger": False}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    words = ["stream", "--config", str(tmp_path / "base.yaml"), "--config", str(path)]
    if path.stem == "memory_read_only":
        with Memory(tmp_path / "memory"):
            words += ["--memory.path", str(tmp_path / "memory")]
    main(words)
    config = yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())
    (result,) = read_results(tmp_path / "run").served.values()
    assert config["memory"]["mode"] == MEMORY.get(path.stem, "off")
    method = config["model"]["method"]
    assert (method and method["class_path"].rsplit(".", 1)[-1]) == METHODS.get(path.stem)
    assert result.updates == (0 if path.stem in ("plain", "attention_bias") else 4)
    assert (result.memory is not None) == (path.stem in MEMORY)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_head_says_how_to_run_it(path: Path) -> None:
    assert f"--config configs/baselines/{path.name}" in path.read_text(encoding="utf-8")


def test_strength_is_an_option_of_the_command(tmp_path: Path) -> None:
    """Another strength needs no other file; a wrong one is refused by its name."""
    from ttom_pl.cli.stream import main as stream

    arguments = ["--config", str(ROOT / "configs" / "sprites.yaml")]
    arguments += ["--config", str(ROOT / "configs" / "baselines" / "attention_bias.yaml")]
    with pytest.raises(ValueError, match="strength is -3"):
        stream([*arguments, "--model.method.strength", "-3", "--stream.out", str(tmp_path)])


def test_all_baselines_are_there() -> None:
    assert {path.stem for path in CONFIGS} == {"plain", "tto", *METHODS, *MEMORY}
