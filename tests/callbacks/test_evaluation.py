"""Scores and file names of a stream on the tiny model."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from memories import memory

from ttom_pl.backbones import WanBackbone
from ttom_pl.callbacks import Evaluation, Findings, SpritesEvaluation, VideoWriter
from ttom_pl.evaluation.detectors import SpritesDetector
from ttom_pl.evaluation.evaluator import Evaluator
from ttom_pl.evaluation.metrics import Detections, HitRate, StageSeconds
from ttom_pl.evaluation.naming import video_name
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Result, read_results
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene
from ttom_pl.stream import Stream

PROMPTS = [
    Prompt("first", "a red circle moves left and a blue square moves up"),
    Prompt("second", "three yellow squares stay still"),
]


@pytest.fixture
def serve(
    make_backbone: Callable[..., WanBackbone], make_trainer: Callable[..., Trainer], planner: Planner, tmp_path: Path
) -> Callable[..., dict[str, Result]]:
    """Serve prompts and return the results."""

    def run(*callbacks: Any, guided_steps: int = 2, prompts: Sequence[Prompt] = PROMPTS) -> dict[str, Result]:
        module = LayoutTTO(make_backbone(), guided_steps, 4, 0.0, (1,), rank=4, lr=0.03)
        folder = Stream(tmp_path / "run", planner).run(make_trainer(*callbacks), module, list(prompts))
        return read_results(folder.path).served

    return run


def test_scores(serve: Callable[..., Any]) -> None:
    """Those of the callback beside those of the Sprites world, equal to what the evaluator gives for the video."""
    evaluation, videos = Evaluation(SpritesDetector()), {}

    class Keep(SpritesEvaluation):
        def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: torch.Tensor) -> Findings | None:
            videos[request.prompt.id] = (video, request.prompt, request.layout)
            return super().on_prompt_end(request, scene, fit, video)

    results = serve(Keep(), memory(min_gain=0.0), evaluation)
    for id, result in results.items():
        again = Evaluator(SpritesDetector()).score(*videos[id]).scores
        assert again.items() <= result.scores.items()
        assert {"color", "shape", "correct", "attention_jsd", "generative_numeracy"} <= result.scores.keys()
    assert "motion_binding" in results["first"].scores
    assert results["first"].truth["motion_binding"] == "caption"
    assert results["first"].truth["layout_miou"] == "layout by fixed"
    assert "motion_binding" not in results["second"].scores
    means = evaluation.evaluator.metrics
    numeracy = [result.scores["generative_numeracy"] for result in results.values()]
    assert float(means["generative_numeracy"].compute()) == pytest.approx(sum(numeracy) / 2)

    hits, seconds = HitRate(), StageSeconds()
    for result in results.values():
        hits.update(result.memory)
        seconds.update(result.seconds)
    assert float(hits.compute()) == results["second"].memory.hit_rate
    assert all(float(mean) > 0 for mean in seconds.compute().values())


def test_attention_falls_with_the_loss(serve: Callable[..., Any], tmp_path: Path) -> None:
    """Plain, the divergence is what the first iteration of TTO measures; after TTO it is lower."""
    tuned = serve(Evaluation())["first"]
    (tmp_path / "run").rename(tmp_path / "tuned")
    plain = serve(Evaluation(), guided_steps=0)["first"]
    assert plain.scores["attention_jsd"] == pytest.approx(tuned.losses[0][0], abs=1e-5)
    assert tuned.scores["attention_jsd"] < plain.scores["attention_jsd"]
    assert plain.scores.keys() == {"attention_jsd", "temporal_consistency", "temporal_flickering"}


class Blind:
    """Knows nothing."""

    def detect(self, video: torch.Tensor, phrases: Sequence[str]) -> Detections:
        raise ValueError("too dark")


def test_a_video_that_cannot_be_scored_is_served(serve: Callable[..., Any]) -> None:
    with pytest.warns(UserWarning, match="the video of prompt 'first' is not scored in full: too dark"):
        results = serve(Evaluation(Blind(), attention=False), prompts=PROMPTS[:1])
    assert results["first"].scores.keys() == {"temporal_consistency", "temporal_flickering"}


def test_what_is_asked_for_must_be_there() -> None:
    with pytest.raises(ValueError, match="there is no metric 'beauty'"):
        Evaluation(metrics=["beauty"])
    with pytest.raises(ValueError, match="motion_binding needs a detector"):
        Evaluation(metrics=["motion_binding"])
    with pytest.raises(ValueError, match="action_binding needs a judge"):
        Evaluation(metrics=["action_binding"])


def test_names_of_t2v_compbench(serve: Callable[..., Any], tmp_path: Path) -> None:
    """Numbered within the category, also in a stream of several."""
    motion = {"object_1": "red circle", "d_1": "left"}
    numeracy = {"objects": "square", "numbers": "3"}
    prompts = [
        Prompt("a", PROMPTS[0].text, metadata=motion),
        Prompt("b", PROMPTS[1].text, metadata=numeracy),
        Prompt("c", "a red circle moves left", metadata=motion),
        Prompt("d", "a blue circle moves left"),
    ]
    results = serve(
        VideoWriter(naming="t2v-compbench", category="object_interactions"), prompts=prompts, guided_steps=0
    )
    names = ["motion_binding/0001", "generative_numeracy/0001", "motion_binding/0002", "interaction/0001"]
    assert [result.files["video"] for result in results.values()] == [f"videos/{name}.mp4" for name in names]
    assert all((tmp_path / "run" / "videos" / f"{name}.mp4").is_file() for name in names)


def test_names_of_vbench_in_a_folder_of_all_seeds(serve: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "vbench"
    results = serve(VideoWriter(naming="vbench", sample=3, folder=folder), prompts=PROMPTS[:1], guided_steps=0)
    video = folder / f"{PROMPTS[0].text}-3.mp4"
    assert video.is_file()
    assert Path(results["first"].files["video"]) == video
    assert (tmp_path / "run" / "contact_sheet.png").is_file()


def test_prompts_without_a_name_are_refused_before_anything_is_made(serve: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"'a red circle moves left and .*' has no category of T2V-CompBench"):
        serve(VideoWriter(naming="t2v-compbench"), guided_steps=0)
    with pytest.raises(ValueError, match=r"would be written to '.*-0\.mp4'.* comes twice"):
        serve(VideoWriter(naming="vbench"), prompts=[PROMPTS[0], Prompt("x", PROMPTS[0].text)], guided_steps=0)


def test_names_of_prompts_that_are_no_file_names() -> None:
    """Cut to what file systems take, whole characters, each prompt another name; VBench's own are as they are."""
    longs = ["very " * 60 + "long", "very " * 60 + "longer", "猫" * 100, "a car/bus", "a car_bus", "é" * 122]
    names = [video_name("vbench", prompt, 1, sample=99_999) for prompt in longs]
    assert len(set(names)) == len(names)
    assert all(len(name.encode()) <= 255 and "/" not in name for name in names)
    assert names[0].startswith("very very")
    assert names[2].startswith("猫猫")
    assert names[4:] == ["a car_bus-99999.mp4", "é" * 122 + "-99999.mp4"]
    assert video_name("vbench", "a cat", 7) == "a cat-0.mp4"
    assert video_name("number", "a cat", 7, sample=2) == "0007-2.mp4"
    assert video_name("t2v-compbench", "a cat", 7, "motion_binding", 2) == "sample-2/motion_binding/0007.mp4"


def test_from_yaml(tmp_path: Path) -> None:
    """The sections that a config of ``ttom stream`` has, read by the same parser; parts go by their classes' names."""
    from jsonargparse import ArgumentParser

    from ttom_pl.cli.stream import StreamCLI  # noqa: F401 - registers the classes

    judge = {"class_path": "LLMJudge", "init_args": {"model": "tiny", "cache": str(tmp_path)}}
    detector = {"class_path": "SpritesDetector"}
    config = {
        "callback": {"class_path": "ttom_pl.callbacks.Evaluation", "init_args": {"detector": detector, "judge": judge}}
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_subclass_arguments(Evaluation, "callback")
    callback = parser.instantiate_classes(parser.parse_args(["--config", str(path)])).callback
    assert isinstance(callback, Evaluation)
    assert json.dumps(list(callback.evaluator.left_out)) == "[]"
