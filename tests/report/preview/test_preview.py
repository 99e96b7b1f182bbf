"""Pictures of layouts: what is drawn where, in which colour."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from ttom_pl.io.media import TRACK_COLORS
from ttom_pl.layout import Layout, Track
from ttom_pl.report.preview import Plan, plan_sheet, write_gif, write_preview
from ttom_pl.report.preview.frames import draw_frames, looks
from ttom_pl.report.preview.prompt_words import INK, draw_text, pieces, prompt_pieces

LAYOUT = Layout(
    "two dogs chase a red ball",
    (
        Track(0, "two dogs", ("dogs",), ((0.1, 0.1, 0.3, 0.4), (0.6, 0.1, 0.8, 0.4)), ((4, 8),)),
        Track(1, "two dogs", ("dogs",), ((0.1, 0.6, 0.3, 0.9), (0.6, 0.6, 0.8, 0.9)), ((4, 8),)),
        Track(2, "a red ball", ("red", "ball"), ((0.7, 0.4, 0.9, 0.6), None)),
    ),
    background="park",
)
FAILED = Plan("x", "a cat", error="the server is on fire")


def near(picture: Image.Image, color: str) -> float:
    """Share of the pixels that are about of a colour."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return float((np.abs(pixels - ImageColor.getrgb(color)).max(-1) < 40).mean())


def colors(strip: Image.Image) -> list[bool]:
    return [near(strip, color) > 0.001 for color in TRACK_COLORS[:3]]


def test_names_and_colors_are_those_of_objects() -> None:
    """Tracks of one object share the colour and are numbered."""
    shown = looks(LAYOUT)
    assert [look.name for look in shown] == ["dogs 1", "dogs 2", "red ball"]
    assert [look.color for look in shown] == [TRACK_COLORS[0], TRACK_COLORS[0], TRACK_COLORS[1]]


def test_boxes_are_drawn_where_they_are() -> None:
    first, last = draw_frames(LAYOUT, (400, 200), (0, 1))
    assert first.size == (400, 200)
    assert near(first.crop((40, 20, 120, 80)), TRACK_COLORS[0]) > 0.05
    assert near(first.crop((240, 20, 320, 80)), TRACK_COLORS[0]) == 0
    assert near(last.crop((240, 20, 320, 80)), TRACK_COLORS[0]) > 0.05
    assert near(first, TRACK_COLORS[1]) > 0.005
    assert near(last, TRACK_COLORS[1]) == 0


def test_the_way_is_drawn_behind() -> None:
    """From where the centre was to where it is."""
    (middle,) = draw_frames(LAYOUT, (400, 200), (0.5,))
    assert near(middle.crop((85, 45, 130, 56)), TRACK_COLORS[0]) > 0.1


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.004, 0.004), (0.97, 0.97, 1.0, 1.0), (0.0, 0.0, 1.0, 1.0)])
def test_extreme_boxes(box: tuple[float, float, float, float]) -> None:
    track = Track(0, "an extraordinarily long-winded name", ("extraordinarily", "long-winded"), (box,))
    (picture,) = draw_frames(Layout(track.phrase, (track,)), (200, 100), (0.5,))
    assert near(picture, TRACK_COLORS[0]) > 0.005


def test_many_objects_have_colors() -> None:
    tracks = tuple(Track(i, f"thing{i}", (f"thing{i}",), ((0.1, 0.1, 0.5, 0.5),)) for i in range(20))
    assert len(draw_frames(Layout(" ".join(track.phrase for track in tracks), tracks), (200, 100), (0.0, 1.0))) == 2


def test_steered_words_have_their_objects_colors() -> None:
    assert [(piece.text, piece.color) for piece in prompt_pieces(LAYOUT)] == [
        ("two", INK),
        ("dogs", TRACK_COLORS[0]),
        ("chase", INK),
        ("a", INK),
        ("red", TRACK_COLORS[1]),
        ("ball", TRACK_COLORS[1]),
    ]


@pytest.mark.parametrize(("words", "lines"), [("", 1), ("a cat", 1), ("word " * 20, 2), ("word " * 200, 3)])
def test_text_is_broken_and_cut_off(words: str, lines: int) -> None:
    one = draw_text(pieces("a"), 400, 12).height
    assert draw_text(pieces(words), 400, 12, max_lines=3).size == (400, lines * one)


def frames_of(path: Path) -> Sequence[Image.Image]:
    with Image.open(path) as film:
        found = []
        for index in range(film.n_frames):  # type: ignore[attr-defined]
            film.seek(index)
            found.append(film.convert("RGB"))
        return found


def test_gif(tmp_path: Path) -> None:
    """It moves, keeps the proportions, and an object that leaves before the end has its colour until then."""
    write_gif(tmp_path / "a.gif", LAYOUT, (832, 480))
    first, *_, last = frames = frames_of(tmp_path / "a.gif")
    assert len(frames) == 25
    assert first.width == 448
    assert first.height > round(448 * 480 / 832)
    assert first.tobytes() != last.tobytes()
    assert near(first.crop((310, 100, 410, 160)), TRACK_COLORS[1]) > 0.05


def test_sheet_has_a_cell_for_each_prompt() -> None:
    plan = Plan("1", LAYOUT.prompt, LAYOUT)
    one, two, four = (plan_sheet([plan] * n, (832, 480)) for n in (1, 2, 4))
    assert two.width == one.width < four.width
    assert one.height < two.height
    assert near(four, TRACK_COLORS[0]) > 0.005
    failed = plan_sheet([FAILED], (832, 480))
    assert near(failed, "#b91c1c") > 0.001
    assert failed.height < one.height


def test_what_was_not_understood_is_on_the_sheet() -> None:
    unsure = Layout(LAYOUT.prompt, LAYOUT.tracks, confidence=0.5, reason="what is a dog?")
    sheets = [plan_sheet([Plan("1", LAYOUT.prompt, layout)], (832, 480)) for layout in (LAYOUT, unsure)]
    assert sheets[0].height < sheets[1].height


def test_files(tmp_path: Path) -> None:
    """Named by their places, so that an id cannot be a path; no GIF for a prompt without a layout."""
    plans = [Plan("../evil", LAYOUT.prompt, LAYOUT), FAILED, Plan("z", LAYOUT.prompt, LAYOUT)]
    assert write_preview(tmp_path / "new", plans) == [tmp_path / "new" / "contact_sheet.png"]
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["0001.gif", "0003.gif", "contact_sheet.png"]


def test_many_prompts_go_on_several_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ttom_pl.report.preview.plans._PER_SHEET", 2)
    sheets = write_preview(tmp_path, [FAILED] * 5)
    assert [sheet.name for sheet in sheets] == ["contact_sheet.png", "contact_sheet-2.png", "contact_sheet-3.png"]


def test_no_prompt(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one prompt"):
        write_preview(tmp_path, [])
