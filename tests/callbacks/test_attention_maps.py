"""Attention maps and the report, as the stream writes them."""

import json

import numpy as np
import pytest
from lightning.pytorch import Callback
from memories import memory

from ttom_pl.callbacks import AttentionMaps, Report, StreamCallback, VideoWriter
from ttom_pl.memory import Memory
from ttom_pl.memory.attention_maps import unpack_maps
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import AttentionBias, LatentGuidance, LayoutTTO, Method
from ttom_pl.stream import Stream

PROMPTS = ["a red circle moves left and a blue square moves up", "a green square moves left and a cyan circle moves up"]


class StopAt(StreamCallback):
    """Press Ctrl-C when the second prompt begins."""

    def on_prompt_start(self, request):
        if request.number == 2:
            raise KeyboardInterrupt


@pytest.fixture
def serve(make_backbone, make_trainer, planner, tmp_path):
    def run(*callbacks: Callback, guided_steps: int = 2, method: Method | None = None):
        settings = {"iterations": 3, "stop_loss": 0.0, "loss_blocks": [1], "rank": 2, "lr": 0.1, "method": method}
        tto = LayoutTTO(make_backbone(), guided_steps, **settings)
        prompts = [Prompt(f"{i:04d}", text) for i, text in enumerate(PROMPTS)]
        return Stream(tmp_path / "run", planner).run(make_trainer(*callbacks), tto, prompts).path

    return run


def maps_of(run, number):
    kept = json.loads((run / f"attention/{number:04d}.json").read_text())
    return unpack_maps(kept["before"]), unpack_maps(kept["after"])


def test_every_prompt_has_its_maps(serve):
    """An entry's maps for a miss; for a hit the maps with what was loaded."""
    run = serve(memory(min_gain=-9.0, iterations=0), AttentionMaps())
    with Memory(run / "memory") as opened:
        (entry,) = opened
    before, after = maps_of(run, 1)
    np.testing.assert_array_equal(before, unpack_maps(entry.extra["attention"]["before"]))
    np.testing.assert_array_equal(after, unpack_maps(entry.extra["attention"]["after"]))
    before, after = maps_of(run, 2)
    assert before.shape == after.shape == (2, 5, 8, 8)
    assert np.abs(before.astype(int) - after).max() > 2
    lines = [json.loads(line) for line in (run / "results.jsonl").read_text().splitlines()]
    assert [line["files"]["attention"] for line in lines] == ["attention/0001.json", "attention/0002.json"]
    assert lines[1]["memory"]["parents"] == [entry.id]


def test_the_plain_model_has_none(serve):
    run = serve(AttentionMaps(), Report(), guided_steps=0)
    assert not (run / "attention").exists()
    assert (run / "report.html").is_file()


@pytest.mark.parametrize("method", [LatentGuidance(0.3), AttentionBias(3.0)], ids=["latents", "bias"])
def test_maps_of_a_baseline_are_those_under_its_guidance(serve, method):
    run = serve(AttentionMaps(), VideoWriter(scale=2), Report(), method=method)
    before, after = maps_of(run, 1)
    assert np.abs(before.astype(int) - after).max() > 2
    page = (run / "report.html").read_text()
    assert page.count('class="cells"') == 12
    assert "hit rate" not in page


def test_report_at_the_end(serve):
    page = (serve(memory(min_gain=-9.0), AttentionMaps(), VideoWriter(scale=2), Report()) / "report.html").read_text()
    assert page.count("<article") == 2
    assert page.count("<video src") == 2
    assert page.count('class="cells"') == 12


def test_report_after_a_stop(serve, tmp_path):
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        serve(Report(), StopAt())
    assert (tmp_path / "run" / "report.html").read_text().count("<article") == 1
