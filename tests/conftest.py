"""A tiny real model and what is needed to serve prompts with it."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar
from transformers import UMT5Config, UMT5EncoderModel

from ttom_pl.backbones import WanBackbone
from ttom_pl.layout import Box, Layout, Track
from ttom_pl.planners import Planner
from ttom_pl.sprites.tokenizer import make_tokenizer

torch.set_num_threads(1)  # threads of tiny tensors spend their time waiting for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")  # in the processes that tests start, too

_OBJECT = re.compile(r"(a|three) (\w+) (\w+) (?:moves?|stays?) (left|right|up|down|still)")
_STEPS = {"left": (-0.4, 0.0), "right": (0.4, 0.0), "up": (0.0, -0.4), "down": (0.0, 0.4), "still": (0.0, 0.0)}

ROOT = Path(__file__).parents[1]

MakeBackbone = Callable[..., WanBackbone]
MakeTrainer = Callable[..., Trainer]


@pytest.fixture(scope="session")
def tiny_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``WanPipeline`` folder of the same classes as the Sprites model, with few and random weights."""
    return make_pipeline(tmp_path_factory.mktemp("models") / "tiny", seed=0)


@pytest.fixture(scope="session")
def other_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same architecture with other weights."""
    return make_pipeline(tmp_path_factory.mktemp("models") / "other", seed=1)


@pytest.fixture(scope="session")
def make_tiny_pipeline() -> Callable[..., Path]:
    """Writes such a folder, from ``folder`` and ``seed``, with the words that the Sprites tokenizer knows then."""
    return make_pipeline


@pytest.fixture
def make_backbone(tiny_pipeline: Path) -> MakeBackbone:
    """Load the tiny model: 9 frames of 32 × 32 in 4 steps, if not told otherwise."""

    def make(**changes: object) -> WanBackbone:
        settings = {
            "pretrained": str(tiny_pipeline),
            "height": 32,
            "width": 32,
            "num_frames": 9,
            "num_inference_steps": 4,
            "guidance_scale": 4.0,
            "max_sequence_length": 24,
            "fps": 8,
        }
        return WanBackbone(**(settings | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def backbone(make_backbone: MakeBackbone) -> WanBackbone:
    """The tiny model, fresh."""
    return make_backbone()


class FixedPlanner(Planner):
    """Puts the objects of a caption at fixed places, first to last, so that no test depends on how well one plans."""

    def plan(self, prompt: str, id: str = "") -> Layout:
        tracks: list[Track] = []
        for match in _OBJECT.finditer(prompt):
            for _ in range({"a": 1, "three": 3}[match[1]]):
                x, y = [(0.6, 0.1), (0.1, 0.7), (0.6, 0.6)][len(tracks)]
                dx, dy = _STEPS[match[4]]
                boxes: tuple[Box, ...] = tuple(
                    (x + dx * t, y + dy * t, x + dx * t + 0.25, y + dy * t + 0.25) for t in (0.0, 0.5, 1.0)
                )
                tracks.append(Track(len(tracks), match[0].rsplit(" ", 2)[0], (match[3],), boxes, (match.span(3),)))
        return Layout(prompt, tuple(tracks), id, planner="fixed")


@pytest.fixture
def planner() -> Planner:
    return FixedPlanner()


@pytest.fixture
def layout(planner: Planner) -> Layout:
    """The layout of a prompt with two objects."""
    return planner.plan("a red circle moves left and a blue square moves up", "0001")


@pytest.fixture
def make_trainer(tmp_path: Path) -> MakeTrainer:
    """A quiet Trainer with the given callbacks."""

    def make(*callbacks: Callback, max_epochs: int | None = None) -> Trainer:
        return Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=max_epochs,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=any(isinstance(each, ProgressBar) for each in callbacks),
            log_every_n_steps=1,
            callbacks=list(callbacks),
            default_root_dir=tmp_path / "lightning",
        )

    return make


@pytest.fixture
def tiny_config(tmp_path: Path, tiny_pipeline: Path) -> dict[str, Any]:
    """The shipped config of the main job, on the tiny model, with one guided step; its prompts are to be given."""
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "sprites.yaml").read_text())
    config["stream"]["out"] = str(tmp_path / "run")
    config["model"]["backbone"]["init_args"] |= {"pretrained": str(tiny_pipeline), "num_inference_steps": 4}
    config["model"] |= {"guided_steps": 1, "iterations": 2, "loss_blocks": [1], "rank": 2}
    return config


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Files of other projects; they lie beside the repository on the machines of this project only."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"the shared data is not here ({path}); these tests read other projects' files")
    return path


def make_pipeline(folder: Path, seed: int) -> Path:
    """Write a tiny ``WanPipeline`` with random weights."""
    tokenizer = make_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        text_encoder = UMT5EncoderModel(
            UMT5Config(
                vocab_size=len(tokenizer),
                d_model=16,
                d_kv=4,
                d_ff=32,
                num_layers=1,
                num_heads=4,
                dropout_rate=0.0,
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
            )
        )
        transformer = WanTransformer3DModel(
            patch_size=(1, 1, 1),
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=4,
            out_channels=4,
            text_dim=16,
            freq_dim=16,
            ffn_dim=32,
            num_layers=3,
            rope_max_seq_len=32,
        )
        vae = AutoencoderKLWan(
            base_dim=4,
            z_dim=4,
            dim_mult=[1, 2],
            num_res_blocks=1,
            temperal_downsample=[True],
            patch_size=2,
            in_channels=12,
            out_channels=12,
            scale_factor_temporal=2,
            scale_factor_spatial=4,
            latents_mean=[0.1, -0.2, 0.3, -0.4],
            latents_std=[0.9, 1.1, 1.3, 0.7],
        )
    pipeline = WanPipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder.eval(),
        vae=vae.eval(),
        scheduler=UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        transformer=transformer.eval(),
    )
    pipeline.save_pretrained(folder)
    return folder
