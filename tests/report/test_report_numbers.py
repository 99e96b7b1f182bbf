"""What stands on top of the report: scores, hit rates, seconds, entries; by hand."""

import math
import re
from pathlib import Path

import pytest
from run_folder import make_result

import ttom_pl.report
from ttom_pl.evaluation.metrics.memory import STAGES
from ttom_pl.report.lineage import lineage
from ttom_pl.report.summary import hit_rates, scores, seconds

MISS = {"hit": False, "write": "insert", "key": "scene a", "read": "miss"}
HIT = {"hit": True, "key": "scene a", "entry": "aaa", "parents": ["aaa"], "iterations_saved": 3}


def test_scores() -> None:
    """Means over the prompts that have a score, and by what the memory knew."""
    results = [
        make_result(1, scores={"iou": 0.2, "relation": 1.0}, memory=MISS),
        make_result(2, scores={"iou": 0.4}, memory=HIT),
        make_result(3, scores={"iou": 0.9, "relation": None}, memory=HIT),
        make_result(4, scores={"iou": math.nan, "relation": 1.0}, memory=HIT),
        make_result(5, scores={}),
    ]
    iou, relation = scores(results)
    assert (iou.name, iou.prompts, iou.mean) == ("iou", 3, pytest.approx(0.5))
    assert (iou.misses, iou.hits) == (pytest.approx(0.2), pytest.approx(0.65))
    assert 0.2 <= iou.low < 0.5 < iou.high <= 0.9
    assert (relation.prompts, relation.low, relation.high) == (2, 1.0, 1.0)


def test_scores_without_a_memory() -> None:
    (iou,) = scores([make_result(1), make_result(2)])
    assert (iou.misses, iou.hits) == (None, None)


def test_hit_rates() -> None:
    """So far, and over the last ten; a prompt that asked no memory does not count."""
    results = [make_result(n, memory=MISS if n <= 5 else HIT) for n in range(1, 21)]
    results.insert(3, make_result(99))
    so_far, last, width = hit_rates(results)
    assert width == 10
    assert len(so_far) == len(last) == 20
    assert (so_far[4], so_far[9], so_far[19]) == (0, 0.5, 0.75)
    assert (last[9], last[14], last[19]) == (0.5, 1, 1)
    assert hit_rates([make_result(1)]) == ([], [], 0)


def test_seconds() -> None:
    spent = seconds([make_result(1), make_result(2, seconds={"fit": 2.0, "decode": 1.0})])
    assert spent == {"plan": [0.0, 0.0], "fit": [1.5, 2.0], "decode": [0.5, 1.0]}


def test_lineage() -> None:
    """Made, merged into, used as it is, blended, and one from an earlier run."""
    results = [
        make_result(1, memory=MISS | {"entry": "aaa"}),
        make_result(2, memory=HIT | {"write": "update"}),
        make_result(3, memory=HIT | {"write": "none", "parents": ["aaa", "old"]}),
        make_result(4, memory=HIT | {"write": "insert", "entry": "bbb", "parents": ["old"], "key": "scene b"}),
        make_result(5),
    ]
    entries = lineage(results)
    assert list(entries) == ["aaa", "old", "bbb"]
    first, old, second = entries.values()
    assert (first.made_by, first.used_by, first.merged, first.saved) == (1, [2, 3], 1, 6)
    assert (old.made_by, old.used_by, old.merged, old.saved) == (None, [3, 4], 0, 3)
    assert (second.made_by, second.used_by, second.scene) == (4, [], "scene b")


def test_lineage_of_results_that_name_no_parents() -> None:
    """As runs of older versions wrote them."""
    old = {k: v for k, v in HIT.items() if k != "parents"}
    entries = lineage([make_result(1, memory=old | {"write": "update"})])
    assert entries["aaa"].used_by == [1]


def test_every_stage_has_a_colour_of_its_own() -> None:
    """As many as there are stages, in the light and in the dark."""
    css = (Path(ttom_pl.report.__file__).parent / "templates" / "report.css").read_text()
    colors = re.findall(r"--c(\d+): (#\w+)", css)
    assert len(colors) == len(set(colors)) == 2 * len(STAGES)
