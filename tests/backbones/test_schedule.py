"""Schedulers by class and arguments, explicit steps, guidance 1, few steps: the frames stay those of the pipeline."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from kinds import KINDS, OBJECTS, PROMPT, Case, make_case
from test_pipelines import disturb
from test_user_loras import stack, with_loras, write_files
from torch import Tensor

from ttom_pl.backbones import Schedule
from ttom_pl.rehearsal import LayoutTTO

FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
WAN_SCHEDULERS: dict[str, dict[str, Any]] = {
    "UniPCMultistepScheduler": {"flow_shift": 8.0},
    "FlowMatchEulerDiscreteScheduler": {"shift": 5.0},
    "FlowMatchHeunDiscreteScheduler": {"shift": 5.0},
    "FlowMatchLCMScheduler": {"shift": 5.0},
    "DPMSolverMultistepScheduler": {**FLOW, "flow_shift": 5.0},
    "DEISMultistepScheduler": {**FLOW, "flow_shift": 5.0},
    "SASolverScheduler": {**FLOW, "flow_shift": 5.0},
}
COG_SCHEDULERS: dict[str, dict[str, Any]] = {
    "CogVideoXDDIMScheduler": {},
    "CogVideoXDPMScheduler": {},
    "DDIMScheduler": {},
    "EulerDiscreteScheduler": {},
    "DPMSolverMultistepScheduler": {},
}


def video(case: Case, **changes: Any) -> Tensor:
    return case.by_parts(case.load(**changes), PROMPT, 3)


def by_pipeline(case: Case, schedule: Schedule, pipe: Any = None, **changes: Any) -> Tensor:
    """As users do it: another scheduler from the config of the pipeline's own, explicit steps by its method."""
    pipe = pipe or case.pipeline()
    if schedule.scheduler:
        cls = getattr(diffusers, schedule.scheduler)
        pipe.scheduler = cls.from_config(pipe.scheduler.config, **schedule.arguments)
    if schedule.sigmas is not None:
        by_count = pipe.scheduler.set_timesteps
        pipe.scheduler.set_timesteps = lambda _=None, device=None, sigmas=None, **more: by_count(  # noqa: ARG005
            **(more | {"sigmas": np.array(schedule.sigmas), "device": device})
        )
    # Noise that a scheduler draws comes from the generator of the prompt, which the pipelines keep to themselves.
    generator = torch.Generator().manual_seed(3)
    if "generator" in diffusers_signature(pipe.scheduler.step):
        pipe.scheduler.step = partial(pipe.scheduler.step, generator=generator)
    return case.by_pipeline(PROMPT, 3, pipe, generator=generator, **changes)


def diffusers_signature(function: Any) -> list[str]:
    import inspect

    return list(inspect.signature(function).parameters)


LTX_SCHEDULERS: dict[str, dict[str, Any]] = {
    "FlowMatchEulerDiscreteScheduler": {"shift_terminal": None},
    "FlowMatchLCMScheduler": {},
    "UniPCMultistepScheduler": FLOW,
}
SCHEDULERS = {"wan": WAN_SCHEDULERS, "cogvideox": COG_SCHEDULERS, "ltx": LTX_SCHEDULERS}
WITH_SCHEDULER = [
    pytest.param(kind, name, arguments, id=f"{kind}-{name}")
    for kind in KINDS
    for family, schedulers in SCHEDULERS.items()
    if kind.startswith(family)
    for name, arguments in schedulers.items()
]


@pytest.mark.parametrize(("kind", "name", "arguments"), WITH_SCHEDULER)
def test_every_pipeline_with_every_scheduler(
    kind: str, name: str, arguments: dict[str, Any], folder_of: Callable[[str], Path], picture: Path
) -> None:
    case = make_case(kind, folder_of, picture)
    schedule = Schedule(name, arguments)
    assert torch.equal(video(case, schedule=schedule), by_pipeline(case, schedule))


SIGMAS = [1.0, 0.9375, 0.8333, 0.625]


@pytest.mark.parametrize("kind", ["wan", "wan-euler", "wan2.2", "wan2.2-euler", "wan-i2v", "ltx"])
def test_explicit_sigmas(kind: str, folder_of: Callable[[str], Path], picture: Path) -> None:
    case = make_case(kind, folder_of, picture)
    schedule = Schedule(sigmas=SIGMAS)
    found = video(case, schedule=schedule)
    assert torch.equal(found, by_pipeline(case, schedule))
    assert not torch.equal(found, video(case))


def test_explicit_timesteps(folder_of: Callable[[str], Path], picture: Path) -> None:
    """CogVideoX's pipeline takes them itself, with a scheduler that does."""
    case = make_case("cogvideox-ddim", folder_of, picture)
    schedule = Schedule("DPMSolverMultistepScheduler", timesteps=[999, 700, 400, 100])
    pipe = case.pipeline()
    pipe.scheduler = diffusers.DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    assert torch.equal(
        video(case, schedule=schedule), case.by_pipeline(PROMPT, 3, pipe, timesteps=[999, 700, 400, 100])
    )


@pytest.mark.parametrize("steps", [2, 4, 8])
def test_few_steps_in_one_pass_with_loras(case: Case, steps: int, tmp_path: Path) -> None:
    """As the distilled models are run: guidance 1, their LoRA on, the adapter of TTO there and off."""
    files = write_files(case, tmp_path)
    changes = {"num_inference_steps": steps, "guidance_scale": 1.0}
    expected = case.by_pipeline(PROMPT, 3, with_loras(case, files), **changes | second_off(case))
    backbone = case.load(loras=stack(case, files), **changes | second_off(case))
    disturb(backbone.add_adapter(4, None, [1]))
    calls = []
    for each in (backbone.pipe.transformer, getattr(backbone.pipe, "transformer_2", None)):
        if each is not None:
            each.register_forward_pre_hook(lambda *_: calls.append(1))
    assert torch.equal(case.by_parts(backbone, PROMPT, 3), expected)
    assert len(calls) == steps


def second_off(case: Case) -> dict[str, Any]:
    return {name: 1.0 for name in ("guidance_scale_2", "true_cfg_scale") if name in KINDS[case.name].settings}


@pytest.mark.parametrize(("steps", "guided"), [(1, 1), (2, 1), (4, 2), (8, 4), (10, 5), (50, 5)])
def test_guided_steps_by_default(steps: int, guided: int, folder_of: Callable[[str], Path], picture: Path) -> None:
    """Five, as the paper's, and of few steps the first half."""
    backbone = make_case("wan", folder_of, picture).load(num_inference_steps=steps)
    assert LayoutTTO(backbone, loss_blocks=[1], rank=2).guided_steps == guided


def test_the_first_expert_takes_two_of_four_steps(folder_of: Callable[[str], Path], picture: Path) -> None:
    """Guided steps by default are no more than it takes; a step of the other cannot be guided."""
    case = make_case("wan2.2", folder_of, picture)
    backbone = case.load(schedule=Schedule(sigmas=[1.0, 0.9375, 0.5, 0.25]), guidance_scale=1.0, guidance_scale_2=1.0)
    assert backbone.max_guided_steps == 2
    module = LayoutTTO(backbone, loss_blocks=[1], rank=2)
    assert module.guided_steps == 2
    latents, conditioning = case.begin(backbone)
    with backbone.adapter.enabled():
        for step in range(2):
            backbone.object_attention(latents, step, conditioning, OBJECTS, [1])
    with pytest.raises(ValueError, match="guided_steps is 3; it must be from 0 to the 2 denoising steps"):
        LayoutTTO(backbone, guided_steps=3, loss_blocks=[1], rank=2)


def test_a_scheduler_that_calls_the_model_more_often_than_asked(
    folder_of: Callable[[str], Path], picture: Path
) -> None:
    """Heun's, twice a step but for the last; every call is a step of ours."""
    backbone = make_case("wan", folder_of, picture).load(schedule=Schedule("FlowMatchHeunDiscreteScheduler"))
    assert backbone.num_steps == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheduler": "NoScheduler"}, "diffusers has no scheduler 'NoScheduler'"),
        ({"scheduler": "WanPipeline"}, "diffusers has no scheduler 'WanPipeline'"),
        (
            {"scheduler": "UniPCMultistepScheduler", "arguments": {"shft": 3}},
            "has no argument 'shft'; it has .*flow_shift",
        ),
        ({"sigmas": [1.0], "timesteps": [999]}, "both sigmas and timesteps"),
        ({"sigmas": []}, "they must fall"),
        ({"sigmas": [0.5, 0.5]}, "they must fall"),
        ({"timesteps": [1, 2]}, "they must fall"),
    ],
)
def test_a_schedule_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    """Refused before any model is loaded."""
    with pytest.raises(ValueError, match=message):
        Schedule(**arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": Schedule(sigmas=[1.0, 0.5])}, "schedule has 2 sigmas, num_inference_steps is 4"),
        ({"schedule": Schedule(timesteps=[999, 700, 400, 100])}, "UniPCMultistepScheduler takes no timesteps"),
        ({"schedule": Schedule(arguments={"shift": 3.0})}, "UniPCMultistepScheduler has no argument 'shift'"),
        ({"schedule": Schedule("DDIMScheduler"), "flow_shift": 3.0}, "DDIMScheduler shifts nothing; leave it out"),
    ],
)
def test_a_schedule_that_does_not_fit(
    changes: dict[str, Any], message: str, folder_of: Callable[[str], Path], picture: Path
) -> None:
    case = make_case("wan", folder_of, picture)
    with pytest.raises(ValueError, match=message):
        LayoutTTO(case.load(**changes), loss_blocks=[1], rank=2)


def test_flow_shift_of_a_scheduler_made_from_another(folder_of: Callable[[str], Path], picture: Path) -> None:
    """Its config still has the other's ``flow_shift``, which it does not read."""
    case = make_case("wan", folder_of, picture)
    with pytest.warns(UserWarning, match="twice"):
        backbone = case.load(schedule=Schedule("FlowMatchEulerDiscreteScheduler"), flow_shift=7.0)
    assert backbone.pipe.scheduler.config["shift"] == 7.0


def test_a_shift_that_diffusers_applies_twice(folder_of: Callable[[str], Path], picture: Path) -> None:
    """Said, with the noise level that comes of it; explicit levels are shifted once."""
    case = make_case("wan-euler", folder_of, picture)
    with pytest.warns(UserWarning, match=r"shift of 5 twice.* last noise level is 0\.0244 and not 0\.0050"):
        backbone = case.load(flow_shift=5.0, num_inference_steps=50)
    backbone.start(0)
    assert backbone.pipe.scheduler.sigmas[-2].item() == pytest.approx(0.0244, abs=1e-4)
    levels = torch.linspace(1, 0.001, 50).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backbone = case.load(flow_shift=5.0, num_inference_steps=50, schedule=Schedule(sigmas=levels))
        make_case("wan", folder_of, picture).load(flow_shift=5.0)
    backbone.start(0)
    assert backbone.pipe.scheduler.sigmas[-2].item() == pytest.approx(0.0050, abs=1e-4)
