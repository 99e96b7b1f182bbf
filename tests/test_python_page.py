"""The example of the page on Python, line by line, with a tiny pipeline in place of the one of the hub."""

import re
import subprocess
import sys
from inspect import isabstract
from pathlib import Path
from typing import Any

import pytest
from diffusers import WanPipeline

from ttom_pl import TTOM
from ttom_pl.backbones import backbone_of
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.io.media import read_mp4
from ttom_pl.memory import Memory
from ttom_pl.rehearsal.named import METHODS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def test_the_example(tiny_pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 10
    load = WanPipeline.from_pretrained

    def tiny(name: str, **options: Any) -> Any:
        assert name.startswith("Wan-AI/")
        pipe = load(tiny_pipeline, **options)
        monkeypatch.setattr(pipe, "to", lambda _: pipe)  # there is no card
        pipe.set_progress_bar_config(disable=True)
        return pipe

    monkeypatch.setattr(WanPipeline, "from_pretrained", tiny)
    monkeypatch.chdir(tmp_path)
    for line, small in (
        ("TTOM(pipe, ", "TTOM(pipe, loss_blocks=[1], iterations=2, rank=2, "),
        ("a cat walks left while two dogs run right", "a red circle moves left and a blue square moves up"),
        ("ttom(", "ttom(height=32, width=32, num_frames=9, num_inference_steps=4, prompt="),
    ):
        assert line in code
        code = code.replace(line, small)
    variables: dict[str, Any] = {}
    exec(code, variables)
    variables["ttom"].close()
    assert variables["out"].updates
    assert len(read_mp4(tmp_path / "cat.mp4")) == 9
    with Memory(tmp_path / "memory", read_only=True) as memory:
        assert len(memory) == (variables["out"].memory.write == "insert")


def test_the_page_names_what_is_supported() -> None:
    sentence = PAGE.split("The pipeline may be a ")[1].split(", with")[0]
    classes = {cls.pipeline_class.__name__ for cls in _known()}
    assert set(re.findall(r"`(\w+)`", sentence)) == classes
    assert all(backbone_of(cls.pipeline_class.__new__(cls.pipeline_class)) is cls for cls in _known())


def test_page_and_docstring_name_the_methods() -> None:
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| `method` |"))
    assert set(re.findall(r"`([a-z]+)`", row)) - {"method"} == set(METHODS)
    (said,) = re.findall(r"method: (.*?)\n        \w+:", TTOM.__doc__ or "", re.DOTALL)
    assert set(re.findall(r"``([a-z]+)``", said)) == set(METHODS)


def _known() -> list[type[PipelineBackbone]]:
    import ttom_pl.backbones as rooms

    backbones = [cls for name in rooms.__all__ if isinstance(cls := getattr(rooms, name), type)]
    held = [cls for cls in backbones if issubclass(cls, PipelineBackbone) and not isabstract(cls)]
    return [cls for cls in held if cls.can_be_called]


def test_importing_the_package_is_light() -> None:
    check = "import sys, ttom_pl; assert not {'torch', 'diffusers', 'lightning'} & set(sys.modules); ttom_pl.TTOM"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=ROOT)
