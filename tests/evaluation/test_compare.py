"""Runs side by side, against a case computed by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ttom_pl.cli import main
from ttom_pl.evaluation.compare import compare
from ttom_pl.io.media import write_mp4
from ttom_pl.layout import Layout, Track
from ttom_pl.run import Result, RunError, RunFolder, Skipped

LAYOUT = Layout("a cat", (Track(0, "a cat", ("cat",), ((0.0, 0.0, 0.5, 0.5),)),))


def result(number: int, score: float, **changes: Any) -> Result:
    made = Result(
        id=f"{number:04d}",
        number=number,
        prompt=f"prompt {number}",
        seed=42 + number,
        updates=2 * number,
        seconds={"fit": 0.5, "decode": 0.25},
        scores={"layout_iou": score},
        files={"video": f"videos/{number:04d}.mp4"},
        layout=LAYOUT,
    )
    return replace(made, **changes)


def write_run(path: Path, *results: Result | Skipped) -> Path:
    folder = RunFolder.open(path)
    for each in results:
        folder.append(each)
    return path


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Scores 0.1 … 0.4 and the same prompts 0.1, 0.2, 0.3 and 0.6 better."""
    plain = write_run(tmp_path / "plain", *(result(n, s) for n, s in enumerate([0.1, 0.2, 0.3, 0.4], start=1)))
    ttom = write_run(tmp_path / "ttom", *(result(n, s) for n, s in enumerate([0.2, 0.4, 0.6, 1.0], start=1)))
    return [plain, ttom]


def test_means_and_paired_differences(runs: list[Path]) -> None:
    comparison = compare(runs)
    assert comparison.ids == ["0001", "0002", "0003", "0004"]
    np.testing.assert_allclose(comparison.values["layout_iou"], [[0.1, 0.2, 0.3, 0.4], [0.2, 0.4, 0.6, 1.0]])
    np.testing.assert_allclose(comparison.values["iterations"], [[2, 4, 6, 8]] * 2)
    np.testing.assert_allclose(comparison.values["seconds"], 0.75)
    assert comparison.difference("layout_iou", 1).mean == pytest.approx(0.3)


def test_bootstrap_interval_is_that_of_all_resamples(runs: list[Path]) -> None:
    """Four prompts have 4⁴ equally likely resamples; the percentile bootstrap approaches their quantiles."""
    delta = np.array([0.1, 0.2, 0.3, 0.6])
    means = np.sort([delta[list(i)].mean() for i in np.ndindex(4, 4, 4, 4)])
    difference = compare(runs).difference("layout_iou", 1)
    assert difference.low == pytest.approx(np.quantile(means, 0.025), abs=0.026)
    assert difference.high == pytest.approx(np.quantile(means, 0.975), abs=0.026)
    assert difference.significant
    assert difference == compare(runs).difference("layout_iou", 1)


def test_no_difference_is_not_significant(runs: list[Path]) -> None:
    difference = compare(runs).difference("iterations", 1)
    assert (difference.mean, difference.low, difference.high) == (0, 0, 0)
    assert not difference.significant


def test_table(runs: list[Path]) -> None:
    lines = compare(runs, ["plain model", "TTOM"]).table().splitlines()
    assert lines[0] == "| method | layout iou | iterations | seconds |"
    assert lines[1] == "| --- | --- | --- | --- |"
    assert lines[2] == "| plain model | 0.25 | 5.0 | 0.75 |"
    assert lines[3].startswith("| TTOM | 0.55 (+0.1")
    assert lines[3].endswith(")* | 5.0 (+0.0 … +0.0) | 0.75 (+0.00 … +0.00) |")
    assert lines[-1].startswith("Means of 4 prompts; ")
    assert "plain model" in lines[-1]


def test_only_prompts_that_all_have_served_count(tmp_path: Path, runs: list[Path]) -> None:
    failed = Skipped("0002", "prompt 2", "unknown word")
    third = write_run(tmp_path / "third", result(1, 0.5), failed, result(3, 0.5), result(9, 0.5))
    assert compare([*runs, third]).ids == ["0001", "0003"]
    assert compare([*runs, third], first=2).ids == ["0003"]


def test_scores_that_a_run_lacks_are_left_out(tmp_path: Path, runs: list[Path]) -> None:
    both = {"layout_iou": 0.5, "relation": 1.0}
    third = write_run(tmp_path / "third", result(1, 0, scores=both), result(2, 0.5))
    assert list(compare([third, runs[0]]).values) == ["layout_iou", "iterations", "seconds"]


def test_scores_of_some_prompts_are_compared_over_these(tmp_path: Path) -> None:
    """E.g. the relation, which only some captions have."""

    def run(name: str, *relations: float | None) -> Path:
        given = [{"layout_iou": 0.5} | ({} if r is None else {"relation": r}) for r in relations]
        return write_run(tmp_path / name, *(result(n, 0, scores=scores) for n, scores in enumerate(given, start=1)))

    comparison = compare([run("plain", None, 0.2, 0.4, 0.1), run("ttom", 1.0, 0.5, 0.6, None)])
    np.testing.assert_array_equal(np.isnan(comparison.values["relation"]), [[True, False, False, True]] * 2)
    assert comparison.difference("relation", 1).mean == pytest.approx(0.25)
    lines = comparison.table().splitlines()
    assert lines[2].startswith("| plain | 0.50 | 0.30 |")
    assert lines[-1].endswith("; relation applies to 2 of them.")


@pytest.mark.parametrize("change", [{"seed": 0}, {"prompt": "another"}])
def test_other_noise_or_text_is_refused(tmp_path: Path, runs: list[Path], change: dict[str, Any]) -> None:
    other = write_run(tmp_path / "other", result(1, 0.5, **change))
    with pytest.raises(RunError, match="'0001' other noise or another text"):
        compare([runs[0], other])


@pytest.fixture
def pools(tmp_path: Path) -> dict[str, list[Path]]:
    """Two methods with two seeds each; of prompt 1 to 3 the scores, seed by seed."""
    scores = {"plain": [[0.1, 0.3, 0.2], [0.3, 0.1, 0.4]], "tto": [[0.4, 0.4, 0.2], [0.6, 0.4, 0.8]]}
    return {
        name: [
            write_run(tmp_path / f"{name}-{n}", *(result(i, s, seed=1000 * n) for i, s in enumerate(each, start=1)))
            for n, each in enumerate(runs)
        ]
        for name, runs in scores.items()
    }


def test_seeds_are_pooled_prompt_by_prompt(pools: dict[str, list[Path]]) -> None:
    comparison = compare(list(pools.values()), list(pools))
    np.testing.assert_allclose(comparison.values["layout_iou"], [[0.2, 0.2, 0.3], [0.5, 0.4, 0.5]])
    difference = comparison.difference("layout_iou", 1)
    assert difference.mean == pytest.approx(0.7 / 3)
    assert difference.low == pytest.approx(0.2)
    assert difference.high == pytest.approx(0.3)
    assert comparison.difference("layout_iou", 0, baseline=1).mean == pytest.approx(-0.7 / 3)
    assert "Means of 3 prompts, of each the mean of 2 runs that differ in noise; " in comparison.table()


def test_pooling_pairs_the_noise(pools: dict[str, list[Path]]) -> None:
    plain, tto = pools.values()
    with pytest.raises(RunError, match="the methods have 2, 1 runs"):
        compare([plain, tto[:1]])
    with pytest.raises(RunError, match=r"other noise or another text.*in the same order"):
        compare([plain, tto[::-1]])
    with pytest.raises(RunError, match=r"same noise for prompt '0001'.*--stream.seed"):
        compare([[plain[0], plain[0]], [tto[0], tto[0]]])


def test_table_of_chosen_metrics_against_any_baseline(pools: dict[str, list[Path]]) -> None:
    comparison = compare(list(pools.values()), list(pools))
    lines = comparison.table(["iterations", "layout_iou", "relation"], baseline=1, digits=3).splitlines()
    assert lines[0] == "| method | iterations | layout iou |"
    assert lines[2].startswith("| plain | 4.0 (+0.0 … +0.0) | 0.233 (-0.300 … -0.200)* |")
    assert lines[3] == "| tto | 4.0 | 0.467 |"
    assert "difference from tto" in lines[-1]
    with pytest.raises(RunError, match="none of relation; they have layout_iou, iterations, seconds"):
        comparison.table(["relation"])


def test_command_pools_named_runs(pools: dict[str, list[Path]], capsys: pytest.CaptureFixture[str]) -> None:
    (a, b), (c, d) = pools.values()
    main(["compare", f"the plain model={a},{b}", f"{c},{d}", "--metrics", "layout_iou"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| method | layout iou |"
    assert lines[2] == "| the plain model | 0.23 |"
    assert lines[3].startswith("| tto-0+tto-1 | 0.47 (+0.20 … +0.30)*")


def test_folder_with_signs_in_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "lr=0.1,rank=8", result(1, 0.5))
    main(["compare", str(run)])
    assert "| lr=0.1,rank=8 | 0.50 |" in capsys.readouterr().out


def test_nothing_in_common(tmp_path: Path, runs: list[Path]) -> None:
    with pytest.raises(RunError, match="no served prompt in common"):
        compare([runs[0], write_run(tmp_path / "other", result(9, 0.5))])


def test_command(runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run in runs:
        for number in range(1, 5):
            write_mp4(run / f"videos/{number:04d}.mp4", torch.rand(5, 3, 32, 32), fps=8)
    out = tmp_path / "new" / "out"
    main(["compare", *map(str, runs), "--names", "plain", "TTOM", "--out", str(out), "--prompts", "2"])
    table = (out / "table.md").read_text()
    assert table in capsys.readouterr().out
    assert "| TTOM | 0.55" in table
    with Image.open(out / "contact_sheet.png") as sheet:
        assert sheet.width > 2 * 4 * 96
        assert sheet.height > 2 * 96


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}", "nowhere"], r"'nowhere' is no run"),
        (["{run}", "{run}", "--names", "one"], "1 names for 2 runs"),
        (["plain={run}", "tto="], "'tto=' names no run"),
        ([], "required: runs"),
    ],
)
def test_command_with_bad_input(
    runs: list[Path], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *(argument.format(run=runs[0]) for argument in arguments)])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
