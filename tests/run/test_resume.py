"""What of a prompt changed since its result was made."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ttom_pl.layout import Layout, Track
from ttom_pl.planners import steer_in
from ttom_pl.prompts import Prompt
from ttom_pl.run import Result, image_record
from ttom_pl.run.identity import changes

LAYOUT = Layout("a cat", (Track(0, "a cat", ("cat",), ((0.1, 0.1, 0.5, 0.5), None)),), id="1")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(b"a cat")
    return path


def test_nothing_or_each(image: Path, tmp_path: Path) -> None:
    prompt = Prompt("1", "a cat", LAYOUT, image=image)
    line = Result("1", 1, "a cat", LAYOUT, image=image_record(image)).to_dict()
    result = Result.from_dict(json.loads(json.dumps(line)))
    assert changes(prompt, result) == []
    assert changes(replace(prompt, layout=None), result) == []
    assert changes(replace(prompt, text="a dog"), result) == ["text"]
    assert changes(replace(prompt, image=None), result) == ["image"]
    assert changes(replace(prompt, layout=replace(LAYOUT, background="sea")), result) == ["layout"]
    assert changes(prompt, replace(result, image=None)) == ["image"]


def test_a_long_text_counts() -> None:
    """A layout that is brought counts as it is steered in it."""
    long = "A grey cat sleeps, the cat purrs."
    prompt = Prompt("1", "a cat", LAYOUT, long=long)
    steered = json.loads(json.dumps(steer_in(LAYOUT, long).to_dict()))
    result = Result("1", 1, "a cat", Layout.from_dict(steered), long=long)
    assert changes(prompt, result) == []
    assert changes(replace(prompt, layout=None), result) == []
    assert changes(replace(prompt, long=""), result) == ["long text", "layout"]
    assert changes(replace(prompt, long="A dog."), result) == ["long text", "layout"]
    assert changes(replace(prompt, layout=None, long=f"{long} Dusk."), result) == ["long text"]


def test_an_image_is_its_content(image: Path, tmp_path: Path) -> None:
    """It may lie elsewhere, or be gone; another picture under its name is another image."""
    result = Result("1", 1, "a cat", image=image_record(image))
    moved = image.rename(tmp_path / "moved.png")
    assert changes(Prompt("1", "a cat", image=moved), result) == []
    assert changes(Prompt("1", "a cat", image=image), result) == []
    moved.write_bytes(b"a dog")
    assert changes(Prompt("1", "a cat", image=moved), result) == ["image"]


def test_results_of_older_versions(image: Path) -> None:
    """They say nothing of images."""
    assert changes(Prompt("1", "a cat"), Result.from_dict({"id": "1", "number": 1, "prompt": "a cat"})) == []
    assert changes(
        Prompt("1", "a cat", image=image), Result.from_dict({"id": "1", "number": 1, "prompt": "a cat"})
    ) == ["image"]
