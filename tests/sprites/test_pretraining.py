"""Both stages of the pretraining, a few steps each, through the command and the shipped configs."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from diffusers import AutoencoderKLWan, WanPipeline

from ttom_pl.cli import main

CONFIGS = Path(__file__).parents[2] / "configs"


def write_config(tmp_path: Path, name: str, model: dict[str, Any], data: dict[str, Any], steps: int) -> str:
    """The shipped config with all folders under ``tmp_path`` and tiny settings."""
    config = yaml.safe_load((CONFIGS / name).read_text())
    work = tmp_path / name.removesuffix(".yaml")
    config["model"].setdefault("init_args", {}).update({"pipeline": str(tmp_path / "model"), **model})
    config["data"].setdefault("init_args", {}).update(data)
    config["trainer"].pop("max_epochs", None)
    config["trainer"] |= {"default_root_dir": str(work), "max_steps": steps, "accelerator": "cpu", "logger": False}
    config["trainer"] |= {"enable_progress_bar": False, "enable_model_summary": False, "log_every_n_steps": 1}
    for callback in config["trainer"]["callbacks"]:
        if callback["class_path"].endswith("ModelCheckpoint"):
            callback["init_args"] |= {"dirpath": str(work / "checkpoints"), "every_n_train_steps": 1, "save_top_k": -1}
    path = tmp_path / name
    path.write_text(yaml.safe_dump(config))
    return str(path)


def train_vae(tmp_path: Path, steps: int) -> None:
    data = {"num_videos": 8, "num_val": 4, "batch_size": 2}
    path = write_config(tmp_path, "pretrain_vae.yaml", {"base_dim": 4}, data, steps)
    main(["pretrain", "--config", path, "--trainer.val_check_interval=1"])


def train_text_to_video(tmp_path: Path, steps: int) -> None:
    small = {"num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 12, "ffn_dim": 32, "text_dim": 16}
    data = {
        "pipeline": str(tmp_path / "model"),
        "cache": str(tmp_path / "latents.pt"),
        "num_videos": 12,
        "batch_size": 2,
    }
    path = write_config(tmp_path, "pretrain.yaml", small | {"text_layers": 1}, data, steps)
    # Of the optimiser's steps, of which each batch makes two.
    main(["pretrain", "--config", path])


@pytest.mark.filterwarnings("ignore")
def test_two_stages_end_in_a_pipeline(tmp_path: Path) -> None:
    """VAE, then text encoder and transformer; each can be stopped and goes on."""
    train_vae(tmp_path, steps=1)
    checkpoint = torch.load(tmp_path / "pretrain_vae" / "checkpoints" / "last.ckpt", weights_only=False)
    assert checkpoint["global_step"] == 1
    vae = AutoencoderKLWan.from_pretrained(tmp_path / "model" / "vae")
    assert len(vae.config.latents_mean) == len(vae.config.latents_std) == 8
    assert all(0 < std < 100 for std in vae.config.latents_std)

    train_text_to_video(tmp_path, steps=2)
    checkpoint = torch.load(tmp_path / "pretrain" / "checkpoints" / "last.ckpt", weights_only=False)
    assert checkpoint["global_step"] == 2
    cached = torch.load(tmp_path / "latents.pt")
    assert cached["latents"].shape == (12, 8, 5, 8, 8)
    assert cached["latents"].isfinite().all()
    assert cached["input_ids"].shape == (12, 24)

    pipe = WanPipeline.from_pretrained(tmp_path / "model")
    pipe.set_progress_bar_config(disable=True)
    size = {"height": 32, "width": 32, "num_frames": 9, "num_inference_steps": 2, "max_sequence_length": 24}
    frames = pipe("a red circle moves left", **size, output_type="pt").frames
    assert frames.shape == (1, 9, 3, 32, 32)
    assert frames.isfinite().all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_training_that_stopped_goes_on(tmp_path: Path) -> None:
    """From the checkpoint after half of the steps to the same end of the schedule."""
    train_vae(tmp_path, steps=4)
    folder = tmp_path / "pretrain_vae" / "checkpoints"
    whole = torch.load(folder / "last.ckpt", weights_only=False)
    halfway = (folder / "epoch=0-step=2.ckpt").read_bytes()
    for path in folder.iterdir():
        path.unlink()
    (folder / "last.ckpt").write_bytes(halfway)
    train_vae(tmp_path, steps=4)
    resumed = torch.load(folder / "last.ckpt", weights_only=False)
    assert not (folder / "epoch=0-step=1.ckpt").exists()
    assert resumed["global_step"] == whole["global_step"] == 4
    assert resumed["lr_schedulers"] == whole["lr_schedulers"]


def test_second_stage_without_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        train_text_to_video(tmp_path, steps=2)
    assert stopped.value.code == 2
    assert "run the first stage" in capsys.readouterr().err
