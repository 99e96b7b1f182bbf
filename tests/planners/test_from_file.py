"""Layouts looked up in a file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ttom_pl.layout import Layout, LayoutError, Track
from ttom_pl.planners import FilePlanner, GrammarPlanner, Planner
from ttom_pl.prompts.layout_files import write_layouts

TRACK = Track(0, "a cat", ("cat",), ((0.1, 0.1, 0.5, 0.5),))
CAT = Layout("A cat", (TRACK,), id="0001")


def test_a_long_prompt_beside_a_layout_is_the_streams(tmp_path: Path) -> None:
    """The file gives the layout; in what it is steered, the prompt says."""
    layout = GrammarPlanner().plan("a cat moves left")
    path = tmp_path / "layouts.jsonl"
    path.write_text(json.dumps(layout.to_dict() | {"long": "A grey cat."}))
    assert FilePlanner(path).plan("a cat moves left") == layout


def test_found_by_id_and_by_text(tmp_path: Path) -> None:
    """The text is what counts; the id of the stream is passed on."""
    write_layouts(tmp_path / "a.jsonl", [CAT])
    planner = FilePlanner(tmp_path / "a.jsonl")
    assert isinstance(planner, Planner)
    assert planner.plan("A cat", "0001") == CAT
    assert planner.plan("A cat") == CAT
    assert planner.plan("A cat", "7") == replace(CAT, id="7")


def test_layouts_with_images(tmp_path: Path) -> None:
    """The image is the prompt's, not the layout's."""
    write_layouts(tmp_path / "a.jsonl", [CAT], {"0001": tmp_path / "cat.png"})
    assert '"image"' in (tmp_path / "a.jsonl").read_text()
    assert FilePlanner(tmp_path / "a.jsonl").plan("A cat", "0001") == CAT


def test_missing_prompt_is_named(tmp_path: Path) -> None:
    """An id alone does not make a layout fit another prompt."""
    write_layouts(tmp_path / "a.jsonl", [CAT])
    with pytest.raises(LayoutError, match=r"a\.jsonl has no layout for the prompt 'A dog' \(id '0001'\)"):
        FilePlanner(tmp_path / "a.jsonl").plan("A dog", "0001")


def test_one_id_for_two_layouts_is_an_error(tmp_path: Path) -> None:
    """Which one is meant cannot be told."""
    write_layouts(tmp_path / "a.jsonl", [CAT, replace(CAT, background="sea")])
    with pytest.raises(LayoutError, match="two layouts of id '0001'"):
        FilePlanner(tmp_path / "a.jsonl")


def test_enriched_prompts_are_found_by_what_was_asked_for(tmp_path: Path) -> None:
    enriched = replace(CAT, prompt="A sleek cat", original_prompt="A cat")
    write_layouts(tmp_path / "a.jsonl", [enriched])
    planner = FilePlanner(tmp_path / "a.jsonl")
    assert planner.plan("a cat", "0001") == enriched
    assert planner.plan("A sleek cat", "2") == replace(enriched, id="2")


def test_caches_of_other_projects(tmp_path: Path) -> None:
    answer = "\n".join(f"Frame {i}: [{{'id': 0, 'name': 'cat', 'box': [0, 0, 256, 256]}}]" for i in range(1, 7))
    (tmp_path / "lvd.json").write_text(json.dumps({"A cat": [answer], "A dog": ["no"]}))
    planner = FilePlanner(tmp_path / "lvd.json")
    assert planner.plan("A cat").tracks[0].boxes == ((0, 0, 0.5, 0.5),) * 6
    with pytest.raises(LayoutError, match="no layout for the prompt 'A dog'"):
        planner.plan("A dog")
