"""A prompt through the whole path on each family of backbones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kinds import PROMPT, Case, make_case
from lightning.pytorch import Trainer
from torch import Tensor

from ttom_pl.backbones import Placement
from ttom_pl.callbacks import StreamCallback
from ttom_pl.cli import main
from ttom_pl.layout import Layout
from ttom_pl.planners import Planner
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import read_results
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene
from ttom_pl.stream import Stream


class Keep(StreamCallback):
    """Keeps what was served."""

    def __init__(self) -> None:
        self.served: list[tuple[Fit, Tensor]] = []

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> None:
        self.served.append((fit, video))


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_prompt_is_served(
    family: Case,
    checkpointing: bool,
    layout: Layout,
    planner: Planner,
    make_trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    """The loss falls, and gradient checkpointing makes no difference to how."""
    backbone = family.load(placement=Placement(gradient_checkpointing=checkpointing, release_text_encoder=True))
    module = LayoutTTO(backbone, guided_steps=2, iterations=5, stop_loss=0.0, loss_blocks=[1], rank=4, lr=0.02)
    keep = Keep()
    prompt = Prompt("p", layout.prompt, layout, image=family.image)
    Stream(tmp_path / "run", planner, on_error="raise").run(make_trainer(keep), module, [prompt])
    ((fit, video),) = keep.served
    assert fit.updates == 10
    assert fit.losses[0][-1] < fit.losses[0][0]
    assert video.shape == (backbone.settings.num_frames, 3, backbone.settings.height, backbone.settings.width)


def test_a_prompt_without_its_image_is_skipped_before_any_compute(
    folder_of: Callable[[str], Path],
    picture: Path,
    planner: Planner,
    make_trainer: Callable[..., Trainer],
    tmp_path: Path,
) -> None:
    module = LayoutTTO(make_case("wan-i2v", folder_of, picture).load(), guided_steps=0)
    stream = Stream(tmp_path / "run", planner)
    with pytest.warns(UserWarning, match="'p' is skipped: this model makes videos from an image"):
        stream.run(make_trainer(), module, [Prompt("p", PROMPT)])


def test_more_guided_steps_than_the_noisy_transformer_takes(folder_of: Callable[[str], Path], picture: Path) -> None:
    backbone = make_case("wan2.2", folder_of, picture).load(num_inference_steps=8)
    steps = backbone.max_guided_steps
    LayoutTTO(backbone, guided_steps=steps, loss_blocks=[1])
    with pytest.raises(ValueError, match=rf"guided_steps is {steps + 1}; it must be from 0 to the {steps} denoising"):
        LayoutTTO(backbone, guided_steps=steps + 1, loss_blocks=[1])


def test_a_preset_runs_from_the_command_line(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    """The preset of CogVideoX-5B as it is shipped, but for a tiny model and video."""
    config: dict[str, Any] = yaml.safe_load((Path(__file__).parents[2] / "configs" / "cogvideox-5b.yaml").read_text())
    size = {"height": 64, "width": 64, "num_frames": 9, "num_inference_steps": 4, "max_sequence_length": 24}
    arguments = config["model"]["backbone"]["init_args"]
    arguments |= size | {"pretrained": str(folder_of("cogvideox-dpm-rotary"))}
    arguments["placement"] |= {"vae_tiling": False}
    config["model"] |= {"guided_steps": 1, "iterations": 2, "loss_blocks": [1], "rank": 2}
    config["stream"]["out"] = str(tmp_path / "run")
    config["trainer"]["accelerator"] = "cpu"
    (tmp_path / "prompts.txt").write_text("a red circle moves left and a blue square moves up\n")
    config["data"]["prompts"] = str(tmp_path / "prompts.txt")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    main(["stream", "--config", str(tmp_path / "config.yaml"), "--stream.on_error=raise"])
    (result,) = read_results(tmp_path / "run").served.values()
    assert result.updates == 2
    assert (tmp_path / "run" / "videos" / "0001.mp4").exists()
