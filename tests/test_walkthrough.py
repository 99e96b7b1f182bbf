"""The walk through the memory in the documentation, command by command, on the embedded model."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

from ttom_pl.cli import main as ttom
from ttom_pl.io.media import read_mp4
from ttom_pl.memory import Memory

ROOT = Path(__file__).parents[1]
WALK = (ROOT / "docs" / "memory.md").read_text(encoding="utf-8").split("## What the store promises")[0]
PROMPTS = [
    "a blue circle moves left and a purple triangle moves right",
    "a red square moves left and a green circle moves right",
    "a cyan square moves left and a red triangle moves right",
    "a yellow circle moves left and a green square moves right",
]
QUICK = ["--config", "configs/methods/paper.yaml", "--model.iterations", "4", "--trainer.logger", "false"]
"""The adapter alone, which is all that plain diffusers knows."""


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", WALK, re.DOTALL)


@pytest.fixture
def walk(tmp_path, monkeypatch, capsys):
    """Run each line of the shell blocks with fewer prompts and iterations; return the Python block's variables."""
    for name in ("configs", "checkpoints"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "few.txt").write_text("\n".join(PROMPTS))
    monkeypatch.chdir(tmp_path)
    printed = {}

    def run(line):
        words = shlex.split(line)
        if words[0] == "echo":
            Path(words[-1]).write_text(words[1])
            return
        assert words[0] == "ttom"
        if words[1] == "stream":
            words += QUICK if "--data.prompts" in words else [*QUICK, "--data.prompts", "few.txt"]
        elif "3d35d" in words:
            with Memory(Path("runs/sprites/memory")) as memory:
                words[words.index("3d35d")] = next(iter(memory)).id[:5]
        capsys.readouterr()
        ttom(words[1:])
        printed[" ".join(words[1:3])] = capsys.readouterr().out

    *before, after = blocks("sh")
    for block in before:
        for line in block.splitlines():
            run(line)
    (code,) = blocks("python")
    variables = {}
    exec(code, variables)
    for line in after.splitlines():
        run(line)
    return variables, printed


def test_the_walk_through_the_memory(walk, tmp_path):
    variables, printed = walk
    assert "1 entries" in printed["memory list"]
    assert PROMPTS[0] in printed["memory show"]
    assert "4 prompts, 1 hits (25%)" in printed["memory stats"]
    assert printed["memory verify"] == "1 sound entries\n"
    assert "1 entries added" in printed["memory import"]
    assert len(list(tmp_path.glob("runs/sprites/memory/pictures/*.png"))) == 2
    assert (tmp_path / "left_right.gif").stat().st_size > 0

    frames = torch.from_numpy(np.stack([np.asarray(frame) for frame in variables["frames"]])).permute(0, 3, 1, 2) / 255
    ours = read_mp4(tmp_path / "runs" / "unseen" / "videos" / "0001.mp4")[..., 4::8, 4::8]
    assert (ours - frames).abs().mean() < 0.008
    pipe = variables["pipe"]
    pipe.unload_lora_weights()
    given = {"height": 32, "width": 32, "num_frames": 9, "num_inference_steps": 20, "guidance_scale": 4.0}
    noise = torch.Generator().manual_seed(42)
    unseen = (tmp_path / "unseen.txt").read_text()
    plain = pipe(unseen, max_sequence_length=24, generator=noise, output_type="pt", **given).frames[0]
    assert (plain - frames).abs().mean() > 0.016


def test_the_readme_has_the_same_commands():
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("### The memory")[1].split("\n### ")[0]
    commands = [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    assert commands
    assert {line.split("#")[0].strip() for line in commands} <= {
        line for block in blocks("sh") for line in block.split("\n")
    }
    assert "docs/memory.md" in section
