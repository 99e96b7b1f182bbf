"""The stages of the pretraining, a few steps each, through the command and the shipped configs."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from diffusers import AutoencoderKLWan, WanPipeline
from lightning.pytorch import Trainer

from ttom_pl.cli import main
from ttom_pl.sprites import SpritesCaptions, SpritesLatents, SpritesText
from ttom_pl.sprites.data import SceneDataset
from ttom_pl.sprites.text import embed
from ttom_pl.sprites.tokenizer import make_tokenizer

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


SMALL = {"num_layers": 2, "num_attention_heads": 2, "attention_head_dim": 12, "ffn_dim": 32, "text_dim": 16}


def train_vae(tmp_path: Path, steps: int) -> None:
    data = {"num_videos": 8, "num_val": 4, "batch_size": 2}
    path = write_config(tmp_path, "pretrain_vae.yaml", {"base_dim": 4}, data, steps)
    main(["pretrain", "--config", path, "--trainer.val_check_interval=1"])


def train_text_to_video(tmp_path: Path, steps: int) -> None:
    data = {
        "pipeline": str(tmp_path / "model"),
        "cache": str(tmp_path / "latents.pt"),
        "num_videos": 12,
        "batch_size": 2,
    }
    path = write_config(tmp_path, "pretrain.yaml", SMALL | {"text_layers": 1}, data, steps)
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


@pytest.mark.filterwarnings("ignore")
def test_later_stages_keep_what_they_do_not_train(tmp_path: Path) -> None:
    """Decoder, text encoder, then all further: what the earlier stages made is the start of the later ones."""
    model = tmp_path / "model"
    train_vae(tmp_path, steps=1)
    train_text_to_video(tmp_path, steps=2)

    vae = AutoencoderKLWan.from_pretrained(model / "vae")
    decoder = {"start_from": str(model), "train_encoder": False, "foreground_weight": 2.0, "lr": 0.1}
    data = {"num_videos": 400, "num_val": 2, "batch_size": 2}
    main(["pretrain", "--config", write_config(tmp_path, "pretrain_decoder.yaml", decoder, data, steps=2)])
    sharpened = AutoencoderKLWan.from_pretrained(model / "vae")
    assert sharpened.config.latents_mean == vae.config.latents_mean
    assert sharpened.config.latents_std == vae.config.latents_std
    video = torch.rand(1, 3, 9, 32, 32)
    with torch.inference_mode():
        latents = vae.encode(video).latent_dist.mode()
        assert torch.equal(sharpened.encode(video).latent_dist.mode(), latents)
        assert not torch.equal(sharpened.decode(latents).sample, vae.decode(latents).sample)

    data = {"num_captions": 40, "batch_size": 4}
    main(["pretrain", "--config", write_config(tmp_path, "pretrain_text.yaml", {"start_from": str(model)}, data, 2)])
    before = WanPipeline.from_pretrained(model)
    further = {
        "text_encoder": str(model / "text_encoder"),
        "transformer": str(model / "transformer"),
        "muon_lr": 0.0,
        "adamw_lr": 0.0,
        "compile": False,
    }
    other = {"pipeline": str(model), "cache": str(tmp_path / "other.pt"), "num_videos": 12, "batch_size": 2}
    main(["pretrain", "--config", write_config(tmp_path, "pretrain_further.yaml", further, other, steps=2)])
    after = WanPipeline.from_pretrained(model)
    for part in ("text_encoder", "transformer", "vae"):
        old, new = getattr(before, part).state_dict(), getattr(after, part).state_dict()
        assert all(torch.equal(old[name], new[name]) for name in old), part


@pytest.mark.filterwarnings("ignore")
def test_words_learn_the_next_word() -> None:
    """A bag of words cannot tell which colour a shape has; after the text stage, the colour's embedding names it."""
    torch.manual_seed(0)
    data = SpritesCaptions(num_captions=1000, batch_size=64)
    text = SpritesText(Path("unused"), text_dim=32)
    text.on_train_end = lambda: None  # type: ignore[method-assign]
    trainer = Trainer(
        max_steps=250,
        max_epochs=-1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(text, datamodule=data)
    words = make_tokenizer()
    ids = words("a red circle moves left and a blue square moves up", return_tensors="pt").input_ids
    named = words.convert_ids_to_tokens(text.head(embed(text.text_encoder, ids))[0].argmax(-1))
    assert (named[1], named[7]) == ("circle", "square")


def test_other_scenes_of_the_same_captions() -> None:
    scenes, others = SceneDataset(20, seed=2), SceneDataset(20, seed=2, placing_seed=6)
    assert [scenes.caption(i) for i in range(20)] == [others.caption(i) for i in range(20)]
    for i in range(20):
        assert others.scene(i).caption == scenes.caption(i)
        assert others.scene(i).sprites != scenes.scene(i).sprites
        assert others.scene(i) == others.scene(i)


def test_share_of_captions_with_one_phrase(tmp_path: Path) -> None:
    """Those of two are all kept; of the others a part, always the same."""
    scenes = SceneDataset(1000, seed=2)
    two = [i for i in range(1000) if len(scenes.groups(i)[0]) == 2]
    alone = 1000 - len(two)
    for share in (0.0, 0.5, 1.0):
        latents = SpritesLatents(tmp_path, tmp_path / "latents.pt", alone=share)
        kept = latents._kept(scenes)
        assert set(two) <= set(kept)
        assert len(kept) - len(two) == pytest.approx(share * alone, abs=50)
        assert kept == latents._kept(scenes)
    with pytest.raises(ValueError, match=r"alone is 1\.5; it must be from 0 to 1"):
        SpritesLatents(tmp_path, tmp_path / "latents.pt", alone=1.5)


def test_second_stage_without_the_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        train_text_to_video(tmp_path, steps=2)
    assert stopped.value.code == 2
    assert "run the first stage" in capsys.readouterr().err
