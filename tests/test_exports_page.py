"""The page on exports, command by command, on the embedded model."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from ttom_pl import TTOM
from ttom_pl.cli import main as ttom
from ttom_pl.memory import Memory
from ttom_pl.recall import RecallPolicy

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
QUICK = ["--model.iterations", "4", "--trainer.logger", "false"]


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def run(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "echo":
        Path(words[-1]).write_text(words[1])
        return
    assert words[0] == "ttom"
    if words[1] == "stream":
        words += QUICK
    if "3d35d" in words:
        with Memory(Path("runs/mine/memory"), read_only=True) as memory:
            words[words.index("3d35d")] = next(iter(memory)).id[:5]
    ttom(words[1:])


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("configs", "checkpoints"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    for block in blocks("sh"):
        for line in block.splitlines():
            run(line)
    with safe_open("left_right.safetensors", "pt") as file:
        notes = file.metadata()
    assert (notes["ttom_model"], notes["ttom_pipeline"], notes["ttom_steps"]) == ("sprites", "WanPipeline", "20")
    assert notes["ttom_expert"] == "the only"
    assert set(re.findall(r"`(ttom_\w+)`", PAGE)) - {"ttom_pl"} <= set(notes)
    workflow = json.loads(Path("left_right.json").read_text())
    (lora,) = (node for node in workflow.values() if node["class_type"] == "CreateHookLoraModelOnly")
    assert lora["inputs"]["lora_name"] == "left_right_comfyui.safetensors"

    (code,) = blocks("python")
    variables: dict[str, Any] = {}
    exec(code, variables)
    pipe = variables["pipe"]
    pipe.unload_lora_weights()
    given: dict[str, Any] = {
        "height": 32,
        "width": 32,
        "num_frames": 9,
        "num_inference_steps": 20,
        "guidance_scale": 4.0,
    }
    given |= {"max_sequence_length": 24, "output_type": "pt"}
    prompt = "a cyan circle moves left and a yellow square moves right"
    with Memory(Path("runs/mine/memory"), read_only=True) as memory:
        (entry,) = memory
    spec = entry.spec
    last = max(int(module.split(".")[1]) for module in spec.target_modules)
    numbers = {"rank": spec.rank, "alpha": spec.alpha, "guided_steps": spec.active_steps, "loss_blocks": [last]}
    as_it_is = {"recall": RecallPolicy(iterations=0, threshold=0.1), "conditional_only": False}
    for run_folder in ("runs/mine", "runs/imported"):
        with TTOM(pipe, run_folder, read_only=True, **numbers, **as_it_is) as ours:
            output = ours(prompt, generator=torch.Generator().manual_seed(42), **given)
        assert output.memory.hit
        assert torch.equal(output.frames[0], variables["frames"])
    plain = pipe(prompt, generator=torch.Generator().manual_seed(42), **given).frames[0]
    assert not torch.equal(plain, variables["frames"])


def test_what_cannot_be_imported_or_exported_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said by name and with a remedy, before a model is loaded."""
    (tmp_path / "two.txt").write_text("a cat moves left\na dog moves up\n")
    (tmp_path / "one.txt").write_text("a cat moves left\n")
    (tmp_path / "no.yaml").write_text("a: 1\n")
    lora, place = tmp_path / "lora.safetensors", tmp_path / "memory"
    for words, message in (
        (["import", place, lora], "looks like a LoRA; say for which scene it is, with --layout FILE"),
        (["import", place, tmp_path / "x.ttom", "--config", tmp_path / "no.yaml"], "--config is for a LoRA"),
        (["import", place, lora, "--layout", tmp_path / "one.txt"], "is in no run; give the config of the stream"),
        (
            ["import", place, lora, "--layout", tmp_path / "two.txt", "--config", tmp_path / "no.yaml"],
            "holds 2 prompts",
        ),
        (
            ["import", place, lora, "--layout", tmp_path / "one.txt", "--config", tmp_path / "no.yaml"],
            "no section model",
        ),
        (
            ["import", place, lora, "--layout", tmp_path / "one.txt", "--config", tmp_path / "none"],
            "there is no config",
        ),
    ):
        with pytest.raises(SystemExit):
            ttom(["memory", *map(str, words)])
        assert message in capsys.readouterr().err
