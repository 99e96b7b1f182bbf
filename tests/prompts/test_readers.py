"""Every kind of file that holds prompts or layouts, told apart by its content."""

import json
from pathlib import Path
from typing import Any

import pytest

from ttom_pl.layout import Layout, LayoutError, Track
from ttom_pl.prompts.authors import write_authors_cache
from ttom_pl.prompts.lvd import read_lvd_answer
from ttom_pl.prompts.members import members
from ttom_pl.prompts.prompt import PromptError
from ttom_pl.prompts.readers import read_any

ENTRY = {
    "original_prompt": "A cat sneaks left",
    "enriched_prompt": "A sleek grey cat sneaks left. The cat is quiet, a lamp glows.",
    "objects": {
        "0": {
            "object_id": "0",
            "object": "cat",
            "object_phrases": ["A sleek grey cat", "The cat is quiet"],
            "object_words": ["cat", "cat"],
        },
        "1": {"object_id": "1", "object": "lamp", "object_phrases": ["a lamp"], "object_words": ["lamp"]},
    },
    "layout": {
        "frames": {
            "1": [{"id": 0, "name": "cat", "box": [624, 240, 208, 120]}],
            "2": [
                {"id": 0, "name": "cat", "box": [416, 240, 208, 360]},
                {"id": 1, "name": "lamp", "box": [0, 0, 83.2, 48]},
            ],
            "4": [{"id": 0, "name": "cat", "box": [0, 240, 208, 120]}],
        },
        "background": "room",
    },
}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding="utf-8")
    return path


def changed(*keys: str, value: Any) -> dict[str, Any]:
    """The entry with another value at a path of keys; ``None`` deletes."""
    entry = json.loads(json.dumps(ENTRY))
    inner = entry
    for key in keys[:-1]:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    if value is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    return {"0": ENTRY, "1": entry}


# The authors' caches


def test_authors_cache(tmp_path: Path) -> None:
    """Pixels to fractions, words found by their phrases, boxes clipped, the missing frame interpolated."""
    (prompt,) = read_any(write(tmp_path / "cache.json", {"7": ENTRY}))
    assert (prompt.id, prompt.text) == ("7", "A cat sneaks left")
    assert prompt.layout is not None
    assert prompt.layout.prompt == ENTRY["enriched_prompt"]
    assert (prompt.layout.original_prompt, prompt.layout.background) == (prompt.text, "room")
    cat, lamp = prompt.layout.tracks
    assert (cat.phrase, cat.words) == ("A sleek grey cat", ("cat", "cat"))
    assert [prompt.layout.prompt[start:end] for start, end in cat.spans] == ["cat", "cat"]
    assert cat.boxes == ((0.75, 0.5, 1, 0.75), (0.5, 0.5, 0.75, 1), (0.25, 0.5, 0.5, 1), (0, 0.5, 0.25, 0.75))
    assert lamp.boxes == (None, (0, 0, 0.1, 0.1), (0, 0, 0.1, 0.1), None)


def test_authors_cache_without_enrichment(tmp_path: Path) -> None:
    (prompt,) = read_any(
        write(
            tmp_path / "cache.json",
            {
                "0": ENTRY
                | {
                    "enriched_prompt": "",
                    "layout": {"frames": {"1": [{"id": 0, "name": "cat", "box": [0, 0, 100, 100]}]}},
                }
            },
        )
    )
    assert prompt.layout is not None
    assert prompt.layout.prompt == "A cat sneaks left"
    assert prompt.layout.tracks[0].spans == ((2, 5),)


def test_authors_cache_round_trip(tmp_path: Path) -> None:
    (prompt,) = read_any(write(tmp_path / "cache.json", {"0": ENTRY}))
    assert prompt.layout is not None
    write_authors_cache(tmp_path / "new" / "cache.json", [prompt.layout])
    (again,) = read_any(tmp_path / "new" / "cache.json")
    assert again.layout is not None
    assert (again.text, again.layout.prompt, again.layout.background) == (
        prompt.text,
        prompt.layout.prompt,
        prompt.layout.background,
    )
    for old, new in zip(prompt.layout.tracks, again.layout.tracks, strict=True):
        assert (new.phrase, new.words, new.spans) == (old.phrase, old.words, old.spans)
        for a, b in zip(old.boxes, new.boxes, strict=True):
            assert (a is None and b is None) or b == pytest.approx(a, abs=2e-3)


def test_writing_a_layout_of_our_own(tmp_path: Path) -> None:
    """Several words, a tiny box, an absent object."""
    track = Track(0, "a red circle", ("red", "circle"), (None, (0.5, 0.5, 0.5001, 0.5001)), ((2, 5), (6, 12)))
    write_authors_cache(tmp_path / "cache.json", [Layout("a red circle", (track,))])
    (prompt,) = read_any(tmp_path / "cache.json")
    assert prompt.layout is not None
    assert prompt.layout.tracks[0].words == ("red", "circle")
    assert prompt.layout.tracks[0].boxes[0] is None
    cache = json.loads((tmp_path / "cache.json").read_text())
    assert cache["0"]["layout"]["frames"]["1"] == []
    assert cache["0"]["layout"]["frames"]["2"][0] == {"id": 0, "name": "red circle", "box": [416, 240, 1, 1]}


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["original_prompt"], None, "field 'original_prompt' must be a non-empty text, got None"),
        (["layout"], None, "field 'layout' must be an object, got None"),
        (["layout", "frames"], None, "field 'layout.frames' must be an object"),
        (["layout", "frames"], {}, "field 'layout.frames' has no frame"),
        (["layout", "frames", "0"], [], "layout.frames.0: frames are numbered from 1 to"),
        (["layout", "frames", "2"], {"id": 0}, "layout.frames.2: frames are numbered from 1 to 10000 and are lists"),
        (["layout", "frames", "2"], ["cat"], r"layout.frames.2\[0\]: an object is written as .* got 'cat'"),
        (["layout", "frames", "2", "1", "box"], None, r"layout.frames.2\[1\]: field 'box' is missing"),
        (["layout", "frames", "2", "1", "box"], [1, 2, 3], r"layout.frames.2\[1\]: field 'box' must be \[x, y, width"),
        (["layout", "frames", "2", "1", "box"], [1, 2, 0, 4], r"frames.2\[1\]: field 'box' must have a positive width"),
        (
            ["layout", "frames", "2", "1", "id"],
            "x",
            r"layout.frames.2\[1\]: field 'id' must be a whole number, got 'x'",
        ),
        (["objects"], None, "field 'objects' must be an object"),
        (["objects", "1", "object_words"], [], "objects.1: 'object_phrases' and 'object_words' must be lists"),
        (
            ["objects", "1", "object_words"],
            ["lantern"],
            "the word 'lantern' of the object 'a lamp' is not in the prompt",
        ),
        (["objects", "1", "object_id"], "one", "objects.1: field 'object_id' must be a whole number, got 'one'"),
    ],
)
def test_errors_of_an_authors_cache(tmp_path: Path, keys: list[str], value: Any, message: str) -> None:
    """File, line, entry and field are named."""
    cache = changed(*keys, value=value) if keys[-1] != "box" or value else changed(*keys, value=None)
    path = write(tmp_path / "cache.json", cache)
    line = next(n for n, text in enumerate(path.read_text().split("\n"), 1) if text.startswith(' "1": {'))
    with pytest.raises(PromptError, match=rf"cache\.json, line {line}, entry '1': .*{message}"):
        read_any(path)


# LVD's caches

ANSWER = """Reasoning: the bear walks. In Frame 1: it is on the left.

Frame 1: [{'id': 0, 'name': 'bear', 'box': [0, 256, 128, 128]}, {'id': 1, 'name': 'ground', 'box': [0, 400, 512, 112]}]
Frame 2: [{'id': 0, 'name': 'bear', 'box': [64, 256, 128, 128]}]  # it's moving
Frame 3: (the same, a little to the right)
**Frame 4:** [
  {'id': 0, 'name': 'bear', 'box': [320, 256, 128, 128]},  // still moving
]
Frame 5: [{'id': 0, 'name': 'bear', 'box': [448, 256, 128, 128]}]
Frame 6: [] (the bear is gone)
Background keyword: forest
"""


def test_lvd_answer() -> None:
    """Comments, a frame to interpolate, a box across the edge, an object that leaves, one that the prompt lacks."""
    layout = read_lvd_answer(ANSWER, "A bear walks from the left to the right", "3")
    (bear,) = layout.tracks
    assert (bear.phrase, bear.words, bear.spans) == ("bear", ("bear",), ((2, 6),))
    assert bear.boxes == (
        (0, 0.5, 0.25, 0.75),
        (0.125, 0.5, 0.375, 0.75),
        (0.375, 0.5, 0.625, 0.75),
        (0.625, 0.5, 0.875, 0.75),
        (0.875, 0.5, 1, 0.75),
        None,
    )
    assert (layout.id, layout.background, layout.planner, layout.confidence) == ("3", "forest", "lvd", 0.8)
    assert layout.reason == "frames 3 are interpolated; 'ground' is not in the prompt and is left out"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("I cannot do that.", "0 of 6 frames can be read"),
        (
            "Frame 1: [{'id': 0, 'name': 'bear', 'box': [0, 0, 9",
            "0 of 6 frames can be read; frame 1: no list of objects",
        ),
        ("Frame 1: [{'id': 0, 'name': 'bear', 'box': [0, 0, 9]}]", "frame 1: object 1: field 'box' must be"),
        ("Frame 1: __import__('os').getcwd()[0:1]", "frame 1: no list of objects"),
        ("\n".join(f"Frame {i}: []" for i in range(1, 7)), "no object is left: all frames are empty"),
        (
            "\n".join(f"Frame {i}: [{{'id': 0, 'name': 'bear', 'box': [600, 0, 50, 50]}}]" for i in range(1, 7)),
            "no object is left: 'bear' is never inside of the frame",
        ),
    ],
)
def test_lvd_answers_of_no_use(answer: str, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        read_lvd_answer(answer, "A bear walks")


def test_lvd_frames_that_are_missing_at_the_ends() -> None:
    lines = [f"Frame {i}: [{{'id': 0, 'name': 'bear', 'box': [{i}, 0, 128, 128]}}]" for i in range(2, 6)]
    (track,) = read_lvd_answer("\n".join(lines), "A bear").tracks
    assert len(track.boxes) == 6
    assert (track.boxes[0], track.boxes[5]) == (track.boxes[1], track.boxes[4])


def test_lvd_cache_takes_the_first_answer_that_can_be_used(tmp_path: Path) -> None:
    cache = {"A bear walks": ["I cannot.", ANSWER], "Two bears dance": "Frame 1: nothing", "The bear": ANSWER}
    first, second, third = read_any(write(tmp_path / "cache.json", cache))
    assert first.layout is not None
    assert (first.id, first.layout.id, first.note) == ("0001", "0001", "")
    assert second.layout is None
    assert second.note.startswith(f"{tmp_path / 'cache.json'}, line 6, prompt 'Two bears dance': no answer can be used")
    assert "answer 1: 0 of 6 frames can be read" in second.note
    assert third.layout is not None


@pytest.mark.parametrize(
    ("cache", "message"),
    [
        ({"a": [ANSWER], "b": [1]}, "line 5, prompt 'b': the answers must be a list of texts"),
        ({"a": []}, "line 2, prompt 'a': the answers must be a list of texts"),
        ({" ": [ANSWER]}, "line 2, prompt ' ': a prompt must be a non-empty text"),
    ],
)
def test_errors_of_an_lvd_cache(tmp_path: Path, cache: Any, message: str) -> None:
    with pytest.raises(PromptError, match=rf"cache\.json, {message}"):
        read_any(write(tmp_path / "cache.json", cache))


# Metadata and tables


def test_metadata_is_kept(tmp_path: Path) -> None:
    records = [{"prompt": "A cat  walks", "object_1": "cat", "d_1": "left"}, {"prompt": "A dog", "id": "x"}]
    first, second = read_any(write(tmp_path / "motion.json", records))
    assert (first.id, first.text, first.metadata) == ("0001", "A cat walks", {"object_1": "cat", "d_1": "left"})
    assert (second.id, second.metadata) == ("x", {})
    lines = "\n".join(map(json.dumps, records))
    assert read_any(write(tmp_path / "motion.jsonl", lines)) == [first, second]
    assert read_any(write(tmp_path / "motion.txt", lines)) == [first, second]


def test_errors_of_a_list(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"motion\.json, line 5: field 'prompt' must be a non-empty text, got"):
        read_any(write(tmp_path / "motion.json", [{"prompt": "a"}, {"text": "b"}]))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_table(tmp_path: Path, delimiter: str, newline: str) -> None:
    rows = [["Prompt", "id", "Kind"], ['"a cat, a dog; and\ta ""bird"""', "x", "1"], ["a cow", "", ""], [""]]
    (tmp_path / "p.csv").write_bytes(("\ufeff" + newline.join(delimiter.join(row) for row in rows) + newline).encode())
    first, second = read_any(tmp_path / "p.csv")
    assert (first.id, first.text, first.metadata) == ("x", 'a cat, a dog; and a "bird"', {"Kind": "1"})
    assert (second.id, second.text) == ("0002", "a cow")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,id\na cat,1\n", "line 1: there is no column 'prompt'; the header is 'text,id'"),
        ("prompt,id\na cat,1\na cat, a dog,2\n", "line 3: more cells than the header has columns"),
        ("prompt,id\na cat,1\n,2\n", "line 3: field 'prompt' must be a non-empty text"),
        ('prompt,id\n"a cat,1\n', "line 2: not a table .* close the quotes"),
        ("", "holds no prompt|line 1: there is no column"),
    ],
)
def test_errors_of_a_table(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(PromptError, match=rf"p\.csv(, | ){message}"):
        read_any(write(tmp_path / "p.csv", content))


# Telling them apart


def test_one_layout_as_a_document(tmp_path: Path) -> None:
    layout = Layout("a cat", (Track(0, "a cat", ("cat",), ((0, 0, 1, 1),)),))
    (prompt,) = read_any(write(tmp_path / "one.json", layout.to_dict()))
    assert prompt.layout is not None
    assert prompt.layout.tracks == layout.tracks


@pytest.mark.parametrize("text", ["[slow motion] a cat walks", "{weird} prompt", '"A quoted prompt"', "1984"])
def test_text_that_looks_like_something_else(tmp_path: Path, text: str) -> None:
    assert [prompt.text for prompt in read_any(write(tmp_path / "p.txt", text))] == [text]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"p\.json, line 1, column 2: not JSON"),
        ('{"a": 1}', "of no known kind"),
        ('{"a": {"prompt": 1}}', "of no known kind"),
        ("{}", "holds no prompt"),
        ("[]", "holds no prompt"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ('[{"prompt": "a", "id": 1}, {"prompt": "b", "id": 1}]', "prompts 1 and 2 have the same id '1'"),
    ],
)
def test_documents_of_no_use(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        read_any(write(tmp_path / "p.json", content))


@pytest.mark.parametrize("document", [{}, [], {"a": 1}, [1, [2, "}"], {"x": "]\n"}], {"é": {"k": [1]}, "b": "\n"}])
@pytest.mark.parametrize("indent", [None, 0, 3])
def test_members_are_all_there(document: Any, indent: int | None) -> None:
    text = "\n\n" + json.dumps(document, indent=indent)
    found = list(members(text))
    values = list(document.values()) if isinstance(document, dict) else document
    assert [member.value for member in found] == values
    for member in found:
        start = json.dumps(member.key if isinstance(document, dict) else member.value, indent=indent).split("\n")[0]
        assert start in text.split("\n")[member.line - 1]


def test_category_by_the_name_of_the_file(tmp_path: Path) -> None:
    """For T2V-CompBench's prompts that have no metadata."""
    for name, metadata in (("object_interactions", {"category": "object_interactions"}), ("mine", {})):
        path = tmp_path / f"{name}.json"
        path.write_text('[{"prompt": "Two cars collide"}, {"prompt": "a cat", "objects": "cat"}]')
        assert [prompt.metadata for prompt in read_any(path)] == [metadata, {"objects": "cat"}]


# Other projects' own files


@pytest.mark.parametrize(
    ("name", "number", "keys"),
    [
        ("action_binding", 50, {"phrase_0", "phrase_1"}),
        ("consistent_attribute_binding", 50, {"phrases"}),
        ("dynamic_attribute_binding", 50, {"state 0", "state 1", "tag"}),
        ("generative_numeracy", 50, {"objects", "numbers"}),
        ("motion_binding", 50, {"object_1", "d_1", "object_2", "d_2"}),
        ("object_interactions", 50, {"category"}),
        ("spatial_relationships", 50, {"spatial", "object_1", "object_2"}),
    ],
)
def test_t2v_compbench(shared_data: Path, name: str, number: int, keys: set[str]) -> None:
    prompts = read_any(shared_data / "t2vcompbench" / f"{name}.json")
    assert len(prompts) == number
    assert all(set(prompt.metadata) == keys for prompt in prompts)
    assert prompts[-1].id == f"{number:04d}"


def test_ttom_sample(shared_data: Path) -> None:
    prompts = read_any(shared_data / "ttom" / "layout_cache_sample.json")
    assert [prompt.id for prompt in prompts] == ["0", "1", "2"]
    for prompt in prompts:
        assert prompt.layout is not None
        (track,) = prompt.layout.tracks
        assert len(track.boxes) == 6
        assert track.words[0] in ("cat", "retriever", "squirrel")
        assert track.boxes[0] is not None
        assert track.boxes[5] is not None
        assert track.boxes[5][0] < track.boxes[0][0] - 0.4


def test_lvd_sample(shared_data: Path) -> None:
    (prompt,) = read_any(shared_data / "lvd" / "cache_demo_gpt-4.json")
    assert prompt.layout is not None
    assert (prompt.layout.background, prompt.layout.confidence) == ("forest", 1)
    assert prompt.layout.tracks[0].boxes[5] == (0.830078, 0.5, 1, 0.695312)
