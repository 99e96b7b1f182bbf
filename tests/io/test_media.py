"""Videos to files and back, film strips, contact sheets."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image, ImageColor

from ttom_pl.io.media import TRACK_COLORS, contact_sheet, film_strip, read_mp4, to_pixels, write_mp4
from ttom_pl.layout import Layout, Track

LAYOUT = Layout("a cat", (Track(0, "a cat", ("cat",), ((0.0, 0.0, 0.5, 0.5), None)),))


@pytest.fixture
def video() -> torch.Tensor:
    """Nine frames of 32 × 32: a bright square that moves over grey."""
    video = torch.full((9, 3, 32, 32), 0.5)
    for frame in range(9):
        video[frame, :, 8:24, frame : frame + 16] = torch.tensor([0.9, 0.2, 0.1]).view(3, 1, 1)
    return video


def test_pixels_are_rounded_clamped_and_enlarged() -> None:
    video = torch.tensor([-1.0, 0.5, 1.0, 2.0]).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    pixels = to_pixels(video, scale=3)
    assert pixels.shape == (1, 6, 6, 3)
    assert pixels[0, ::3, ::3, 0].tolist() == [[0, 128], [255, 255]]
    assert (pixels[0, :3, 3:] == 128).all()


@pytest.mark.parametrize("scale", [1, 4])
def test_mp4_round_trip(tmp_path: Path, video: torch.Tensor, scale: int) -> None:
    path = tmp_path / "video.mp4"
    write_mp4(path, video, fps=8, scale=scale)
    back = read_mp4(path)
    assert back.shape == (9, 3, 32 * scale, 32 * scale)
    assert (back[..., ::scale, ::scale] - video).abs().mean() < 0.02
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == 8
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_film_strip_takes_the_ends(video: torch.Tensor) -> None:
    strip = film_strip(video, frames=3, height=32)
    assert strip.size == (3 * 34 - 2, 32)
    for column, frame in enumerate((0, 4, 8)):
        tile = strip.crop((column * 34, 0, column * 34 + 32, 32))
        assert tile.tobytes() == Image.fromarray(to_pixels(video)[frame]).tobytes()


def test_film_strip_draws_boxes_where_the_object_is(video: torch.Tensor) -> None:
    plain, drawn = film_strip(video, frames=2, height=64), film_strip(video, LAYOUT, frames=2, height=64)
    assert drawn.size == plain.size
    first, last = (drawn.crop(box).tobytes() != plain.crop(box).tobytes() for box in ((0, 0, 64, 64), (66, 0, 130, 64)))
    assert first
    assert not last


@pytest.mark.parametrize(
    ("frame", "expected"),
    [((32, 32), (96, 96)), ((40, 64), (80, 128)), ((480, 832), (128, 222)), ((832, 480), (128, 74))],
)
def test_small_frames_are_enlarged_and_large_ones_reduced(frame: tuple[int, int], expected: tuple[int, int]) -> None:
    """Height and width; the proportions stay, the boxes are drawn afterwards, one pixel wide."""
    strip = film_strip(torch.full((9, 3, *frame), 0.5), LAYOUT, frames=2)
    high, wide = expected
    assert strip.size == (2 * (wide + 2) - 2, high)
    red = np.asarray(strip.crop((0, 0, wide, high))) == ImageColor.getrgb(TRACK_COLORS[0])
    rows, columns = np.nonzero(red.all(-1))
    assert (rows.min(), columns.min()) == (0, 0)
    assert (rows.max(), columns.max()) == pytest.approx((high / 2, wide / 2), abs=1.5)
    assert red.all(-1)[high // 4].sum() == 2


def test_contact_sheet_of_full_size_videos(tmp_path: Path) -> None:
    """Two prompts of 81 frames of 480 × 832: a megabyte at most, even of noise, which does not compress."""
    video = torch.rand(1, 3, 480, 832, generator=torch.Generator().manual_seed(0)).expand(81, -1, -1, -1)
    contact_sheet([(prompt, [film_strip(video, LAYOUT)]) for prompt in ("one", "two")]).save(tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").stat().st_size < 1e6


def test_contact_sheet_holds_the_pictures() -> None:
    red, blue = Image.new("RGB", (50, 20), "red"), Image.new("RGB", (30, 40), "blue")
    sheet = contact_sheet([("one", [red, blue]), ("two", [blue])], ["plain", "TTOM"])
    counts = {color: count for count, color in sheet.getcolors(1 << 20)}
    assert counts[255, 0, 0] == 50 * 20
    assert counts[0, 0, 255] == 2 * 30 * 40


def test_notes_and_legend_have_room_of_their_own() -> None:
    rows = [("one", [Image.new("RGB", (300, 20), "red")] * 2), ("two", [Image.new("RGB", (300, 20), "red")] * 2)]
    bare = contact_sheet(rows)
    noted = contact_sheet(rows, notes=[["a memory hit", "5 iterations"], ["", "3 iterations"]], legend="boxes")
    assert noted.width == bare.width
    assert noted.height == bare.height + 3 * 18
    counts = {color: count for count, color in noted.getcolors(1 << 20)}
    assert counts[255, 0, 0] == 4 * 300 * 20
    assert counts[102, 102, 102] > 20


def test_contact_sheet_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        contact_sheet([])
