"""Files of strangers: what has no usable form is refused with file, line and field, and nothing else fails later."""

import csv
import json
import pickle
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ttom_pl.layout import Layout, LayoutError, interpolate_boxes, object_targets
from ttom_pl.layout.form import FormError, check_form, parse_json
from ttom_pl.prompts.authors import write_authors_cache
from ttom_pl.prompts.layout_files import read_layouts, write_layouts
from ttom_pl.prompts.prompt import Prompt, PromptError
from ttom_pl.prompts.readers import read_any

TRACK = {"id": 0, "phrase": "a cat", "words": ["cat"], "boxes": [[0, 0, 0.5, 1], None], "spans": [[2, 5]]}
LAYOUT = {"prompt": "a cat sleeps", "id": "x", "tracks": [TRACK]}
LINE = json.dumps(LAYOUT)


def line(**changes: str) -> str:
    """The line with other texts for some of its values, in raw JSON."""
    text = LINE
    for old, new in {
        "prompt": '"a cat sleeps"',
        "id": '"x"',
        "phrase": '"a cat"',
        "words": '["cat"]',
        "box": "[0, 0, 0.5, 1]",
        "spans": "[[2, 5]]",
        "track_id": '{"id": 0',
        "end": "}]}",
    }.items():
        if old in changes:
            assert new in text
            text = text.replace(new, changes[old], 1)
    return text


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (line(prompt=r'"a cat \ud800 sleeps"'), r"field 'prompt' holds the character \\ud800"),
        (line(id=r'"\udfff"'), r"field 'id' holds the character \\udfff"),
        (line(phrase=r'"a cat\udc00"'), r"field 'tracks\[0\].phrase' holds the character \\udc00"),
        (line(words=r'["cat\ud83d"]'), r"field 'tracks\[0\].words\[0\]' holds the character \\ud83d"),
        (line(end=r'}], "image": "\ud800.png"}'), r"field 'image' holds the character"),
        (line(end='}], "background": "a\\u0000b"}'), r"field 'background' holds the character \\x00"),
        (line(prompt='"a cat\\u001b[2J sleeps"'), r"field 'prompt' holds the character \\x1b"),
        (line(box=f"[0, 0, 0.5, {'9' * 350}]"), r"field 'tracks\[0\].boxes\[0\]\[3\]' is a number beyond"),
        (line(box=f"[0, 0, 0.5, {'9' * 401}]"), r"field 'tracks\[0\].boxes\[0\]\[3\]' is a number of more than 400"),
        (line(box=f"[0, 0, 0.5, {'9' * 5000}]"), r"field 'tracks\[0\].boxes\[0\]\[3\]' is a number of more than 400"),
        (line(box="[0, 0, 0.5, 1e999]"), r"field 'tracks\[0\].boxes\[0\]\[3\]' is no finite number"),
        (line(box="[0, 0, 0.5, NaN]"), r"field 'tracks\[0\].boxes\[0\]\[3\]' is no finite number"),
        (line(spans="[[2, Infinity]]"), r"field 'tracks\[0\].spans\[0\]\[1\]' is no finite number"),
        (line(spans="[[2, -1e400]]"), r"field 'tracks\[0\].spans\[0\]\[1\]' is no finite number"),
        (line(box='"0011"'), r"tracks\[0\], keyframe 0: a box is \[x0, y0, x1, y1\] or null, got '0011'"),
        (line(box='["0", "0", "1", "1"]'), r"tracks\[0\], keyframe 0: a box is"),
        (line(box="[false, false, true, true]"), r"tracks\[0\], keyframe 0: a box is"),
        (line(box='{"0": 0, "1": 1, "2": 2, "3": 3}'), r"tracks\[0\], keyframe 0: a box is"),
        (line(box="[0, 0, 1]"), r"tracks\[0\], keyframe 0: a box is"),
        (line(spans='[["2", "5"]]'), r"tracks\[0\]: 'spans' is a list of \[start, end\]"),
        (line(spans='["25"]'), r"tracks\[0\]: 'spans' is a list of \[start, end\]"),
        (line(spans="[[2.5, 5]]"), r"tracks\[0\]: 'spans' is a list of \[start, end\]"),
        (line(spans="[[true, 5]]"), r"tracks\[0\]: 'spans' is a list of \[start, end\]"),
        (line(spans="[[-10, 5]]"), r"object 0 \('a cat'\): span \[-10, 5\] of the prompt is"),
        (line(spans="{}"), r"tracks\[0\]: 'spans' is a list of"),
        (line(track_id='{"id": true'), r"tracks\[0\]: 'id' must be a whole number"),
        (line(track_id='{"id": 1.0'), r"tracks\[0\]: 'id' must be a whole number"),
        (line(track_id='{"id": -1'), r"tracks\[0\]: 'id' must be a whole number"),
        (line(track_id='{"id": 9999999999'), r"tracks\[0\]: 'id' must be a whole number"),
        (line(words="[null]"), r"tracks\[0\]: 'words' must be non-empty texts, got \[None\]"),
        (line(words='[""]'), r"tracks\[0\]: 'words' must be non-empty texts"),
        (line(id="true"), "field 'id' must be a text or a whole number, got True"),
        (line(id='["x"]'), r"field 'id' must be a text or a whole number, got \['x'\]"),
        (line(id='" "'), "field 'id' must be a text or a whole number"),
        (line(end='}], "confidence": true}'), "field 'confidence' must be a number from 0 to 1, got True"),
        (line(end='}], "prompt": "a cat runs"}'), "field 'prompt' is there twice; leave one of them"),
        (line(track_id='{"id": 1, "id": 0'), r"field 'tracks\[0\].id' is there twice"),
        (line(end="}], " + '"background": ' + "[" * 40 + "]" * 40 + "}"), "is nested too deeply, more than 32 levels"),
        (line(end="}], " + '"background": ' + "[" * 200_000 + "]" * 200_000 + "}"), "it is nested too deeply"),
        ("[" * 200_000, "it is nested too deeply|not JSON|of no known kind"),
        ('{"prompt": ' + "9" * 5000 + "}", "field 'prompt' is a number of more than 400 digits"),
        ('{"prompt": "a cat", "seen": NaN}', "field 'seen' is no finite number"),
        ('{"prompt": "a cat", "a\\ud800": 1}', r"field 'a.*' holds the character \\ud800"),
    ],
)
def test_bad_lines_are_refused_with_file_line_and_field(tmp_path: Path, bad: str, message: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text("\n\n".join([line(id='"first"'), bad]) + "\n")
    with pytest.raises(PromptError, match=rf"p\.jsonl, line 3: .*{message}|p\.jsonl, line 3, column .*not JSON") as e:
        read_any(path)
    assert len(str(e.value)) < len(str(path)) + 400
    if '"tracks"' in bad and "field 'id'" not in message and "'image'" not in message:
        with pytest.raises(LayoutError, match=rf"p\.jsonl, line 3: .*{message}"):
            list(read_layouts(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"prompt": "fine"},\n{"prompt": "a\\ud800"}]', "line 2: field 'prompt' holds"),
        ('{"prompt": "a cat", "prompt": "a dog"}', "line 1: field 'prompt' is there twice"),
        ('{"a\\ud800": {"original_prompt": "a", "layout": {}}}', r"line 1, entry 'a\\ud800': it holds the character"),
        ('{"a": {"original_prompt": "a\\ud800", "layout": {}}}', "line 1, entry 'a': field 'original_prompt' holds"),
        ('{"a": {"original_prompt": "a", "layout": {"frames": {"99999999999": []}}}}', "numbered from 1 to 10000"),
        ('{"a": {"original_prompt": "a", "layout": {"frames": {"' + "9" * 5000 + '": []}}}}', "numbered from 1"),
        (
            '{"a": {"original_prompt": "a", "objects": {}, "layout": {"frames": {"1": [{"id": 0, "name": "a", '
            '"box": "0011"}]}}}}',
            r"field 'box' must be \[x, y, width, height\], got '0011'",
        ),
        (
            '{"a": {"original_prompt": "a", "objects": {}, "layout": {"frames": {"1": [{"id": 1.5, "name": "a", '
            '"box": [0, 0, 9, 9]}]}}}}',
            "field 'id' must be a whole number, got 1.5",
        ),
        ('{"a cat": ["x"], "b\\ud800": ["x"]}', r"line 1, prompt 'b\\ud800': it holds the character"),
        ('{"a cat": ["\\ud800"]}', r"line 1, prompt 'a cat': field '\[0\]' holds the character"),
    ],
)
def test_bad_documents(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(content)
    with pytest.raises(PromptError, match=rf"p\.json, .*{message}"):
        read_any(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", "prompt,id,prompt\na cat,1,a dog\n", "line 1: the column 'prompt' is there twice"),
        ("p.csv", "Prompt,prompt \na cat,a dog\n", "line 1: the column 'prompt' is there twice"),
        ("p.csv", "prompt\na cat\na \x1b[2J cat\n", r"line 3: field 'prompt' holds the character \\x1b"),
        ("p.csv", f"prompt\n{'a' * 200_000}\n", "line 2: not a table .*field larger than field limit"),
        ("p.txt", "a cat\na \x1b[2J cat\n", r"line 2: it holds the character \\x1b"),
        ("p.csv", "prompt\na cat\x9b2J\n", r"line 2: field 'prompt' holds the character \\x9b"),
        ("p.txt", "a cat\n\na \x7f cat\n", r"line 3: it holds the character \\x7f"),
    ],
)
def test_bad_tables_and_texts(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(PromptError, match=rf"{name}, {message}"):
        read_any(tmp_path / name)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_is_a_prompt_whatever_ends_it(tmp_path: Path, end: str) -> None:
    """Old Macs end lines with a carriage return alone."""
    for name, lines in (
        ("p.txt", ["a cat", "", "a dog", "a cow"]),
        ("p.csv", ["prompt,id", "a cat,1", "a dog,2", '"a cow, or a bull",3']),
        ("p.jsonl", ['{"prompt": "a cat"}', '{"prompt": "a dog"}', '{"prompt": "a cow"}']),
        ("p.json", ["[", '{"prompt": "a cat"},', '{"prompt": "a dog"},', '{"prompt": "a cow"}]']),
    ):
        (tmp_path / name).write_bytes(end.join(lines).encode())
        assert [prompt.text[:5] for prompt in read_any(tmp_path / name)] == ["a cat", "a dog", "a cow"]
    (tmp_path / "p.jsonl").write_bytes(f"{LINE}{end}{LINE}{end}".encode())
    assert len(list(read_layouts(tmp_path / "p.jsonl"))) == 2
    (tmp_path / "p.txt").write_bytes(f"a cat{end}a \x1b cat".encode())
    with pytest.raises(PromptError, match="line 2"):
        read_any(tmp_path / "p.txt")


def test_spaces_of_all_kinds_are_one_space(tmp_path: Path) -> None:
    """A form feed, a non-breaking space and the separators of Unicode are no characters of a prompt."""
    (tmp_path / "p.txt").write_text("a\fcat\u00a0sits\x1f\u2028there\n")
    assert [prompt.text for prompt in read_any(tmp_path / "p.txt")] == ["a cat sits there"]


def test_an_id_of_nought(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "a", "id": 0}\n{"prompt": "b", "id": null}\n{"prompt": "c", "id": ""}\n')
    assert [prompt.id for prompt in read_any(path)] == ["0", "0002", "0003"]


def test_layouts_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_bytes(b'{"prompt": "\xff"}')
    with pytest.raises(LayoutError, match=r"p\.jsonl is not text"):
        list(read_layouts(path))


# Fuzz: a line is either refused, or all that is done with prompts later can be done with it.

odd_text = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["\ud800", "a\udfffb", "\x00", "\x1b[2J", "0011", "", " ", "a cat sleeps", "cat", "NaN", "x" * 300]
    ),
)
odd_number = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([10**400, -(10**400), 10**1000, 2**63, 1e308, float("inf"), 5e-324, 0, 1, True, 0.5, -0.0]),
)
odd_value = st.recursive(
    st.one_of(st.none(), st.booleans(), odd_text, odd_number),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(odd_text, inner, max_size=3)),
    max_leaves=8,
)
side = st.one_of(st.floats(0, 1), odd_number)
boxes = st.lists(st.one_of(st.none(), st.tuples(side, side, side, side).map(list), odd_value), max_size=4)
good_boxes = st.lists(st.one_of(st.none(), st.just([0.1, 0.2, 0.3, 0.4]), st.just([0, 0, 5e-324, 1e-300])), max_size=4)


def mostly(usual: Any, strange: st.SearchStrategy[Any] = odd_value) -> st.SearchStrategy[Any]:
    usual = usual if isinstance(usual, st.SearchStrategy) else st.just(usual)
    return st.integers(0, 9).flatmap(lambda n: strange if n == 0 else usual)


track = st.fixed_dictionaries(
    {
        "id": mostly(st.integers(0, 2)),
        "phrase": mostly("a cat"),
        "words": mostly(["cat"]),
        "boxes": mostly(good_boxes, st.one_of(boxes, odd_value)),
    },
    optional={"spans": mostly([[2, 5]], st.lists(st.lists(odd_number, min_size=2, max_size=2), max_size=2))},
)
record = st.fixed_dictionaries(
    {"prompt": mostly("a cat sleeps")},
    optional={
        "id": mostly("x"),
        "image": odd_value,
        "tracks": mostly(st.lists(mostly(track), min_size=1, max_size=3)),
        "background": mostly("grey"),
        "confidence": mostly(0.5, odd_number),
        "object_1": odd_value,
        "d_1": odd_value,
        "numbers": odd_value,
        "spatial": odd_value,
        "category": odd_value,
    },
)


def raw(value: Any) -> str:
    """JSON of any value, of numbers too that :mod:`json` would not write."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {raw(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(raw, value)) + "]"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**900:
        return "9" * 5001
    return json.dumps(value)


def use(prompts: list[Prompt], folder: Path) -> None:
    """All that is done later with the form of a prompt: stored, shown, named, planned as pixels, computed with."""
    assert len({prompt.id for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        said = f"{prompt.id} {prompt.text} {prompt.image} {prompt.note}"
        said.encode()
        assert not any(ord(c) < 0x20 and c not in "\t\n\r" for c in prompt.id + prompt.text)
        json.dumps([prompt.id, prompt.text, dict(prompt.metadata), str(prompt.image)], allow_nan=False).encode()
        pickle.dumps(prompt)
        if prompt.image is not None:
            prompt.image.exists()
        if prompt.layout is not None:
            assert Layout.from_dict(json.loads(json.dumps(prompt.layout.to_dict(), allow_nan=False))) == prompt.layout
            _, targets = object_targets(prompt.layout, (3, 4, 5))
            assert targets.isfinite().all()
            assert interpolate_boxes(prompt.layout, 7).shape[1:] == (7, 4)
    layouts = [prompt.layout for prompt in prompts if prompt.layout is not None]
    write_layouts(folder / "out.jsonl", layouts)
    assert list(read_layouts(folder / "out.jsonl")) == layouts
    write_authors_cache(folder / "out.json", layouts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def read_or_refuse(path: Path) -> None:
    said = ""
    try:
        prompts = read_any(path)
    except PromptError as error:
        said = str(error)
    if said:
        assert path.name in said
        said.encode()  # it can be shown
    else:
        use(prompts, path.parent)


fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@fuzz
@given(st.lists(mostly(record), min_size=1, max_size=3), st.sampled_from(["p.jsonl", "p.json", "p.txt", "list.json"]))
@example([{"prompt": "a cat", "id": "\ud800"}], "p.jsonl")
def test_fuzzed_json(folder: Path, records: list[Any], name: str) -> None:
    text = raw(records) if name == "list.json" else "\n".join(map(raw, records))
    (folder / name).write_text(text, encoding="utf-8")
    read_or_refuse(folder / name)


@fuzz
@given(st.lists(record, min_size=1, max_size=2), st.data())
def test_lines_that_are_cut_or_garbled(folder: Path, records: list[Any], data: st.DataObject) -> None:
    raw_bytes = bytearray("\n".join(map(raw, records)).encode())
    for _ in range(data.draw(st.integers(0, 3))):
        raw_bytes[data.draw(st.integers(0, len(raw_bytes) - 1))] = data.draw(st.integers(0, 255))
    (folder / "g.jsonl").write_bytes(raw_bytes[: data.draw(st.integers(1, len(raw_bytes)))])
    read_or_refuse(folder / "g.jsonl")


@fuzz
@given(
    st.lists(st.sampled_from(["prompt", "Prompt", "id", "image", "kind", ""]), min_size=1, max_size=4),
    st.lists(st.lists(st.text(max_size=8), max_size=5), max_size=4),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_fuzzed_tables(folder: Path, header: list[str], rows: list[list[str]], comma: str, end: str) -> None:
    text = StringIO()
    try:
        csv.writer(text, delimiter=comma, lineterminator=end).writerows([header, *rows])
        content = text.getvalue().encode()
    except (csv.Error, UnicodeEncodeError):
        return
    (folder / "t.csv").write_bytes(content)
    read_or_refuse(folder / "t.csv")


@fuzz
@given(st.binary(max_size=60), st.sampled_from(["b.txt", "b.csv", "b.tsv", "b.json", "b.jsonl"]))
def test_noise(folder: Path, content: bytes, name: str) -> None:
    (folder / name).write_bytes(content)
    read_or_refuse(folder / name)


cache_entry = st.fixed_dictionaries(
    {
        "original_prompt": mostly("a cat sleeps"),
        "layout": mostly(
            st.fixed_dictionaries(
                {
                    "frames": st.dictionaries(
                        st.one_of(st.sampled_from(["1", "2", "6", "0", "-1", "99999999999", "٣", "1.5"]), odd_text),
                        st.lists(
                            mostly(
                                st.fixed_dictionaries(
                                    {
                                        "id": mostly(st.sampled_from([0, 1, "0", "1"])),
                                        "name": mostly("cat"),
                                        "box": mostly([10, 10, 200, 200], st.lists(odd_number, max_size=5)),
                                    }
                                )
                            ),
                            max_size=2,
                        ),
                        max_size=3,
                    )
                },
                optional={"background": odd_value},
            )
        ),
    },
    optional={
        "enriched_prompt": mostly("a grey cat sleeps"),
        "objects": mostly(
            {"0": {"object_id": "0", "object_phrases": ["a grey cat"], "object_words": ["cat"]}},
            st.dictionaries(
                st.just("0"), st.fixed_dictionaries({"object_phrases": odd_value, "object_words": odd_value})
            ),
        ),
    },
)


@fuzz
@given(st.dictionaries(odd_text, mostly(cache_entry), min_size=1, max_size=2))
def test_fuzzed_caches_of_the_authors(folder: Path, cache: dict[str, Any]) -> None:
    (folder / "a.json").write_text(raw(cache))
    read_or_refuse(folder / "a.json")


answer = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.builds(
            lambda n, items: f"Frame {n}: {items!r}",
            st.sampled_from([1, 2, 3, 4, 5, 6, 0, 10**10, "9" * 5000]),
            st.lists(
                st.one_of(
                    st.just({"id": 0, "name": "cat", "box": [10, 10, 99, 99]}),
                    st.fixed_dictionaries({"id": odd_value, "name": odd_value, "box": odd_value}),
                ),
                max_size=2,
            ),
        ),
        st.sampled_from(["Frame 1: [{[]: 1}]", "Background keyword: forest", "Frame 1: [" + "(" * 500]),
    ),
    max_size=8,
).map("\n".join)


@fuzz
@given(st.dictionaries(st.one_of(st.just("a cat sleeps"), odd_text), st.lists(answer, max_size=2), min_size=1))
def test_fuzzed_caches_of_lvd(folder: Path, cache: dict[str, Any]) -> None:
    (folder / "l.json").write_text(raw(cache))
    read_or_refuse(folder / "l.json")


@fuzz
@given(odd_value)
def test_what_passes_is_json(value: Any) -> None:
    """Whatever is not refused can be written and comes back as it was."""
    try:
        parsed = parse_json(raw(value))
        check_form(parsed)
    except FormError:
        return
    text = json.dumps(parsed, ensure_ascii=False, allow_nan=False).encode()
    assert parse_json(text.decode()) == parsed
