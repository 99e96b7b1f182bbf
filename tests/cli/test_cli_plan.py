"""``ttom plan`` in-process, on every kind of file."""

import json
from pathlib import Path

import pytest

from ttom_pl.cli import main
from ttom_pl.layout import Layout
from ttom_pl.planners import GrammarPlanner
from ttom_pl.prompts.layout_files import read_layouts, write_layouts
from ttom_pl.prompts.readers import read_any

PROMPTS = "a dog runs to the left\n...\ncolourless green ideas\n"


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text(PROMPTS)
    return path


def plan(*arguments: object) -> None:
    main(["plan", *map(str, arguments)])


def test_layouts_preview_and_summary(tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What can be planned is written; what was not understood and what failed is told."""
    plan(prompts, "--out", tmp_path / "new" / "layouts.jsonl", "--preview", tmp_path / "preview")
    dog, ideas = read_layouts(tmp_path / "new" / "layouts.jsonl")
    assert dog == GrammarPlanner().plan("a dog runs to the left", "0001")
    assert ideas.id == "0003"
    out = capsys.readouterr().out
    assert "3 prompts, 2 layouts (2 grammar)" in out
    assert "1 not understood in full:\n  0003  colourless green ideas: 0.50 no object to place was found" in out
    assert "1 failed:\n  0002  '...': the prompt '...' has no word to plan for" in out
    names = ["0001.gif", "0003.gif", "contact_sheet.png"]
    assert sorted(file.name for file in (tmp_path / "preview").iterdir()) == names


def test_strict(tmp_path: Path, prompts: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        plan(prompts, "--out", tmp_path / "layouts.jsonl", "--strict")
    assert stopped.value.code == 1
    assert len(list(read_layouts(tmp_path / "layouts.jsonl"))) == 2
    plan(prompts, "--out", tmp_path / "layouts.jsonl", "--strict", "--limit", 1)


@pytest.mark.parametrize("limit", [0, -1])
def test_no_prompt_is_no_limit(tmp_path: Path, prompts: Path, limit: int, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "layouts.jsonl"
    out.write_text("old")
    with pytest.raises(SystemExit) as stopped:
        plan(prompts, "--out", out, "--limit", limit)
    assert stopped.value.code == 2
    assert f"limit is {limit}; it is how many prompts" in capsys.readouterr().err
    assert out.read_text() == "old"


def test_without_any_layout_the_old_file_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prompts, out = tmp_path / "prompts.txt", tmp_path / "layouts.jsonl"
    prompts.write_text("...\n!\n")
    out.write_text("old")
    with pytest.raises(SystemExit) as stopped:
        plan(prompts, "--out", out)
    assert stopped.value.code == 1
    assert "layouts: none, and nothing is written" in capsys.readouterr().out
    assert out.read_text() == "old"


def test_what_is_written_can_be_streamed(tmp_path: Path, prompts: Path) -> None:
    plan(prompts, "--out", tmp_path / "layouts.jsonl", "--limit", 1)
    (prompt,) = read_any(tmp_path / "layouts.jsonl")
    assert prompt.layout == GrammarPlanner().plan("a dog runs to the left", "0001")


def test_images_stay_with_their_prompts(tmp_path: Path) -> None:
    """Relative to the new file; planned prompts, layouts by hand, and once more through what was written."""
    (tmp_path / "in").mkdir()
    layout = GrammarPlanner().plan("a cat walks left", "two").to_dict()
    lines = [
        {"id": "one", "prompt": "a dog runs to the left", "image": "dog.png"},
        layout | {"image": "/pictures/cat.png"},
        {"id": "three", "prompt": "a bird flies up"},
    ]
    (tmp_path / "in" / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plan(tmp_path / "in" / "mine.jsonl", "--out", tmp_path / "out.jsonl")
    plan(tmp_path / "out.jsonl", "--out", tmp_path / "new" / "again.jsonl")
    for path in (tmp_path / "out.jsonl", tmp_path / "new" / "again.jsonl"):
        images = [prompt.image and prompt.image.resolve() for prompt in read_any(path)]
        assert images == [tmp_path / "in" / "dog.png", Path("/pictures/cat.png"), None]


def test_images_have_no_place_in_the_authors_format(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"prompt": "a dog runs to the left", "image": "dog.png"}\n')
    with pytest.warns(UserWarning, match=r"has no images; write \.jsonl to keep them"):
        plan(tmp_path / "mine.jsonl", "--out", tmp_path / "cache.json")


def test_authors_format(tmp_path: Path, prompts: Path) -> None:
    plan(prompts, "--out", tmp_path / "cache.json", "--limit", 1, "--frame", "100x100")
    cache = json.loads((tmp_path / "cache.json").read_text())
    (box,) = {tuple(seen["box"][2:]) for frame in cache["0"]["layout"]["frames"].values() for seen in frame}
    assert box == (25, 25)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--planner", "grammar"],
        ["--planner=grammar", "--planner.num_keyframes=6"],
        ["--planner", "GrammarPlanner"],
        ["--planner", "ttom_pl.planners.GrammarPlanner"],
    ],
)
def test_planner_by_name(tmp_path: Path, prompts: Path, arguments: list[str]) -> None:
    plan(prompts, "--out", tmp_path / "a.jsonl", "--limit", 1, *arguments)
    (layout,) = read_layouts(tmp_path / "a.jsonl")
    assert layout == GrammarPlanner().plan("a dog runs to the left", "0001")


def test_planner_options(tmp_path: Path, prompts: Path) -> None:
    plan(prompts, "--out", tmp_path / "a.jsonl", "--limit", 1, "--planner", "grammar", "--planner.num_keyframes", 4)
    (layout,) = read_layouts(tmp_path / "a.jsonl")
    assert layout.num_keyframes == 4


def test_layouts_of_another_file(tmp_path: Path, prompts: Path) -> None:
    made = GrammarPlanner(num_keyframes=3).plan("a dog runs to the left")
    write_layouts(tmp_path / "mine.jsonl", [made])
    plan(
        prompts, "--out", tmp_path / "a.jsonl", "--limit", 1, "--planner=file", f"--planner.path={tmp_path}/mine.jsonl"
    )
    (layout,) = read_layouts(tmp_path / "a.jsonl")
    assert layout.tracks == made.tracks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{tmp}/nowhere.txt", "--out", "{tmp}/a.jsonl"], "no prompt file '{tmp}/nowhere.txt'"),
        (["{tmp}/prompts.txt"], "out"),
        (["{tmp}/prompts.txt", "--out", "{tmp}/prompts.txt"], "holds the prompts; write the layouts to another file"),
        (["{tmp}/prompts.txt", "--out", "{tmp}/a.jsonl", "--planner", "gramar"], "gramar"),
        (["{tmp}/prompts.txt", "--out", "{tmp}/a.jsonl", "--frame", "wide"], "frame is 'wide'; give width and height"),
        (["{tmp}/prompts.txt", "--out", "{tmp}/a.jsonl", "--planner", "grammar", "--planner.speed", "3"], "speed"),
    ],
)
def test_wrong_arguments(
    tmp_path: Path, prompts: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        plan(*(each.format(tmp=tmp_path) for each in arguments))
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert message.format(tmp=tmp_path) in error
    assert "Traceback" not in error
    assert prompts.read_text() == PROMPTS


def test_a_cache_with_an_answer_of_no_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cache.json").write_text(json.dumps({"a dog runs left": ["no idea"]}))
    plan(tmp_path / "cache.json", "--out", tmp_path / "a.jsonl")
    out = capsys.readouterr().out
    assert "1 layouts of the file that cannot be used:" in out
    assert "line 1, prompt 'a dog runs left': no answer can be used" in out
    assert "1 layouts (1 grammar)" in out


@pytest.mark.parametrize(
    ("file", "number", "planner"),
    [
        ("ttom/layout_cache_sample.json", 3, "ttom"),
        ("lvd/cache_demo_gpt-4.json", 1, "lvd"),
        ("t2vcompbench/motion_binding.json", 50, "grammar"),
        ("ttom/scene_abstractions_sample.tsv", 7, "grammar"),
    ],
)
def test_files_of_other_projects(tmp_path: Path, shared_data: Path, file: str, number: int, planner: str) -> None:
    plan(shared_data / file, "--out", tmp_path / "a.jsonl", "--strict")
    layouts: list[Layout] = list(read_layouts(tmp_path / "a.jsonl"))
    assert len(layouts) == number
    assert {layout.planner for layout in layouts} == {planner}


def test_hand_written_layouts_of_the_documentation(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "planning.md").read_text()
    (tmp_path / "mine.jsonl").write_text(text.split("```json\n")[1].split("```")[0])
    plan(tmp_path / "mine.jsonl", "--out", tmp_path / "a.jsonl", "--strict")
    assert [layout.id for layout in read_layouts(tmp_path / "a.jsonl")] == ["0001", "0002"]
