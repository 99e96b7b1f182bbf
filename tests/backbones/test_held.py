"""A pipeline that someone holds in memory: the same frames as from its folder, and given back as it was found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kinds import OBJECTS, PROMPT, Case, make_case
from states import differences, state_of
from test_pipelines import disturb
from test_user_loras import with_loras, write_files
from torch import nn

from ttom_pl.backbones import Lora, Placement, Quantization, Schedule
from ttom_pl.backbones.pipeline import PipelineBackbone

CPU = torch.device("cpu")


def rehearse(case: Case, backbone: PipelineBackbone) -> None:
    """All that touches the transformer: adapter, gradients, bias, steps, placement, a video."""
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    backbone.to(CPU)
    latents, conditioning = case.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
        backbone.step(latents, 0, conditioning)
    assert all(gradient.any() for gradient in torch.autograd.grad(maps.square().sum(), adapter.parameters()))
    if backbone.reader.can_bias:
        tokens = int(torch.tensor(backbone.grid).prod())
        with backbone.biased(torch.ones(tokens, conditioning.prompt_embeds.shape[1])):
            backbone.step(latents, 0, conditioning)
    case.by_parts(backbone, PROMPT, 3)


def used(case: Case, pipe: Any) -> Any:
    """A pipeline that has made a video, as its owner's has, with some flags as nobody else sets them."""
    case.by_pipeline(PROMPT, 3, pipe)
    pipe.set_progress_bar_config(disable=True, desc="mine")
    pipe.transformer.train()
    next(pipe.vae.parameters()).requires_grad_(False)
    return pipe


def test_frames_are_those_of_the_folder(case: Case) -> None:
    pipe = case.pipeline()
    backbone = case.load(pretrained=pipe)
    expected = case.by_parts(case.load(), PROMPT, 3)
    assert torch.equal(case.by_parts(backbone, PROMPT, 3), expected)
    assert backbone.fingerprint == case.load().fingerprint
    assert torch.equal(case.by_pipeline(PROMPT, 3, pipe), expected), "it is of use meanwhile"


def test_it_can_be_called_between_two_steps(family: Case) -> None:
    """Neither sampler knows of the other."""
    pipe = family.pipeline()
    backbone = family.load(pretrained=pipe)
    disturb(backbone.add_adapter(4, None, [1]))
    latents, conditioning = family.begin(backbone, seed=3)
    expected = family.by_pipeline(PROMPT, 3)
    for step in range(backbone.num_steps):
        latents = backbone.step(latents, step, conditioning)
        assert torch.equal(family.by_pipeline(PROMPT, 3, pipe), expected)
    assert torch.equal(backbone.decode(latents), expected)


EVERYTHING = {
    "plain": Placement(),
    "checkpointing, tiling, slicing": Placement(gradient_checkpointing=True, vae_tiling=True, vae_slicing=True),
    "group": Placement(offload="group", release_text_encoder=True),
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_it_is_given_back_as_it_was_found(family: Case, name: str, tmp_path: Path) -> None:
    """Hooks, adapters, flags, values, the scheduler with its state: whatever can be seen of it."""
    files = write_files(family, tmp_path)
    pipe = used(family, family.pipeline())
    before = state_of(pipe)
    changes: dict[str, Any] = {"placement": EVERYTHING[name], "loras": [Lora(str(files[0]), 0.7)]}
    if name != "plain":  # with the scheduler's own steps otherwise
        solver = Schedule("DPMSolverMultistepScheduler")
        changes |= {"schedule": solver if "cog" in family.name else Schedule(sigmas=[1.0, 0.75, 0.5, 0.25])}
    if family.name == "wan" and name == "group":
        changes |= {"flow_shift": 7.0}
    with family.load(pretrained=pipe, **changes) as backbone:
        rehearse(family, backbone)
        assert differences(before, state_of(pipe)), "the comparison sees what is done"
    assert not differences(before, state_of(pipe))
    backbone.close()
    assert not differences(before, state_of(pipe))


def test_a_second_transformer_too(folder_of: Callable[[str], Path], picture: Path, tmp_path: Path) -> None:
    case = make_case("wan2.2", folder_of, picture)
    files = write_files(case, tmp_path)
    pipe = used(case, case.pipeline())
    before = state_of(pipe)
    with case.load(pretrained=pipe, loras=[Lora(str(files[0]), 1.0, 0.5)], placement=EVERYTHING["group"]) as backbone:
        rehearse(case, backbone)
    assert not differences(before, state_of(pipe))


@pytest.mark.parametrize("on", [True, False])
def test_their_loras_stay(family: Case, on: bool, tmp_path: Path) -> None:
    """On or off, in layers that TTO adapts and in others, beside one that is loaded for a while."""
    files = write_files(family, tmp_path)
    pipe = used(family, with_loras(family, files))
    if not on:
        pipe.transformer.disable_lora()
    before = state_of(pipe)
    with family.load(pretrained=pipe, loras=[Lora(str(files[0]), 0.3, name="third")]) as backbone:
        rehearse(family, backbone)
    assert not differences(before, state_of(pipe))


def test_checkpointing_of_the_owner_knows_the_adapter(family: Case) -> None:
    """Blocks are recomputed with the adapter on, and by the owner's function after."""
    gradients = []
    for checkpointed in (True, False):
        pipe = used(family, family.pipeline())
        if checkpointed:
            pipe.transformer.enable_gradient_checkpointing()
        before = state_of(pipe)
        with family.load(pretrained=pipe) as backbone:
            adapter = backbone.add_adapter(4, None, [2])
            disturb(adapter)
            latents, conditioning = family.begin(backbone)
            with adapter.enabled():
                maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [2])
            gradients.append(torch.autograd.grad(maps.square().sum(), adapter.parameters()))
        assert not differences(before, state_of(pipe))
    for one, other in zip(*gradients, strict=True):
        assert one.any()
        torch.testing.assert_close(one, other)


def test_offloading_of_the_owner_stays(family: Case) -> None:
    """By accelerate's hooks, which the pipeline renews after each video: nothing else moves the parts."""
    pipe = family.pipeline()
    pipe.enable_model_cpu_offload(device="cpu")
    expected = family.by_pipeline(PROMPT, 3, pipe)
    hooked = [name for name, part in pipe.components.items() if hasattr(part, "_hf_hook")]
    assert "transformer" in hooked
    with family.load(pretrained=pipe) as backbone:
        rehearse(family, backbone)
        backbone.to(torch.device("meta"))
        assert backbone.device.type == "cpu"
        assert torch.equal(family.by_parts(backbone, PROMPT, 3), expected)
    assert [name for name, part in pipe.components.items() if hasattr(part, "_hf_hook")] == hooked
    assert torch.equal(family.by_pipeline(PROMPT, 3, pipe), expected)
    with pytest.raises(ValueError, match="the pipeline is offloaded already"):
        family.load(pretrained=pipe, placement=Placement(offload="group"))


def test_blocks_that_the_owner_fetches_cannot_be_optimised_through(family: Case) -> None:
    pipe = family.pipeline()
    pipe.transformer.enable_group_offload(onload_device=CPU, offload_type="leaf_level")
    backbone = family.load(pretrained=pipe)
    assert torch.equal(family.by_parts(backbone, PROMPT, 3), family.by_parts(family.load(), PROMPT, 3))
    with pytest.raises(ValueError, match="block 0 of the pipeline is group-offloaded"):
        backbone.add_adapter(4, None, [1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantization": Quantization("quanto", {"weights_dtype": "int8"})}, "a loaded pipeline cannot be quantised"),
        ({"placement": Placement(storage_dtype="float8_e4m3fn")}, "would round the weights of a loaded pipeline"),
        ({"height": 33}, "height × width is 33 × 48"),
        ({"guidance_scale_2": 3.0}, "this model has one transformer"),
        ({"schedule": Schedule(arguments={"shift": 3.0})}, "has no argument 'shift'"),
        ({"loras": "of another width"}, "does not fit"),
    ],
)
def test_one_that_cannot_be_used_is_left_as_it_was(
    changes: dict[str, Any], message: str, folder_of: Callable[[str], Path], picture: Path, tmp_path: Path
) -> None:
    case = make_case("wan", folder_of, picture)
    if "loras" in changes:
        good, bad = write_files(case, tmp_path)[0], tmp_path / "bad.safetensors"
        other = nn.ModuleDict({"blocks": nn.ModuleList([nn.ModuleDict({"attn1": nn.ModuleDict()})])})
        other["blocks"][0]["attn1"]["to_q"] = nn.Linear(5, 5)
        from test_user_loras import write_lora

        changes = {"loras": [Lora(str(good), 0.5), Lora(str(write_lora(bad, other, 0)))]}
    pipe = used(case, case.pipeline())
    before = state_of(pipe)
    with pytest.raises(ValueError, match=message):
        case.load(pretrained=pipe, **changes)
    assert not differences(before, state_of(pipe))


def test_another_kind_of_pipeline(folder_of: Callable[[str], Path], picture: Path) -> None:
    ltx, wan = (make_case(name, folder_of, picture) for name in ("ltx", "wan"))
    with pytest.raises(ValueError, match="the pipeline is a LTXPipeline; give a WanPipeline"):
        wan.load(pretrained=ltx.pipeline())


def test_a_precision_that_it_has_not(folder_of: Callable[[str], Path], picture: Path) -> None:
    case = make_case("wan", folder_of, picture)
    with pytest.warns(UserWarning, match=r"dtype is bfloat16, but the loaded pipeline has torch\.float32"):
        backbone = case.load(pretrained=case.pipeline(), dtype="bfloat16")
    assert torch.equal(case.by_parts(backbone, PROMPT, 3), case.by_parts(case.load(), PROMPT, 3))
    half = case.load(pretrained=case.pipeline(torch.bfloat16))
    assert torch.equal(case.by_parts(half, PROMPT, 3), case.by_parts(case.load(dtype="bfloat16"), PROMPT, 3))


@pytest.mark.gpu
@pytest.mark.parametrize("offload", ["none", "model", "group"])
def test_it_goes_back_to_where_it_was(family: Case, offload: Any) -> None:
    pipe = used(family, family.pipeline())
    before = state_of(pipe)
    with family.load(pretrained=pipe, placement=Placement(offload=offload, release_text_encoder=True)) as backbone:
        disturb(backbone.add_adapter(4, None, [1]))
        backbone.to(torch.device("cuda"))
        family.by_parts(backbone, PROMPT, 3)
    assert not differences(before, state_of(pipe))
