"""Backbones of every kind of pipeline, each tiny and of the real classes."""

from collections.abc import Callable
from pathlib import Path

import pipelines
import pytest
import torch
from kinds import KINDS, Case, make_case
from PIL import Image


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Save a kind's pipeline once."""
    root = tmp_path_factory.mktemp("kinds")

    def folder(name: str) -> Path:
        path = root / name
        return path if path.exists() else pipelines.save(KINDS[name].make, path)

    return folder


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image to start from; its size is not the video's."""
    pixels = torch.randint(0, 256, (24, 40, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    path = tmp_path_factory.mktemp("images") / "picture.png"
    Image.fromarray(pixels.numpy()).save(path)
    return path


@pytest.fixture(params=list(KINDS))
def case(request: pytest.FixtureRequest, folder_of: Callable[[str], Path], picture: Path) -> Case:
    """Every kind."""
    return make_case(request.param, folder_of, picture)


FAMILIES = [
    "wan",
    "wan-i2v",
    "skyreels-v2",
    "cogvideox-ddim",
    "cogvideox-dpm-rotary",
    "hunyuan1.5",
    "hunyuan-true-cfg",
    "kandinsky5",
    "mochi",
    "ltx",
]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, folder_of: Callable[[str], Path], picture: Path) -> Case:
    """One kind for each way of reading attention, and for each transformer."""
    return make_case(request.param, folder_of, picture)
