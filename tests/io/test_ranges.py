"""Every number that users set is refused by name where it is out of its range, in the constructor of its class."""

import importlib
import inspect
import math
import pkgutil
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch import LightningDataModule, LightningModule

import ttom_pl
from ttom_pl.backbones import Backbone, CogVideoXBackbone, LTXBackbone, Settings, WanBackbone
from ttom_pl.backbones.schedule import Schedule
from ttom_pl.callbacks import StreamCallback
from ttom_pl.evaluation.detectors import Detector
from ttom_pl.evaluation.judge import Judge
from ttom_pl.io.ranges import check_range
from ttom_pl.memory import EvictionPolicy, Memory, MergeRule
from ttom_pl.planners import GrammarPlanner, Planner
from ttom_pl.rehearsal import Method
from ttom_pl.stream import Stream

BASES = (
    *(Planner, Detector, Judge, StreamCallback, Backbone, Settings, EvictionPolicy, MergeRule),
    *(LightningModule, LightningDataModule, Stream, Memory, Method),
)
"""What configs and the command line name, and Python's users make."""
FREE = {
    "stop_loss": "0 and below never ends a step early",
    "min_gain": "what made the loss rise may be kept too",
    "merge_threshold": "cosines go down to -1",
    "weight": "a LoRA can be subtracted",
    "weight_2": "a LoRA can be subtracted",
    "seed": "any whole number, of 64 bits where it seeds noise",
    "adapter_seed": "any whole number of 64 bits",
    "placing_seed": "any whole number",
}
"""Options that may be negative, and why."""


def modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages(ttom_pl.__path__, "ttom_pl."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def configurable() -> list[type]:
    """The classes, and those that their constructors take, and so on."""
    every = {
        cls
        for module in modules()
        for cls in vars(module).values()
        if inspect.isclass(cls) and cls.__module__.startswith("ttom_pl.")
    }
    found = {cls for cls in every if issubclass(cls, BASES)}
    while True:
        named = " ".join(str(hint) for cls in found for hint in hints(cls).values())
        more = {cls for cls in every - found if f"{cls.__module__}.{cls.__name__}" in named and hints(cls)}
        if not more:
            break
        found |= more
    return sorted((cls for cls in found if not inspect.isabstract(cls)), key=lambda cls: cls.__qualname__)


def hints(cls: type) -> dict[str, Any]:
    if "__init__" not in vars(cls):  # it has its parent's
        return {}
    found = typing.get_type_hints(cls.__init__)
    return {name: hint for name, hint in found.items() if name in inspect.signature(cls).parameters}


def numbers(cls: type) -> Iterator[tuple[str, type]]:
    for name, hint in hints(cls).items():
        kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
        if float in kinds or int in kinds:
            yield name, float if float in kinds else int


CASES = [
    (cls, name, value)
    for cls in configurable()
    for name, kind in numbers(cls)
    for value in ([-1] if kind is int else [math.nan, math.inf, -math.inf, -1.0])
    if not (value == -1 and name in FREE)
]
CASES += [
    (cls, name, -(10**30))
    for cls in configurable()
    for name, _ in numbers(cls)
    if "seed" in name and "Sprites" not in cls.__name__
]
NOT_SET_BY_USERS = {
    "Adapter",
    "Capacity",
    "Endpoint",
    "Chat",
    "Records",
    "Evaluator",
    "Settings",
    "WanFamilySettings",
    "_Lookup",
}
"""Made by the others, whose options they check."""


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [case for case in CASES if case[0].__name__ not in NOT_SET_BY_USERS],
    ids=lambda each: each.__name__ if inspect.isclass(each) else str(each),
)
def test_a_number_out_of_its_range(cls: type, name: str, value: float, tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("a cat")
    (tmp_path / "lora.safetensors").touch()
    given = {
        "pretrained": "/nowhere",
        "path": str(tmp_path / "lora.safetensors") if cls.__name__ == "Lora" else tmp_path / "memory",
        "prompts": tmp_path / "p.txt",
        "out": tmp_path / "run",
        "pipeline": tmp_path / "pipeline",
        "cache": tmp_path / "cache",
        "model": "m",
        "planners": [GrammarPlanner()],
        "backbone": SimpleNamespace(num_steps=4, max_guided_steps=4, num_blocks=3),
    }
    taken = inspect.signature(cls).parameters
    with pytest.raises(ValueError, match=name) as error:
        cls(**{key: each for key, each in given.items() if key in taken} | {name: value})
    assert f"{value}" in str(error.value)
    assert str(error.value).count("\n") == 0
    assert not (tmp_path / "run").exists()


def test_all_that_users_set_is_looked_at() -> None:
    """Guards the test above: these are among its cases."""
    found = {(cls.__name__, name) for cls, name, _ in CASES}
    assert {
        ("VideoWriter", "scale"),
        ("WanSettings", "fps"),
        ("WanSettings", "guidance_scale_2"),
        ("LTXSettings", "decode_timestep"),
        ("CogVideoXSettings", "height"),
        ("Lora", "weight"),
        ("LLMPlanner", "timeout"),
        ("LLMJudge", "backoff"),
        ("GrammarPlanner", "displacement"),
        ("FallbackPlanner", "min_confidence"),
        ("ZeroShotDetector", "nms_threshold"),
        ("PromptStream", "limit"),
        ("SpritesVAE", "lr"),
        ("SpritesLatents", "batch_size"),
        ("AgeingLFU", "half_life"),
        ("RunningAverage", "max_weight"),
        ("Memory", "capacity"),
        ("Evaluation", "num_frames"),
        ("LayoutTTO", "lr"),
    } <= found
    assert len(CASES) > 150


@pytest.mark.parametrize("cls", [WanBackbone, CogVideoXBackbone, LTXBackbone])
@pytest.mark.parametrize("name", ["height", "width", "num_frames", "num_inference_steps", "max_sequence_length", "fps"])
def test_nought_is_refused_before_the_model_is_loaded(cls: type, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0; it must be at least 1"):
        cls("/nowhere", **{name: 0})


def test_numbers_in_lists() -> None:
    for steps in ([math.nan], [1.0, math.nan, 0.0], [1.0, -1.0], [math.inf, 0.5]):
        with pytest.raises(ValueError, match="sigmas or timesteps of schedule is"):
            Schedule(sigmas=steps)
    for size in ((0.25, math.nan), (math.nan, 0.25), (0.0, 0.5), (0.5, 1.0)):
        with pytest.raises(ValueError, match="object_size is"):
            GrammarPlanner(object_size=size)


@pytest.mark.parametrize(
    ("limits", "right", "wrong", "message"),
    [
        ({"least": 1}, [1, 2.5], [0, math.inf], "x is 0; it must be at least 1"),
        ({"least": 0, "most": 1}, [0, 0.5, 1], [-0.1, 1.1], "x is -0.1; it must be from 0 to 1"),
        ({"above": 0, "below": 1}, [0.5], [0, 1], "x is 0; it must be above 0 and below 1"),
        ({"above": 0, "most": 2}, [2], [0, 3], "x is 0; it must be above 0 and at most 2"),
        ({}, [-5, 0, 3], [math.nan, -math.inf], "x is nan; it must be a finite number"),
        ({"least": 1, "meaning": "pixels"}, [1], [0], r"x is 0; it must be at least 1 \(pixels\)"),
    ],
)
def test_ranges(limits: dict[str, Any], right: list[float], wrong: list[float], message: str) -> None:
    check_range("x", None, **limits)
    for value in right:
        check_range("x", value, **limits)
    for value in wrong:
        with pytest.raises(ValueError, match=f"x is {value}"):
            check_range("x", value, **limits)
    with pytest.raises(ValueError, match=message):
        check_range("x", wrong[0], **limits)
