"""The image that a video starts from: whatever is wrong with it is found before anything is computed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ttom_pl.backbones import WanImageBackbone
from ttom_pl.backbones.wan_image import _picture


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    return path


@pytest.mark.parametrize(
    "wrong", ["missing", "cut off", "no picture", "empty", "a folder", "garbled", "too large", "name"]
)
def test_an_image_that_cannot_be_read(picture: Path, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = picture.read_bytes()
    match wrong:
        case "missing":
            picture = picture.with_name("b.png")
        case "cut off":
            picture.write_bytes(data[: len(data) // 2])
        case "no picture":
            picture.write_bytes(b"hello")
        case "empty":
            picture.write_bytes(b"")
        case "a folder":
            picture = picture.parent
        case "garbled":
            picture.write_bytes(data[:40] + b"\0" * 40 + data[80:])
        case "too large":
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        case "name":
            picture = picture.with_name("a" * 300)
    backbone = WanImageBackbone.__new__(WanImageBackbone)  # it looks at nothing of its own
    with pytest.raises(ValueError, match=r"the image '.*' cannot be read \(.*\); give a PNG or JPEG file"):
        backbone.check_image(picture)


def test_an_image_that_can(picture: Path) -> None:
    assert _picture(picture).size == (64, 64)
