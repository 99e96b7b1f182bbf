"""The probe on the tiny model, its recommendation, its command."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import Tensor

from ttom_pl.backbones import WanBackbone
from ttom_pl.cli import main
from ttom_pl.evaluation.detectors import Detector
from ttom_pl.evaluation.metrics.detections import Detection, Detections
from ttom_pl.layout import Box, Layout
from ttom_pl.planners import Planner
from ttom_pl.probe import ProbeResult, probe, probe_agreement
from ttom_pl.probe.agreement import outstanding
from ttom_pl.probe.scores import attention_auc, attention_iou, box_cells
from ttom_pl.report.heat_map import write_heat_map

ROOT = Path(__file__).parents[2]
LEFT: Box = (0.0, 0.25, 0.5, 0.75)


class OnTheLeft(Detector):
    """Sees the first phrase's object on the left, in the first half of the frames, and no other."""

    def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
        seen = (Detection(phrases[0], LEFT),)
        return Detections(tuple(seen if frame <= len(video) // 2 else () for frame in range(len(video))))


class Blind(Detector):
    def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
        return Detections(((),) * len(video))


def test_attention_of_the_plain_model_against_the_boxes(backbone: WanBackbone, layout: Layout) -> None:
    """What the probe finds is what the maps of its own sampling loop give, over the frames where the object is seen."""
    result = probe(backbone, [layout], OnTheLeft(), steps=2, seed=5)
    assert result.iou.shape == result.auc.shape == (1, 2, 3)
    assert (result.objects, result.seen, result.num_prompts) == (2, 1, 1)

    conditioning, latents = backbone.encode(layout.prompt), backbone.start(5)
    positions = backbone.token_positions(layout.prompt, layout.tracks[0].words, layout.tracks[0].spans)
    cells = box_cells(torch.tensor(LEFT), *backbone.grid[1:])
    for step in range(2):
        with torch.no_grad():
            maps = backbone.object_attention(latents, step, conditioning, [positions], [0, 1, 2])[:, 0]
        for block in range(3):
            shown = maps[block, :3]  # of 5 frames of the grid
            assert result.iou[0, step, block] == pytest.approx(attention_iou(shown, cells).mean().item(), abs=1e-6)
            assert result.auc[0, step, block] == pytest.approx(attention_auc(shown, cells).mean().item(), abs=1e-6)
        latents = backbone.step(latents, step, conditioning)


def test_the_detector_sees_the_pipelines_own_video(backbone: WanBackbone, layout: Layout) -> None:
    videos, asked = [], []

    class Watch(OnTheLeft):
        def detect(self, video: Tensor, phrases: Sequence[str]) -> Detections:
            videos.append(video)
            asked.append(list(phrases))
            return super().detect(video, phrases)

    probe(backbone, [layout, layout], Watch(), steps=4, seed=7)
    assert asked == [["red circle", "blue square"]] * 2
    expected = backbone.pipe(
        layout.prompt,
        height=32,
        width=32,
        num_frames=9,
        num_inference_steps=4,
        guidance_scale=4.0,
        max_sequence_length=24,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    )
    assert torch.equal(videos[0], expected.frames[0])
    assert not torch.equal(videos[0], videos[1])


def test_tracks_of_one_object_are_one(backbone: WanBackbone, planner: Planner) -> None:
    """Three squares share their words: one object, seen wherever a box is."""
    layout = planner.plan("three yellow squares stay still", "x")
    result = probe(backbone, [layout], OnTheLeft(), steps=1)
    assert (result.objects, result.seen) == (1, 1)


@pytest.mark.parametrize("steps", [0, 5])
def test_steps_out_of_range(backbone: WanBackbone, layout: Layout, steps: int) -> None:
    with pytest.raises(ValueError, match=f"steps is {steps}; it must be from 1 to the 4 denoising steps that can"):
        probe(backbone, [layout], OnTheLeft(), steps)


def test_an_image_that_the_model_cannot_start_from(backbone: WanBackbone, layout: Layout) -> None:
    with pytest.raises(ValueError, match=r"brings the image 'cat\.png'"):
        probe(backbone, [layout], OnTheLeft(), steps=1, images=[Path("cat.png")])


def test_nothing_seen_and_nothing_asked(backbone: WanBackbone, layout: Layout) -> None:
    with pytest.raises(ValueError, match="saw none of the objects of 1 prompts"):
        probe(backbone, [layout], Blind(), steps=1)
    with pytest.raises(ValueError, match="no prompt to probe with"):
        probe(backbone, [], OnTheLeft(), steps=1)


# Without videos


def test_attention_of_the_first_steps_against_the_last(
    backbone: WanBackbone, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand, through the backbone's own sampling loop; nothing is decoded."""
    monkeypatch.setattr(backbone, "decode", None)
    result = probe_agreement(backbone, [layout], steps=2, seed=5)
    assert (result.by, result.objects, result.num_prompts) == ("attention", 2, 1)
    conditioning, latents = backbone.encode(layout.prompt), backbone.start(5)
    objects = [backbone.token_positions(layout.prompt, track.words, track.spans) for track in layout.tracks]
    maps = []
    for step in range(4):
        with torch.no_grad():
            maps.append(backbone.object_attention(latents, step, conditioning, objects, [0, 1, 2]))
        latents = backbone.step(latents, step, conditioning)
    cells = outstanding(maps[3])
    for step in range(2):
        for block in range(3):
            expected = attention_iou(maps[step][block], cells).mean().item()
            assert result.iou[0, step, block] == pytest.approx(expected, abs=1e-6)


def test_cells_that_stand_out() -> None:
    """Those of a block that attends to one place, beside one that attends everywhere; half-way to the peak."""
    maps = torch.ones(2, 1, 1, 4, 4)
    maps[0, ..., 1, 2], maps[0, ..., 1, 3], maps[0, ..., 0, 0] = 20, 15, 5
    cells = outstanding(maps)
    assert cells.shape == (1, 1, 4, 4)
    assert cells.nonzero().tolist() == [[0, 0, 1, 2], [0, 0, 1, 3]]
    torch.testing.assert_close(outstanding(maps * torch.tensor([7.0, 0.1])[:, None, None, None, None]), cells)


# What it makes of the numbers


def planted(*means: float, prompts: int = 40, unseen: int = 3) -> ProbeResult:
    """A result whose blocks have given mean overlaps, with noise over prompts that all blocks share."""
    noise = np.random.default_rng(0).normal(0, 0.05, (prompts, 2, 1))
    iou = np.concatenate([np.array(means) + noise - noise.mean(0), np.full((unseen, 2, len(means)), np.nan)])
    return ProbeResult(iou, iou.copy(), chance=0.1, objects=2 * prompts, seen=prompts)


def test_blocks_with_half_of_the_bests_margin_are_recommended() -> None:
    result = planted(0.05, 0.26, 0.5, 0.29, 0.31)
    assert result.recommended() == [2, 4]
    assert result.num_prompts == 40
    np.testing.assert_allclose(result.mean("iou"), [[0.05, 0.26, 0.5, 0.29, 0.31]] * 2, atol=1e-9)
    assert result.gap(2) == (0, 0)
    assert result.gap(1) == pytest.approx((0.24, 0.24))  # the noise is shared: a paired difference has none


def test_table_and_json_tell_the_same() -> None:
    result = planted(0.2, 0.5)
    told = result.to_dict()
    assert told["recommended"] == [1]
    assert [block["iou"] for block in told["blocks"]] == [0.2, 0.5]
    assert json.loads(json.dumps(told)) == told
    lines = result.table().splitlines()
    assert lines[2].startswith("| 0 | 0.200 | 0.200 | 0.300 … 0.300 | 0.200 | 0.200 |")
    assert lines[3].startswith("| **1** | 0.500 |")
    assert lines[-1].endswith("Recommended: loss_blocks: [1]")


@pytest.mark.parametrize("blocks", [6, 40])
def test_heat_map(tmp_path: Path, blocks: int) -> None:
    write_heat_map(planted(*np.linspace(0.1, 0.6, blocks)), tmp_path / "new" / "probe.png")
    with Image.open(tmp_path / "new" / "probe.png") as picture:
        assert picture.width > 40 * blocks
        assert len(picture.convert("RGB").getcolors(1 << 24) or []) > blocks


# The command


@pytest.fixture
def run(tmp_path: Path, tiny_pipeline: Path, planner: Planner) -> Callable[..., None]:
    """Call the shipped config on the tiny model."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "probe.yaml").read_text())
    prompts = (
        "a red circle moves left and a blue square moves up",
        "a cyan circle moves left and a red square moves up",
    )
    layouts = [planner.plan(prompt, str(number)) for number, prompt in enumerate(prompts)]
    (tmp_path / "prompts.jsonl").write_text("\n".join(json.dumps(layout.to_dict()) for layout in layouts))
    config |= {"prompts": str(tmp_path / "prompts.jsonl"), "out": str(tmp_path / "probe"), "steps": 2}
    config["backbone"]["init_args"] |= {"pretrained": str(tiny_pipeline), "num_inference_steps": 4}
    (tmp_path / "probe.yaml").write_text(yaml.safe_dump(config))
    return lambda *words: main(["probe", "--config", str(tmp_path / "probe.yaml"), *words])


def test_command(run: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("--detector", f"{__name__}.OnTheLeft")
    out = capsys.readouterr().out
    assert (tmp_path / "probe" / "probe.md").read_text() in out
    assert "2 prompts, 2 of 4 objects seen" in out
    assert (tmp_path / "probe" / "probe.png").is_file()
    blocks = tmp_path / "probe" / "loss_blocks.yaml"
    chosen = json.loads((tmp_path / "probe" / "probe.json").read_text())["recommended"]
    assert yaml.safe_load(blocks.read_text()) == {"model": {"loss_blocks": chosen}}
    assert str(blocks) in out
    run("--detector", f"{__name__}.OnTheLeft", "--json", "--limit", "1")
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((tmp_path / "probe" / "probe.json").read_text())
    assert (told["prompts"], len(told["blocks"]), len(told["iou"])) == (1, 3, 2)


def test_command_without_a_detector(run: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """No video is made."""
    run("--detector", "null", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["by"], told["prompts"], told["objects"]) == ("attention", 2, 4)


@pytest.mark.parametrize("words", [[], ["--detector", "sprites"], ["--detector", "SpritesDetector"]])
def test_detectors_by_name(run: Callable[..., None], capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """That of the config, or another by its short name or its class's; the tiny model's videos show no sprite."""
    with pytest.raises(SystemExit):
        run("--limit", "1", *words)
    assert "the detector saw none of the objects of 1 prompts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "9"], "steps is 9"),
        (["--prompts", "nowhere.txt"], "no prompt file 'nowhere.txt'"),
        (["--detector", "nowhere"], "nowhere"),
        (["--detector", f"{__name__}.Blind"], "saw none of the objects"),
    ],
)
def test_command_with_bad_input(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_no_block_above_chance_is_recommended() -> None:
    result = planted(0.05, 0.08)
    assert result.recommended() == []
    assert "No block can be recommended" in result.table()
    with pytest.raises(ValueError, match="no block can be recommended"):
        result.loss_blocks()


def test_a_stream_reads_the_recommended_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the file that the probe writes."""
    monkeypatch.chdir(ROOT)
    path = tmp_path / "loss_blocks.yaml"
    path.write_text(planted(0.05, 0.26, 0.5, 0.29, 0.31).loss_blocks())
    with pytest.raises(SystemExit) as stopped:
        main(["stream", "--config", "configs/sprites.yaml", "--config", str(path), "--print_config"])
    assert not stopped.value.code
    assert yaml.safe_load(capsys.readouterr().out)["model"]["loss_blocks"] == [2, 4]
