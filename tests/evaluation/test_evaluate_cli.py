"""``ttom evaluate`` on videos that were rendered, so that the right scores are known."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from chat_server import KEY, Server, says, server  # noqa: F401

from ttom_pl.cli import evaluate, main
from ttom_pl.evaluation.compare import compare
from ttom_pl.evaluation.evaluator import Evaluator
from ttom_pl.evaluation.table import summarise
from ttom_pl.evaluation.videos import Clip, find_clips
from ttom_pl.io.media import write_mp4
from ttom_pl.layout import Layout, Track
from ttom_pl.run import Result, RunFolder
from ttom_pl.sprites.render import render
from ttom_pl.sprites.world import NUM_FRAMES, Group, SpritesScene, sample_scene

LEFT, UP = Group("red", "circle", "left"), Group("blue", "square", "up")
PROMPTS = ["a red circle moves left and a blue square moves up", "three green triangles move right"]
GROUPS = [(LEFT, UP), (Group("green", "triangle", "right", 3),)]


def scene_of(number: int, seed: int = 0) -> SpritesScene:
    return sample_scene(random.Random(seed), GROUPS[number])


def film(path: Path, scene: SpritesScene) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mp4(path, render(scene).transpose(0, 1) / 2 + 0.5, 8, 8)


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.txt"
    path.write_text("\n".join(PROMPTS))
    return path


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """The first video is right, the second shows what the first prompt asks for."""
    folder = tmp_path / "videos"
    film(folder / "0001.mp4", scene_of(0))
    film(folder / "0002.mp4", scene_of(0, seed=1))
    return folder


def scores(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]


def test_a_folder(videos: Path, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scores"
    main(["evaluate", str(videos), "--prompts", str(prompts), "--detector", "sprites", "--out", str(out)])
    right, wrong = scores(out)
    assert right["id"] == "0001"
    ways = [np.abs(np.subtract(s.centers[-1], s.centers[0])).max() / 32 for s in scene_of(0).sprites]
    assert right["scores"]["motion_binding"] == pytest.approx(0.2 + 0.8 * np.mean(ways), abs=0.03)
    assert right["scores"]["generative_numeracy"] == 1.0
    assert wrong["scores"]["motion_binding"] == 0.0
    assert wrong["scores"]["generative_numeracy"] == 0.0
    assert right["protocols"]["motion_binding"] == "t2v-compbench-v2"
    assert right["detector"].endswith("SpritesDetector")
    text = (out / "table.txt").read_text()
    assert "generative_numeracy" in text
    assert "0.5000" in text
    assert "0.0000 … 1.0000" in text
    assert "2 videos of 2 prompts" in text
    assert "consistent_attribute, dynamic_attribute" in text
    assert text.strip() in capsys.readouterr().out


def test_json_without_a_detector(
    videos: Path, prompts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["evaluate", str(videos), "--prompts", str(prompts), "--out", str(tmp_path / "s"), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert [line["metric"] for line in result["metrics"]] == ["temporal_consistency", "temporal_flickering"]
    assert any("for want of a detector" in note for note in result["notes"])


def test_a_run_folder(tmp_path: Path) -> None:
    """Layouts come from the results, so that the layout IoU is there too; and compare reads such scores."""
    run = tmp_path / "run"
    scene = scene_of(0)
    film(run / "videos" / "0001.mp4", scene)
    boxes = [[s.box(frame) for frame in range(NUM_FRAMES)] for s in scene.sprites]
    names = (("a red circle", "circle"), ("a blue square", "square"))
    layout = Layout(PROMPTS[0], tuple(Track(i, p, (w,), tuple(boxes[i])) for i, (p, w) in enumerate(names)), "0001")
    result = {"id": "0001", "prompt": PROMPTS[0], "files": {"video": "videos/0001.mp4"}, "layout": layout.to_dict()}
    rest = {"scores": {}, "number": 1, "seed": 0, "updates": 3, "seconds": {}}
    (run / "results.jsonl").write_text(json.dumps(result | rest) + "\n" + json.dumps({"id": "2", "error": "no"}) + "\n")
    main(["evaluate", str(run), "--detector", "sprites", "--out", str(tmp_path / "s")])
    (line,) = scores(tmp_path / "s")
    assert line["scores"]["layout_miou"] > 0.75
    assert line["scores"]["persistence"] == 1.0


def test_samples_as_vbench_names_them(prompts: Path, tmp_path: Path) -> None:
    """Two videos of a prompt: a line each, one prompt in the table."""
    for sample in range(2):
        film(tmp_path / "v" / f"{PROMPTS[0]}-{sample}.mp4", scene_of(0, sample))
    film(tmp_path / "v" / "other.mp4", scene_of(1))
    out = tmp_path / "s"
    options = ["--detector=sprites", "--out", str(out), "--allow_missing", "--metrics=[generative_numeracy]"]
    main(["evaluate", str(tmp_path / "v"), "--prompts", str(prompts), *options])
    assert [(line["sample"], line["scores"]) for line in scores(out)] == [
        (sample, {"generative_numeracy": 1.0}) for sample in range(2)
    ]
    text = (out / "table.txt").read_text()
    assert "2 videos of 1 prompts" in text
    assert "1 prompts have no video" in text
    assert "1 videos belong to no prompt: other.mp4" in text


def test_a_judge(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """T2V-CompBench's metadata decides the category; the folder of the category is found in the folder of all."""
    server.script = [says({"description": "", "grades": ["A", "C"]})]
    metadata = [{"prompt": "A blue car passes a white fence", "phrases": "a blue car; a white fence"}]
    (tmp_path / "consistent_attr.json").write_text(json.dumps(metadata))
    film(tmp_path / "video" / "consistent_attr" / "0001.mp4", scene_of(0))
    out = tmp_path / "s"
    judge = [
        "--judge",
        "llm",
        f"--judge.base_url={server.url}",
        "--judge.model=tiny",
        f"--judge.cache={tmp_path / 'c'}",
    ]
    for _ in range(2):
        main(
            [
                "evaluate",
                str(tmp_path / "video"),
                "--prompts",
                str(tmp_path / "consistent_attr.json"),
                *judge,
                "--out",
                str(out),
            ]
        )
    (line,) = scores(out)
    assert line["scores"]["consistent_attribute"] == 0.75
    assert len(server.requests) == 1
    assert not any(KEY in file.read_text() for file in out.rglob("*.*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "there is no folder 'nowhere'"),
        (["empty"], "'empty' is no run of 'ttom stream'; say with --prompts FILE"),
        (["empty", "--prompts", "prompts.txt"], "there is no video in 'empty', nor in 'prompts' in it"),
        (["videos", "--prompts", "none.txt"], "no prompt file 'none.txt'"),
        (["videos", "--prompts", "more.txt"], r"1 prompts have no video in 'videos': 0003 \('a cat'\); make them"),
        (
            ["videos", "--prompts", "prompts.txt", "--metrics=[beauty]"],
            "there is no metric 'beauty'; choose from motion",
        ),
        (["videos", "--prompts", "prompts.txt", "--metrics=[layout_miou]"], "layout_miou needs a detector"),
        (["twice", "--prompts", "prompts.txt"], "'0001.gif' and '0001.mp4' in 'twice' differ in their ending alone"),
        (
            ["elsewhere", "--prompts", "prompts.txt"],
            r"no prompt of 'prompts.txt' has a video .* 'clip.mp4'; name them by",
        ),
    ],
)
def test_errors(
    options: list[str],
    message: str,
    videos: Path,
    prompts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "more.txt").write_text("\n".join([*PROMPTS, "a cat"]))
    for name in ("twice/0001.mp4", "twice/0001.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"no video")
    film(tmp_path / "elsewhere" / "clip.mp4", scene_of(0))
    with pytest.raises(SystemExit) as raised:
        main(["evaluate", *options])
    assert raised.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("ttom evaluate: error: ")
    assert re.search(message, error), error


def test_a_video_that_cannot_be_scored_does_not_stop_the_others(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A phrase that the detector does not know, a file that is no video; both are told, and what can be is scored."""
    prompts, out = tmp_path / "prompts.txt", tmp_path / "s"
    prompts.write_text("\n".join(["a cat runs to the left", PROMPTS[0], PROMPTS[1]]))
    (videos / "0003.mp4").write_bytes(b"no video")
    command = ["evaluate", str(videos), "--prompts", str(prompts), "--detector=sprites", "--out", str(out)]
    main(command)
    cat, whole, torn = scores(out)
    assert cat["scores"].keys() == {"temporal_consistency", "temporal_flickering"}
    assert "'cat' names no colour or shape" in cat["errors"][0]
    assert "errors" not in whole
    assert torn["scores"] == {}
    assert "no video that can be read" in torn["errors"][0]
    table = (out / "table.txt").read_text()
    assert "0001.mp4: 'cat' names no" in table
    assert "0003.mp4: it is no video" in table
    assert "layout_miou (which needs layouts" in table
    assert "no video that can be read" in (out / "report.html").read_text()

    prompts.write_text("a cat runs to the left")
    with pytest.raises(SystemExit) as raised:  # nothing is scored in full
        main(command)
    assert raised.value.code == 1


@pytest.mark.parametrize(
    ("ids", "files", "expected"),
    [
        (["0001", "0002"], ["0001", "0002"], ["0001", "0002"]),
        (["0002", "0003"], ["0002", "0003"], ["0002", "0003"]),  # by id, though 0002 is a number too
        (["0003", "0006"], ["0001", "0002", "0003"], ["0003", None]),  # some of a longer file
        (["0002", "0003"], ["0002"], ["0002", None]),
        (["x", "y"], ["1", "2", "y"], [None, "y"]),
        (["x", "y"], ["1", "2", "z"], ["1", "2"]),
        (["x", "y"], ["a cat-1", "a cat-0", "2"], ["a cat-0", "2"]),
    ],
)
def test_no_video_answers_two_prompts(
    ids: list[str], files: list[str], expected: list[str | None], tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / f"{name}.mp4").touch()
    lines = [json.dumps({"id": id, "prompt": text}) for id, text in zip(ids, ["a cat", "a dog"], strict=True)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    clips = find_clips(tmp_path, tmp_path / "prompts.jsonl")
    first = {clip.prompt.id: clip.path.stem for clip in reversed(clips.claimed)}
    assert [first.get(id) for id in ids] == expected
    assert len({clip.path for clip in clips.claimed}) == len(clips.claimed)
    assert [prompt.id for prompt in clips.missing] == [id for id in ids if id not in first]


def test_intervals() -> None:
    """A bootstrap of a mean agrees with the normal interval; metrics without scores have no line."""
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    (line,) = summarise([{"a": float(v)} for v in values], {"a": "x", "b": "y"})
    half = 1.96 * values.std(ddof=1) / 20
    assert (line.low, line.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.002)
    (line,) = summarise([{"a": 0.3}], {"a": "x"})
    assert (line.prompts, line.mean, line.low, line.high) == (1, 0.3, 0.3, 0.3)


def test_compare_takes_the_new_metrics(tmp_path: Path) -> None:
    """Paired intervals need nothing but ``scores``, of each metric over the prompts that it applies to."""
    for run, gain in (("plain", 0.0), ("ttom", 0.1)):
        (tmp_path / run).mkdir()
        noise = np.random.default_rng(len(run))
        lines = [
            {
                "id": str(i),
                "number": i + 1,
                "prompt": "p",
                "seed": i,
                "updates": 0,
                "seconds": {"fit": 1.0},
                "layout": {},
                "truth": {"motion_binding": "grammar"},
            }
            | {
                "scores": {"motion_binding": 0.3 + gain + noise.normal(0, 0.05)}
                | ({"layout_miou": 0.5} if i % 2 else {})
            }
            for i in range(40)
        ]
        (tmp_path / run / "results.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    comparison = compare([tmp_path / "plain", tmp_path / "ttom"])
    assert "What 40 of 40 prompts ask for is known from the grammar alone" in comparison.table()
    difference = comparison.difference("motion_binding", 1)
    assert difference.mean == pytest.approx(0.1, abs=0.03)
    assert "motion binding" in comparison.table()
    assert difference.significant
    assert difference.low <= 0.1 <= difference.high


def test_report(videos: Path, prompts: Path, tmp_path: Path) -> None:
    """A page beside the scores, with the videos where they are and what was asked of them."""
    out = tmp_path / "else" / "where"
    main(["evaluate", str(videos), "--prompts", str(prompts), "--detector", "sprites", "--out", str(out)])
    page = (out / "report.html").read_text()
    assert page.count("<article") == 2
    (source, _) = re.findall(r'<video src="([^"]+)"', page)
    assert (out / source).resolve() == (videos / "0001.mp4").resolve()
    assert "red circle left, blue square up, 1 × red circle, 1 × blue square" in page
    assert "<dt>cost</dt>" not in page


def test_report_of_samples_counts_prompts(tmp_path: Path, prompts: Path) -> None:
    for number, text in enumerate(PROMPTS):
        for sample in range(3):
            film(tmp_path / "vbench" / f"{text}-{sample}.mp4", scene_of(number, sample))
    out = tmp_path / "out"
    main(["evaluate", str(tmp_path / "vbench"), "--prompts", str(prompts), "--detector", "sprites", "--out", str(out)])
    page = (out / "report.html").read_text()
    assert page.count("<article") == 6
    row = re.search(r"<td>generative numeracy</td>.*?</tr>", page, re.DOTALL)
    assert row
    assert row[0].endswith("<td>2</td></tr>")


def test_report_of_a_run_has_its_layouts(tmp_path: Path) -> None:
    layout = Layout(PROMPTS[0], (Track(0, "a red circle", ("circle",), ((0.0, 0.0, 0.5, 0.5),)),))
    run = RunFolder.open(tmp_path / "run")
    film(run.path / "videos" / "0001.mp4", scene_of(0))
    run.append(Result("0001", 1, PROMPTS[0], layout, files={"video": "videos/0001.mp4"}))
    main(["evaluate", str(run.path), "--detector", "sprites", "--out", str(tmp_path / "out")])
    assert "data-boxes" in (tmp_path / "out" / "report.html").read_text()


def test_metrics_by_name(videos: Path, prompts: Path, tmp_path: Path) -> None:
    given = ["evaluate", str(videos), "--prompts", str(prompts), "--detector", "sprites", "--out", str(tmp_path / "s")]
    for words in ("motion_binding,persistence", "[motion_binding, persistence]"):
        main([*given, "--metrics", words])
        assert set(scores(tmp_path / "s")[0]["scores"]) == {"motion_binding", "persistence"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--detector", "sprite"],
            "there is no detector 'sprite'; did you mean 'sprites'; choose from sprites, zero-shot",
        ),
        (["--judge=gpt"], "there is no judge 'gpt'; choose from llm, or"),
        (["--metrics", "motion"], "there is no metric 'motion'; choose from motion_binding"),
    ],
)
def test_names_that_are_not_known(
    videos: Path, prompts: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", str(videos), "--prompts", str(prompts), *words])
    assert message in capsys.readouterr().err


def test_a_file_in_place_of_a_folder(videos: Path, prompts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", str(videos / "0001.mp4"), "--prompts", str(prompts)])
    assert f"is a file; give the folder that it is in, {str(videos)!r}" in capsys.readouterr().err


def test_what_is_known_from_the_grammar_alone_is_said(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same video, twice asked for by English that is no caption: once with the truth beside it, once without."""
    text = "A red circle and a blue square are near each other, and the red circle is moving to the right"
    prompts, out = tmp_path / "prompts.jsonl", tmp_path / "s"
    truth = {"object_1": "red circle", "d_1": "left", "object_2": "blue square", "d_2": "up"}
    prompts.write_text("\n".join(json.dumps({"id": i, "prompt": text} | m) for i, m in (("1", {}), ("2", truth))))
    for name in ("1", "2"):
        film(tmp_path / "v" / f"{name}.mp4", scene_of(0))
    main(["evaluate", str(tmp_path / "v"), "--prompts", str(prompts), "--detector=sprites", "--out", str(out)])
    read, given = scores(out)
    assert read["truth"] == {"motion_binding": "grammar", "persistence": "grammar"}
    assert given["truth"] == {"motion_binding": "metadata", "persistence": "metadata"}
    assert read["scores"]["motion_binding"] < 0.3 < given["scores"]["motion_binding"]
    table = (out / "table.txt").read_text()
    assert re.search(
        r"motion_binding .* known from|motion_binding .* (grammar 1, metadata 1|metadata 1, grammar 1)", table
    )
    assert re.search(r"temporal_flickering .* the video", table)
    assert "what 1 of 2 prompts ask for is known from the grammar alone" in table
    page = (out / "report.html").read_text()
    assert "what 1 of 2 prompts ask for is known from the grammar alone" in page
    assert page.count("(as the grammar reads it)") == 1


def test_nothing_is_said_where_captions_or_metadata_tell(videos: Path, prompts: Path, tmp_path: Path) -> None:
    main(["evaluate", str(videos), "--prompts", str(prompts), "--detector=sprites", "--out", str(tmp_path / "s")])
    table = (tmp_path / "s" / "table.txt").read_text()
    assert re.search(r"motion_binding .* caption\n", table)
    assert "grammar" not in table + (tmp_path / "s" / "report.html").read_text()


class Killed(BaseException):
    """Stands for what ends a process in the middle."""


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which videos are scored, by name; the list holds at most as many as its first item says, then comes the kill."""
    names: list[str] = []
    original = evaluate._line

    def line(clip: Clip, evaluator: Evaluator) -> dict:
        if names and names[0] == f"kill after {len(names) - 1}":
            raise Killed
        names.append(clip.path.name)
        return original(clip, evaluator)

    monkeypatch.setattr(evaluate, "_line", line)
    return names


def test_a_stop_keeps_the_scores_that_are_there(
    videos: Path, prompts: Path, tmp_path: Path, scored: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A second run that is killed leaves the files of the first; the third one goes on where the second was."""
    out = tmp_path / "scores"
    command = ["evaluate", str(videos), "--prompts", str(prompts), "--detector", "sprites", "--out", str(out)]
    main(command)
    first = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert set(first) == {"scores.jsonl", "table.txt", "report.html"}

    scored[:] = ["kill after 1"]
    with pytest.raises(Killed):
        main([*command, "--num_frames=9"])
    assert "the same command goes on from" in capsys.readouterr().err
    assert {name: (out / name).read_bytes() for name in first} == first
    assert {path.name for path in out.iterdir()} - set(first) == {"scores.jsonl.unfinished", "report"}

    scored[:] = []
    main([*command, "--num_frames=9"])
    assert scored == ["0002.mp4"]
    assert "1 of them were scored before a stop" in (out / "table.txt").read_text()
    resumed = scores(out)
    assert [line["id"] for line in resumed] == ["0001", "0002"]
    assert {path.name for path in out.iterdir()} == {*first, "report"}

    scored[:] = []
    main([*command, "--num_frames=9"])  # one that has ended is made anew
    assert scored == ["0001.mp4", "0002.mp4"]
    assert scores(out) == resumed


@pytest.mark.parametrize("changed", ["an option", "a video", "a prompt", "a torn line", "nothing"])
def test_what_is_scored_again_after_a_stop(
    videos: Path, prompts: Path, tmp_path: Path, scored: list[str], changed: str
) -> None:
    out = tmp_path / "scores"
    command = ["evaluate", str(videos), "--prompts", str(prompts), "--detector", "sprites", "--out", str(out)]
    scored[:] = ["kill after 1"]
    with pytest.raises(Killed):
        main(command)
    scored[:] = []
    match changed:
        case "an option":
            command.append("--detector.by=color")
        case "a video":
            film(videos / "0001.mp4", scene_of(0, seed=5))
        case "a prompt":
            prompts.write_text("\n".join(["a red circle moves left", PROMPTS[1]]))
        case "a torn line":
            journal = out / "scores.jsonl.unfinished"
            journal.write_bytes(journal.read_bytes()[:-20] + b"\xff")
    main(command)
    assert scored == (["0002.mp4"] if changed == "nothing" else ["0001.mp4", "0002.mp4"])
    assert [line["id"] for line in scores(out)] == ["0001", "0002"]


def test_a_process_that_is_killed(videos: Path, prompts: Path, tmp_path: Path) -> None:
    """By the signal that cannot be caught, at no chosen moment."""
    out = tmp_path / "scores"
    command = ["evaluate", str(videos), "--prompts", str(prompts), "--out", str(out)]
    main(command)
    before = (out / "scores.jsonl").read_bytes()
    slow = (
        "import time, sys; from ttom_pl.cli import evaluate, main; line = evaluate._line\n"
        "def slowly(*given):\n    print('scoring', flush=True); time.sleep(60)\n"
        "evaluate._line = slowly; main(sys.argv[1:])"
    )
    process = subprocess.Popen([sys.executable, "-c", slow, *command], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"scoring\n"
    process.kill()
    process.wait()
    assert (out / "scores.jsonl").read_bytes() == before
