"""Layouts on disk."""

from pathlib import Path

import pytest

from ttom_pl.layout import Layout, LayoutError, Track
from ttom_pl.prompts.layout_files import read_layouts, write_layouts

BOX = (0.1, 0.2, 0.3, 0.4)
LAYOUT = Layout(
    "a red circle and a blue circle",
    (
        Track(0, "a red circle", ("red", "circle"), (BOX, None), ((2, 5), (6, 12))),
        Track(1, "a blue circle", ("blue", "circle"), (None, BOX)),
    ),
    id="0001",
    background="grey",
    planner="hand",
    confidence=0.5,
    reason="not sure",
)


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read back."""
    path = tmp_path / "new" / "layouts.jsonl"
    write_layouts(path, [LAYOUT, LAYOUT])
    assert list(read_layouts(path)) == [LAYOUT, LAYOUT]


def test_spans_may_be_absent(tmp_path: Path) -> None:
    """Hand-written layouts need no spans."""
    path = tmp_path / "layouts.jsonl"
    path.write_text(
        '\n{"prompt": "a cat", "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], "boxes": [[0, 0, 1, 1]]}]}\n'
    )
    (layout,) = read_layouts(path)
    assert layout.tracks[0].spans == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2, column 1: not JSON"),
        ("[1]", "line 2: a layout is an object"),
        ('{"prompt": "a cat"}', "line 2: field 'tracks' must be a list"),
        ('{"prompt": "", "tracks": []}', "line 2: field 'prompt'"),
        ('{"prompt": "a cat", "tracks": [], "mood": 1}', "line 2: unknown field 'mood'"),
        ('{"prompt": "a cat", "tracks": [{"id": 0}]}', r"line 2: tracks\[0\] lacks \['boxes', 'phrase', 'words'\]"),
        (
            '{"prompt": "a cat", "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], "boxes": [[0, 0, 2, 1]]}]}',
            r"line 2: object 0 \('a cat'\), keyframe 0: box .* leaves the frame",
        ),
        (
            '{"prompt": "a cat", "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], "spans": [[0, 3]], '
            '"boxes": [[0, 0, 1, 1]]}]}',
            "line 2: object 0 .* is 'a c', not the word 'cat'",
        ),
        (
            '{"prompt": "a cat", "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], "spans": [3], '
            '"boxes": [[0, 0, 1, 1]]}]}',
            r"line 2: tracks\[0\]: 'spans' is a list",
        ),
        (
            '{"prompt": "a cat", "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], "spans": [[0, 1], [2, 5]], '
            '"boxes": [[0, 0, 1, 1]]}]}',
            "line 2: object 0 .* has 2 spans",
        ),
        (
            '{"prompt": "a cat", "tracks": [{"id": 0, "phrase": "a cat", "words": ["dog"], "boxes": [[0, 0, 1, 1]]}]}',
            "line 2: object 0 .* the word 'dog' is not in the prompt 'a cat'",
        ),
        (
            '{"prompt": "a cat", "confidence": "high", "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], '
            '"boxes": [[0, 0, 1, 1]]}]}',
            "line 2: field 'confidence' must be a number from 0 to 1, got 'high'",
        ),
        (
            '{"prompt": "a cat", "background": 3, "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], '
            '"boxes": [[0, 0, 1, 1]]}]}',
            "line 2: field 'background' must be a text, got 3",
        ),
    ],
)
def test_errors_name_line_and_field(tmp_path: Path, line: str, message: str) -> None:
    """A reader learns where the mistake is."""
    path = tmp_path / "layouts.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(LayoutError, match=rf"layouts\.jsonl, {message}"):
        list(read_layouts(path))
