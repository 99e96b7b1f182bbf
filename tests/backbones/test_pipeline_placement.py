"""What fits a model to a card leaves its results as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from kinds import OBJECTS, PROMPT, Case, make_case
from test_pipelines import disturb
from torch import Tensor

from ttom_pl.backbones import Placement
from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.pipeline import PipelineBackbone

CPU = torch.device("cpu")


def attention_and_gradients(case: Case, placement: Placement, **changes: Any) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Maps of blocks 0 and 2 and the gradients of a loss on them, propagated with the adapter off again."""
    backbone = case.load(placement=placement, **changes)
    adapter = backbone.add_adapter(4, None, [0, 2])
    disturb(adapter)
    backbone.to(CPU)
    latents, conditioning = case.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [0, 2])
    gradients = torch.autograd.grad(maps.square().sum(), adapter.parameters())
    assert not adapter.active
    return maps.detach(), gradients


def video(backbone: PipelineBackbone, case: Case) -> Tensor:
    backbone.to(CPU)
    return case.by_parts(backbone, PROMPT, 3)


@pytest.mark.parametrize(
    "placement",
    [Placement(gradient_checkpointing=True), Placement(offload="group"), Placement(release_text_encoder=True)],
    ids=["checkpointing", "group", "text encoder"],
)
def test_values_and_gradients_stay(family: Case, placement: Placement) -> None:
    maps, gradients = attention_and_gradients(family, placement)
    expected_maps, expected = attention_and_gradients(family, Placement())
    assert torch.equal(maps, expected_maps)
    for gradient, want in zip(gradients, expected, strict=True):
        assert gradient.any()
        torch.testing.assert_close(gradient, want)


def test_checkpointing_recomputes_the_blocks_before_the_last(family: Case) -> None:
    """Once in the forward pass, once in the backward pass; the probed block only once."""
    backbone = family.load(placement=Placement(gradient_checkpointing=True))
    adapter = backbone.add_adapter(4, None, [2])
    disturb(adapter)
    calls = [0, 0, 0]

    def count(block: int) -> None:
        calls[block] += 1

    for number, block in enumerate(backbone.blocks.of(backbone.pipe.transformer)):
        block.register_forward_pre_hook(lambda *_, number=number: count(number))
    latents, conditioning = family.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [2])
    maps.sum().backward()
    assert calls == [2, 2, 1]


@pytest.mark.parametrize(
    "placement",
    [
        Placement(gradient_checkpointing=True),
        Placement(offload="group"),
        Placement(release_text_encoder=True),
        Placement(vae_slicing=True),
    ],
    ids=["checkpointing", "group", "text encoder", "slicing"],
)
def test_the_video_stays(family: Case, placement: Placement) -> None:
    backbone = family.load(placement=placement)
    disturb(backbone.add_adapter(4, None, [1]))
    assert torch.equal(video(backbone, family), video(family.load(), family))


@pytest.mark.parametrize("batched", [True, False])
def test_guidance_in_one_batch_or_two(family: Case, batched: bool) -> None:
    if batched and family.name == "kandinsky5":
        pytest.skip("its texts have lengths of their own, and the option is refused")
    backbone = family.load(placement=Placement(batched_guidance=batched))
    sizes = []
    backbone.pipe.transformer.register_forward_pre_hook(
        lambda _module, _args, kwargs: sizes.append(len(kwargs["hidden_states"])), with_kwargs=True
    )
    torch.testing.assert_close(video(backbone, family), video(family.load(), family), rtol=1e-3, atol=1e-4)
    assert set(sizes) == {2 if batched else 1}


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("conditional_only", [True, False])
def test_the_negative_prompt_is_seen_without_the_adapter(family: Case, batched: bool, conditional_only: bool) -> None:
    """The guided prediction is that of the plain negative pass and the adapted conditional pass."""
    if batched and family.name == "kandinsky5":
        pytest.skip("its texts have lengths of their own, and the option is refused")
    backbone = family.load(placement=Placement(batched_guidance=batched))
    adapter = backbone.add_adapter(4, None, [2])
    disturb(adapter)
    adapter.conditional_only = conditional_only
    latents, conditioning = family.begin(backbone)
    negative, prompt = Text.negative(conditioning), Text.prompt(conditioning)
    assert negative is not None

    seen = []
    backbone.pipe.transformer.register_forward_hook(lambda _module, _args, output: seen.append(output[0].float()))
    with adapter.enabled():
        backbone.step(latents, 0, conditioning)
    assert not adapter.active
    found = torch.cat(seen)
    found = found if batched and not conditional_only else found.flip(0)
    seen.clear()
    with torch.no_grad():
        if conditional_only:
            backbone.predict(latents, 0, conditioning, negative)
        with adapter.enabled():
            adapter.conditional_only = False
            if not conditional_only:
                backbone.predict(latents, 0, conditioning, negative)
            backbone.predict(latents, 0, conditioning, prompt)
    torch.testing.assert_close(found, torch.cat(seen), rtol=1e-3, atol=1e-4)


def test_tiling(family: Case) -> None:
    backbone = family.load(placement=Placement(vae_tiling=True))
    assert backbone.pipe.vae.use_tiling
    assert not family.load().pipe.vae.use_tiling


@pytest.mark.parametrize("storage_dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_eight_bit_storage_leaves_out_what_is_optimised_through(family: Case, storage_dtype: Any) -> None:
    """Attention and gradients stay to the bit; the video nearly; the fingerprint entirely."""
    placement = Placement(storage_dtype=storage_dtype)
    maps, gradients = attention_and_gradients(family, placement)
    expected_maps, expected = attention_and_gradients(family, Placement())
    assert torch.equal(maps, expected_maps)
    assert all(torch.equal(a, b) for a, b in zip(gradients, expected, strict=True))
    plain, stored = family.load(), family.load(placement=placement)
    disturb(stored.add_adapter(4, None, [0]))
    distance = (video(stored, family) - video(plain, family)).abs().mean()
    assert 0 < distance < 0.1
    dtypes = [{p.dtype for p in block.parameters()} for block in stored.blocks.of(stored.pipe.transformer)]
    assert getattr(torch, storage_dtype) not in dtypes[0]
    assert all(getattr(torch, storage_dtype) in each for each in dtypes[1:])
    assert stored.fingerprint == plain.fingerprint


def test_second_transformer_is_idle(folder_of: Any, picture: Path) -> None:
    case = make_case("wan2.2", folder_of, picture)
    backbone = case.load(placement=Placement(storage_dtype="float8_e4m3fn"))
    backbone.add_adapter(4, None, [2])
    backbone.to(CPU)
    stored = [
        torch.float8_e4m3fn in {p.dtype for p in each.parameters()}
        for each in (backbone.pipe.transformer, backbone.pipe.transformer_2)
    ]
    assert stored == [False, True]


def test_model_offload_is_ignored_on_the_cpu(family: Case) -> None:
    backbone = family.load(placement=Placement(offload="model"))
    with pytest.warns(UserWarning, match="offload: model is ignored on the CPU"):
        backbone.to(CPU)
    backbone.to(CPU)


def test_placing_again_elsewhere_is_refused(family: Case) -> None:
    backbone = family.load(placement=Placement(offload="group"))
    backbone.to(CPU)
    with pytest.raises(RuntimeError, match="load it anew"):
        backbone.to(torch.device("meta"))


PLACEMENTS = {
    "none": Placement(),
    "checkpointing": Placement(gradient_checkpointing=True),
    "group": Placement(offload="group"),
    "float8": Placement(storage_dtype="float8_e4m3fn"),
    "all": Placement(offload="group", storage_dtype="float8_e4m3fn", gradient_checkpointing=True),
}


def two_modules(case: Case, placement: Placement, blocks: tuple[int, int]) -> list[Tensor]:
    """Gradients and a step with the adapter on, of two adapters in turn, the second loaded in between."""
    backbone, found, other = case.load(placement=placement), [], case.load().add_adapter(4, None, [blocks[1]])
    disturb(other)
    for number, block in enumerate(blocks):
        adapter = backbone.add_adapter(4, None, [block])
        backbone.to(CPU)
        disturb(adapter)
        latents, conditioning = case.begin(backbone)
        for loaded in (False, True)[: number + 1]:
            if loaded:
                adapter.load_state_dict({name: 0.5 * value for name, value in other.state_dict().items()})
            with adapter.enabled():
                maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [block])
                found.append(backbone.step(latents, 0, conditioning))
            found += torch.autograd.grad(maps.square().sum(), adapter.parameters())
            backbone.start(0)
    return found


OFTEN = ("wan", "cogvideox-ddim", "ltx")
SELDOM = ("wan-i2v", "skyreels-v2", "hunyuan1.5", "hunyuan-true-cfg", "kandinsky5", "mochi")


@pytest.mark.parametrize("kind", [*OFTEN, *(pytest.param(name, marks=pytest.mark.slow) for name in SELDOM)])
@pytest.mark.parametrize("blocks", [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("name", [name for name in PLACEMENTS if name != "none"])
def test_two_modules_one_after_the_other(
    kind: str, name: str, blocks: tuple[int, int], folder_of: Callable[[str], Path], picture: Path
) -> None:
    """With a hit loaded in between: as without any placement, but for the rounding of what is held in 8 bits."""
    family, placement = make_case(kind, folder_of, picture), PLACEMENTS[name]
    if kind == "kandinsky5" and placement.batched_guidance:
        pytest.skip("the texts of Kandinsky 5 have lengths of their own")
    if placement.storage_dtype and blocks[1] > blocks[0]:
        with pytest.raises(RuntimeError, match="ends before block 2, which is held in float8_e4m3fn; load it anew"):
            two_modules(family, placement, blocks)
        return
    found, expected = two_modules(family, placement, blocks), two_modules(family, Placement(), blocks)
    for one, other in zip(found, expected, strict=True):
        assert one.any()
        if placement.storage_dtype and one.shape == family.load().start(0).shape:
            assert (one - other).abs().mean() < 0.1
        else:
            torch.testing.assert_close(one, other)


@pytest.mark.gpu
@pytest.mark.parametrize("offload", ["none", "model", "group"])
def test_on_a_gpu(family: Case, offload: Any) -> None:
    """Where Lightning has taken the adapter back to the CPU, as at the end of each fit, it follows the transformer."""
    placement = Placement(offload=offload, release_text_encoder=True)
    backbone = family.load(placement=placement)
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    backbone.to(torch.device("cuda"))
    for parameter in adapter.parameters():
        parameter.data = parameter.data.cpu()
    latents, conditioning = family.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
        gradients = torch.autograd.grad(maps.square().sum(), adapter.parameters())
    assert all(gradient.any() and gradient.device.type == "cuda" for gradient in gradients)
    assert family.by_parts(backbone, PROMPT, 3).shape == (
        backbone.settings.num_frames,
        3,
        backbone.settings.height,
        backbone.settings.width,
    )


def test_every_switch_is_documented() -> None:
    assert all(name in (Placement.__doc__ or "") for name in Placement.__dataclass_fields__)
    assert get_args(Placement.__dataclass_fields__["offload"].type) == ("none", "model", "group")
