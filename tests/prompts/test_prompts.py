"""Prompt files, good and bad."""

import json
from pathlib import Path
from typing import Any

import pytest

from ttom_pl.prompts import Prompt, PromptError
from ttom_pl.prompts.datamodule import PromptStream, read_prompts

TRACK = {"id": 0, "phrase": "a cat", "words": ["cat"], "boxes": [[0, 0, 0.5, 1], None]}


def write(path: Path, *lines: Any) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_text_file(tmp_path: Path) -> None:
    """A prompt a line, named after the line; blank lines and spaces do not matter."""
    path = write(tmp_path / "prompts.txt", "  a cat   walks ", "", "ein Bär läuft")
    assert read_prompts(path) == [Prompt("0001", "a cat walks"), Prompt("0003", "ein Bär läuft")]


def test_text_file_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_bytes("\ufeffa cat walks\r\na dog walks\r\n".encode())
    assert [prompt.text for prompt in read_prompts(path)] == ["a cat walks", "a dog walks"]


def test_line_separators_within_json(tmp_path: Path) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a cat\u2028walks"}\n', encoding="utf-8")
    assert read_prompts(path) == [Prompt("0001", "a cat walks")]


def test_json_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "prompts.jsonl", {"prompt": "a cat  walks", "id": "x"}, "", {"prompt": "a dog", "id": 7})
    assert read_prompts(path) == [Prompt("x", "a cat walks"), Prompt("7", "a dog")]


def test_json_lines_without_ids_are_named_after_the_line(tmp_path: Path) -> None:
    assert [p.id for p in read_prompts(write(tmp_path / "p.jsonl", {"prompt": "a"}, {"prompt": "b"}))] == [
        "0001",
        "0002",
    ]


def test_json_lines_with_layouts(tmp_path: Path) -> None:
    (prompt,) = read_prompts(write(tmp_path / "p.jsonl", {"prompt": "a cat sleeps", "id": "x", "tracks": [TRACK]}))
    assert prompt.layout is not None
    assert (prompt.layout.id, prompt.layout.prompt) == ("x", "a cat sleeps")
    assert prompt.layout.tracks[0].boxes == ((0, 0, 0.5, 1), None)


def test_limit(tmp_path: Path) -> None:
    path = write(tmp_path / "prompts.txt", "a", "b", "c")
    assert [prompt.text for prompt in PromptStream(path, limit=2).prompts] == ["a", "b"]
    assert len(PromptStream(path).prompts) == 3
    for limit in (0, -1):
        with pytest.raises(ValueError, match=f"limit is {limit}; it is how many prompts to take"):
            PromptStream(path, limit=limit)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"no prompt file '.*nowhere\.txt'"):
        PromptStream(tmp_path / "nowhere.txt")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="no prompt file"):
        read_prompts(tmp_path)


@pytest.mark.parametrize("content", ["", "\n \n"])
@pytest.mark.parametrize("name", ["prompts.txt", "prompts.jsonl"])
def test_empty_file(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(PromptError, match=rf"{name} holds no prompt"):
        read_prompts(tmp_path / name)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00", b"a cat\xff\xfe", b"a\x00b\n"])
def test_binary_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "prompts.txt").write_bytes(content)
    with pytest.raises(PromptError, match=r"prompts\.txt is not text"):
        read_prompts(tmp_path / "prompts.txt")


def test_duplicate_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", {"prompt": "a", "id": "x"}, {"prompt": "b"}, {"prompt": "c", "id": "x"})
    with pytest.raises(PromptError, match="prompts 1 and 3 have the same id 'x'"):
        read_prompts(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"prompt": "a"', "line 2, column 15: not JSON"),
        ("a cat walks", "line 2, column 1: not JSON"),
        ('["a"]', "line 2: field 'prompt' must be a non-empty text"),
        ({"text": "a"}, "line 2: field 'prompt' must be a non-empty text"),
        ({"prompt": " "}, "line 2: field 'prompt' must be a non-empty text"),
        ({"prompt": 3}, "line 2: field 'prompt' must be a non-empty text"),
        ({"prompt": "a cat", "tracks": []}, "line 2: the layout of 'a cat' has no tracks"),
        (
            {"prompt": "a cat", "tracks": [TRACK | {"boxes": [[0.2, 0, 1.2, 1]]}]},
            r"line 2: object 0 \('a cat'\), keyframe 0: box .* leaves the frame",
        ),
        (
            {"prompt": "a cat", "tracks": [TRACK | {"boxes": [[0.2, 0.5, 0.6, 0.5]]}]},
            "line 2: .* keyframe 0: box .* is empty",
        ),
    ],
)
def test_errors_name_the_line(tmp_path: Path, line: Any, message: str) -> None:
    path = write(tmp_path / "p.jsonl", {"prompt": "fine"}, line)
    with pytest.raises(PromptError, match=rf"p\.jsonl, {message}"):
        read_prompts(path)


def test_tables_and_caches(tmp_path: Path) -> None:
    """What else can be streamed; a layout of no use is told of."""
    table = write(tmp_path / "p.csv", "prompt,kind", '"a cat, a dog",x')
    assert PromptStream(table).prompts == [Prompt("0001", "a cat, a dog", metadata={"kind": "x"})]
    answer = "\n".join(f"Frame {i}: [{{'id': 0, 'name': 'cat', 'box': [0, 0, 256, 256]}}]" for i in range(1, 7))
    cache = write(tmp_path / "lvd.json", {"a cat": ["no", answer], "a dog": ["no"]})
    with pytest.warns(UserWarning, match="prompt 'a dog': no answer can be used .*; the planner is asked"):
        cat, dog = PromptStream(cache).prompts
    assert cat.layout is not None
    assert cat.layout.planner == "lvd"
    assert dog.layout is None


def test_images(tmp_path: Path) -> None:
    """Relative to the file; with a layout or without."""
    lines = [
        {"prompt": "a cat", "image": "cat.png"},
        {"prompt": "a cat", "image": "/x/cat.png", "tracks": [TRACK]},
        {"prompt": "a cat"},
    ]
    prompts = read_prompts(write(tmp_path / "prompts.jsonl", *lines))
    assert [prompt.image for prompt in prompts] == [tmp_path / "cat.png", Path("/x/cat.png"), None]
    assert prompts[1].layout is not None
    assert prompts[0].metadata == {}


def test_images_of_a_table(tmp_path: Path) -> None:
    table = write(tmp_path / "prompts.csv", "prompt,Image,kind", "a cat,cat.png,x", "a dog,,y")
    prompts = read_prompts(table)
    assert [prompt.image for prompt in prompts] == [tmp_path / "cat.png", None]
    assert [prompt.metadata for prompt in prompts] == [{"kind": "x"}, {"kind": "y"}]


def test_an_image_that_is_no_path(tmp_path: Path) -> None:
    path = write(tmp_path / "prompts.jsonl", {"prompt": "a cat", "image": 3})
    with pytest.raises(PromptError, match="line 1: field 'image' must be the path of an image, got 3"):
        read_prompts(path)
