"""One record of settings a model, flat in YAML: every option by its name, as it has always been."""

from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from diffusers.pipelines.hunyuan_video1_5.image_processor import HunyuanVideo15ImageProcessor
from jsonargparse import ArgumentParser

from ttom_pl import backbones
from ttom_pl.backbones import (
    Backbone,
    CogVideoXBackbone,
    CogVideoXSettings,
    HunyuanVideo15Backbone,
    HunyuanVideo15Settings,
    HunyuanVideoBackbone,
    HunyuanVideoSettings,
    Kandinsky5Backbone,
    Kandinsky5Settings,
    LTXBackbone,
    LTXSettings,
    MochiBackbone,
    MochiSettings,
    Placement,
    Schedule,
    SkyReelsBackbone,
    SkyReelsSettings,
    WanBackbone,
    WanImageBackbone,
    WanSettings,
)
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.settings import Settings

CONFIGS = Path(__file__).parents[2] / "configs"
COMMON: dict[str, Any] = {
    "num_inference_steps": 50,
    "negative_prompt": "",
    "dtype": "float32",
    "vae_dtype": None,
    "placement": None,
    "loras": None,
    "schedule": None,
    "quantization": None,
}
WAN: dict[str, Any] = COMMON | {
    "height": 480,
    "width": 832,
    "num_frames": 81,
    "guidance_scale": 5.0,
    "max_sequence_length": 512,
    "fps": 16,
    "guidance_scale_2": None,
    "flow_shift": None,
}
SKYREELS: dict[str, Any] = COMMON | {
    "height": 544,
    "width": 960,
    "num_frames": 97,
    "guidance_scale": 6.0,
    "max_sequence_length": 512,
    "fps": 24,
    "flow_shift": None,
}
COG: dict[str, Any] = COMMON | {
    "height": 480,
    "width": 720,
    "num_frames": 49,
    "guidance_scale": 6.0,
    "use_dynamic_cfg": False,
    "max_sequence_length": 226,
    "fps": 8,
}
HUNYUAN_15: dict[str, Any] = COMMON | {
    "height": 480,
    "width": 848,
    "num_frames": 121,
    "guidance_scale": 6.0,
    "max_sequence_length": 1000,
    "fps": 24,
}
HUNYUAN: dict[str, Any] = COMMON | {
    "height": 720,
    "width": 1280,
    "num_frames": 129,
    "guidance_scale": 6.0,
    "true_cfg_scale": 1.0,
    "max_sequence_length": 256,
    "fps": 24,
}
KANDINSKY: dict[str, Any] = COMMON | {
    "height": 512,
    "width": 768,
    "num_frames": 121,
    "guidance_scale": 5.0,
    "max_sequence_length": 512,
    "fps": 24,
    "negative_prompt": (
        "Static, 2D cartoon, cartoon, 2d animation, paintings, images, worst quality, low quality, ugly, deformed, "
        "walking backwards"
    ),
}
MOCHI: dict[str, Any] = COMMON | {
    "height": 480,
    "width": 848,
    "num_frames": 19,
    "num_inference_steps": 64,
    "guidance_scale": 4.5,
    "max_sequence_length": 256,
    "fps": 30,
}
LTX: dict[str, Any] = COMMON | {
    "height": 512,
    "width": 704,
    "num_frames": 161,
    "guidance_scale": 3.0,
    "max_sequence_length": 128,
    "fps": 25,
    "decode_timestep": 0.0,
    "decode_noise_scale": None,
}
MODELS: dict[type[PipelineBackbone], tuple[type[Settings], dict[str, Any]]] = {
    WanBackbone: (WanSettings, WAN),
    WanImageBackbone: (WanSettings, WAN),
    SkyReelsBackbone: (SkyReelsSettings, SKYREELS),
    CogVideoXBackbone: (CogVideoXSettings, COG),
    HunyuanVideo15Backbone: (HunyuanVideo15Settings, HUNYUAN_15),
    HunyuanVideoBackbone: (HunyuanVideoSettings, HUNYUAN),
    Kandinsky5Backbone: (Kandinsky5Settings, KANDINSKY),
    MochiBackbone: (MochiSettings, MOCHI),
    LTXBackbone: (LTXSettings, LTX),
}
"""Every model with its record, and the options and defaults that runs before it had."""


class Loading(Exception):
    """Raised where a model would be loaded."""


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the loading of a model is asked for, in its place."""
    found: dict[str, Any] = {}

    def load(cls: type[PipelineBackbone], pretrained: str, settings: Settings) -> Any:
        found.update(cls=cls, pretrained=pretrained, settings=settings)
        raise Loading

    monkeypatch.setattr(PipelineBackbone, "load", classmethod(load))
    return found


def parser() -> ArgumentParser:
    made = ArgumentParser(exit_on_error=False)
    made.add_argument("--backbone", type=Backbone)
    return made


def sections() -> list[Any]:
    """The backbone sections of all shipped configs."""
    found = []
    for path in sorted(CONFIGS.rglob("*.yaml")):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        section = config.get("backbone") or (config.get("model") or {}).get("backbone")
        if section:
            found.append(pytest.param(section, id=path.stem))
    return found


@pytest.mark.parametrize("section", sections())
def test_a_preset_builds_its_settings(section: dict[str, Any], taken: dict[str, Any]) -> None:
    """What it says, and for the rest what was usual before."""
    with pytest.raises(Loading):
        parser().instantiate(parser().parse_object({"backbone": section}))
    cls = getattr(backbones, section["class_path"])
    record, defaults = MODELS[cls]
    given = dict(section["init_args"])
    assert taken["cls"] is cls
    assert taken["pretrained"] == given.pop("pretrained")
    for name, kind in (("placement", Placement), ("schedule", Schedule)):
        if given.get(name) is not None:
            given[name] = kind(**given[name])
    assert taken["settings"] == record(**defaults | given)
    assert vars(taken["settings"]) == defaults | given


def test_nothing_is_left_out() -> None:
    """Guards the tests of this file: presets are found, and every backbone that configs can name is looked at."""
    assert len(sections()) >= 7
    named = [value for name in backbones.__all__ if isinstance(value := getattr(backbones, name), type)]
    assert {each for each in named if issubclass(each, Backbone)} == {Backbone, *MODELS}


@pytest.mark.parametrize("cls", MODELS)
def test_options_are_those_of_before(cls: type[PipelineBackbone], taken: dict[str, Any]) -> None:
    """Names and defaults, also as a run's config has them: flat."""
    parsed = parser().parse_object({"backbone": {"class_path": cls.__name__, "init_args": {"pretrained": "x"}}})
    assert parsed.backbone.class_path == f"ttom_pl.backbones.{cls.__name__}"
    assert vars(parsed.backbone.init_args) == {"pretrained": "x"} | MODELS[cls][1]
    again = parser().parse_string(parser().dump(parsed, skip_unset=False))
    assert again == parsed
    with pytest.raises(Loading):
        parser().instantiate(again)
    assert vars(taken["settings"]) == MODELS[cls][1]


@pytest.mark.parametrize("cls", MODELS)
def test_defaults_are_those_of_the_pipeline(cls: type[PipelineBackbone]) -> None:
    """Size, frames, steps, guidance and length of the text, where the pipeline's call has any."""
    given = {name: each.default for name, each in signature(cls.pipeline_class.__call__).parameters.items()}
    shared = {name: value for name, value in MODELS[cls][1].items() if given.get(name) is not None}
    assert len(shared) >= 2
    assert shared == {name: given[name] for name in shared}


def test_the_size_of_hunyuan_video_15() -> None:
    """Its pipeline finds it from the pixels that the transformer was trained at."""
    tall, wide = HunyuanVideo15ImageProcessor().calculate_default_height_width(9, 16, 640)
    assert (tall, wide) == (HUNYUAN_15["height"], HUNYUAN_15["width"])


@pytest.mark.parametrize("cls", MODELS)
def test_help_tells_every_option(cls: type[PipelineBackbone], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([f"--backbone.help={cls.__name__}"])
    shown = capsys.readouterr().out.partition("Help for")[2]
    parts = {part.split(" ")[0].split("\n")[0].strip(","): part for part in shown.split("  --backbone.")[1:]}
    record, _ = MODELS[cls]
    documented = " ".join(f"{each.__doc__}" for each in record.__mro__[:-1])
    for field in fields(record):
        text = " ".join(parts[field.name].split())
        described = " ".join(documented.partition(f"\n        {field.name}: ")[2].partition(".")[0].split())
        assert described, f"{field.name} is not documented"
        assert described in text


@pytest.mark.parametrize("record", [each for each, _ in MODELS.values()])
def test_nothing_goes_by_position(record: type[Settings]) -> None:
    assert all(field.kw_only for field in fields(record))
    with pytest.raises(TypeError):
        record(480)  # type: ignore[call-arg]


@pytest.mark.parametrize("cls", MODELS)
def test_a_record_is_as_good_as_its_fields(cls: type[PipelineBackbone], taken: dict[str, Any]) -> None:
    record, defaults = MODELS[cls]
    settings = record(**defaults | {"height": 64, "negative_prompt": "blur"})
    with pytest.raises(Loading):
        cls.from_settings("x", settings)
    assert taken["settings"] == settings


def test_an_option_that_there_is_not() -> None:
    with pytest.raises(TypeError, match="heigth"):
        WanBackbone("x", heigth=480)
