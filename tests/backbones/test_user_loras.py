"""LoRAs of the user stay on, and TTO stands on top of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kinds import OBJECTS, PROMPT, Case, make_case
from safetensors.torch import save_file
from test_pipelines import disturb
from torch import Tensor, nn

from ttom_pl.backbones import Adapter, Lora, Placement
from ttom_pl.backbones.pipeline import PipelineBackbone

LAYERS = ("attn1.to_q", "attn1.to_out.0", "attn2.to_q", "attn2.to_v", "ffn.net.0.proj", "ff.net.0.proj")
LAYERS = (*LAYERS, "attn.to_q", "attn.add_k_proj", "attn1.add_k_proj", "cross_attention.to_query")


def write_lora(path: Path, transformer: nn.Module, seed: int, alpha: float | None = None) -> Path:
    """A LoRA of rank 2 in attention and feed-forward layers, those that TTO adapts among them."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, module in transformer.named_modules():
        if isinstance(module, nn.Linear) and name.endswith(LAYERS):
            state[f"transformer.{name}.lora_A.weight"] = torch.randn(2, module.in_features, generator=generator)
            state[f"transformer.{name}.lora_B.weight"] = torch.randn(module.out_features, 2, generator=generator)
            if alpha is not None:
                state[f"transformer.{name}.alpha"] = torch.tensor(alpha)
    assert state
    save_file(state, path)
    return path


@pytest.fixture
def files(case: Case, tmp_path: Path) -> list[Path]:
    return write_files(case, tmp_path)


def write_files(case: Case, folder: Path) -> list[Path]:
    transformer = case.pipeline().transformer
    return [write_lora(folder / f"{name}.safetensors", transformer, seed) for seed, name in enumerate(("style", "few"))]


def stack(case: Case, files: list[Path], weights: tuple[float, float] = (0.7, 0.4)) -> list[Lora]:
    """Both LoRAs in the first transformer, the second in the second as well, where there is one."""
    second = {"weight_2": 0.3} if case.name.startswith(("wan2.2", "wan2.2-i2v")) and two(case) else {}
    return [Lora(str(files[0]), weights[0]), Lora(str(files[1]), weights[1], name="few", **second)]


def two(case: Case) -> bool:
    return getattr(case.pipeline(), "transformer_2", None) is not None


def load_lora(pipe: Any, file: Path, name: str) -> None:
    """By the pipeline, or by the transformer where the pipeline has no loader (HunyuanVideo 1.5)."""
    load = pipe.load_lora_weights if hasattr(pipe, "load_lora_weights") else pipe.transformer.load_lora_adapter
    load(file.parent, weight_name=file.name, adapter_name=name)


def with_loras(case: Case, files: list[Path], dtype: torch.dtype = torch.float32) -> Any:
    """The pipeline as its users do it, with diffusers alone."""
    pipe = case.pipeline(dtype)
    for file, name in zip(files, ("style", "few"), strict=True):
        load_lora(pipe, file, name)
    pipe.transformer.set_adapters(["style", "few"], [0.7, 0.4])
    if getattr(pipe, "transformer_2", None) is not None:
        pipe.load_lora_weights(
            files[1].parent, weight_name=files[1].name, adapter_name="few", load_into_transformer_2=True
        )
        pipe.transformer_2.set_adapters(["few"], [0.3])
    return pipe


def plain(case: Case, backbone: PipelineBackbone) -> Tensor:
    return case.by_parts(backbone, PROMPT, 3)


def test_frames_equal_the_pipeline_with_the_same_loras(case: Case, files: list[Path]) -> None:
    """Bit for bit, with an adapter of TTO that is there and off, before and after it was on."""
    expected = case.by_pipeline(PROMPT, 3, with_loras(case, files))
    backbone = case.load(loras=stack(case, files))
    assert torch.equal(plain(case, backbone), expected)
    disturb(backbone.add_adapter(4, None, [1]))
    assert torch.equal(plain(case, backbone), expected)
    latents, conditioning = case.begin(backbone, seed=3)
    with backbone.adapter.enabled():
        backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
        adapted = backbone.step(latents, 0, conditioning)
    assert torch.equal(plain(case, backbone), expected)
    assert not torch.equal(expected, case.by_pipeline(PROMPT, 3))
    latents, conditioning = case.begin(backbone, seed=3)
    assert not torch.equal(adapted, backbone.step(latents, 0, conditioning))


def test_a_pipeline_that_arrives_with_loras(family: Case, tmp_path: Path) -> None:
    """As it is: those that are on stay on, those that are off stay off."""
    files = write_files(family, tmp_path)
    expected = family.by_pipeline(PROMPT, 3, with_loras(family, files))
    pipe = with_loras(family, files)
    backbone = family.load(pretrained=pipe)
    disturb(backbone.add_adapter(4, None, [1]))
    assert torch.equal(plain(family, backbone), expected)

    pipe = with_loras(family, files)
    pipe.transformer.disable_lora()
    backbone = family.load(pretrained=pipe)
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    assert torch.equal(plain(family, backbone), family.by_pipeline(PROMPT, 3))
    bare = family.load()
    same = bare.add_adapter(4, None, [1])
    disturb(same)
    assert torch.equal(attention(family, backbone), attention(family, bare))


def test_more_loras_on_a_pipeline_that_has_one(family: Case, tmp_path: Path) -> None:
    files = write_files(family, tmp_path)
    pipe = family.pipeline()
    load_lora(pipe, tmp_path / "style.safetensors", "style")
    pipe.transformer.set_adapters(["style"], [0.7])
    backbone = family.load(pretrained=pipe, loras=[Lora(str(files[1]), 0.4, name="few")])
    assert torch.equal(plain(family, backbone), family.by_pipeline(PROMPT, 3, with_loras(family, files)))


def attention(case: Case, backbone: PipelineBackbone, block: int = 1) -> Tensor:
    latents, conditioning = case.begin(backbone)
    with backbone.adapter.enabled(), torch.no_grad():
        return backbone.object_attention(latents, 0, conditioning, OBJECTS, [block])


def test_the_adapter_is_optimised_with_theirs_on_and_alone_has_gradients(family: Case, tmp_path: Path) -> None:
    """The loss is that of the model with their LoRAs; theirs are frozen, whatever PEFT does when it switches."""
    files = write_files(family, tmp_path)
    backbone = family.load(loras=stack(family, files))
    adapter = backbone.add_adapter(4, None, [1])
    for _ in range(2):
        with adapter.enabled():
            pass
        trained = {id(p) for p in backbone.pipe.transformer.parameters() if p.requires_grad}
        assert trained == {id(p) for p in adapter.parameters()}
    adapter.reset(0)
    with torch.no_grad():
        latents, conditioning = family.begin(backbone)
        neutral = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
    assert torch.equal(attention(family, backbone), neutral)
    disturb(adapter)
    latents, conditioning = family.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
    gradients = torch.autograd.grad(maps.square().sum(), adapter.parameters())
    assert all(gradient.any() for gradient in gradients)
    bare = family.load()
    disturb(bare.add_adapter(4, None, [1]))
    assert not torch.allclose(attention(family, bare), maps.detach(), rtol=1e-3)


@pytest.mark.parametrize(
    "placement",
    [Placement(gradient_checkpointing=True), Placement(offload="group"), Placement(storage_dtype="float8_e4m3fn")],
    ids=["checkpointing", "group", "float8"],
)
def test_placements_know_them(family: Case, placement: Placement, tmp_path: Path) -> None:
    """Gradients stay to the last bit; frames too, but for 8-bit storage, which rounds weights."""
    files = write_files(family, tmp_path)

    def take(placement: Placement) -> tuple[tuple[Tensor, ...], Tensor]:
        backbone = family.load(loras=stack(family, files), placement=placement)
        adapter = backbone.add_adapter(4, None, [1])
        disturb(adapter)
        backbone.to(torch.device("cpu"))
        latents, conditioning = family.begin(backbone)
        with adapter.enabled():
            maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
        return torch.autograd.grad(maps.square().sum(), adapter.parameters()), plain(family, backbone)

    gradients, video = take(placement)
    wanted, expected = take(Placement())
    for gradient, want in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, want)
    if placement.storage_dtype is None:
        assert torch.equal(video, expected)
    else:
        assert (video - expected).abs().mean() < 0.1


def test_in_bfloat16(family: Case, tmp_path: Path) -> None:
    files = write_files(family, tmp_path)
    backbone = family.load(loras=stack(family, files), dtype="bfloat16")
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    assert {parameter.dtype for parameter in adapter.parameters()} == {torch.float32}
    expected = family.by_pipeline(PROMPT, 3, with_loras(family, files, torch.bfloat16))
    assert torch.equal(plain(family, backbone), expected)


def test_stacks_have_fingerprints_of_their_own(folder_of: Callable[[str], Path], picture: Path, tmp_path: Path) -> None:
    """By what they do: other weights and other strengths differ, other names and another order do not."""
    case = make_case("wan2.2", folder_of, picture)
    files = write_files(case, tmp_path)
    a, b = (str(file) for file in files)

    def taken(*loras: Lora) -> str:
        return case.load(loras=list(loras)).fingerprint

    assert taken() == case.load().fingerprint
    stacks = [
        taken(),
        taken(Lora(a)),
        taken(Lora(b)),
        taken(Lora(a, 0.5)),
        taken(Lora(a), Lora(b)),
        taken(Lora(a), Lora(b, 0.5)),
        taken(Lora(a, 1.0, 1.0)),
        taken(Lora(a, 0.0, 1.0)),
    ]
    assert len(set(stacks)) == len(stacks)
    assert taken(Lora(a, name="anything")) == taken(Lora(a))
    assert taken(Lora(b), Lora(a)) == taken(Lora(a), Lora(b))
    backbone = case.load(loras=[Lora(a)])
    disturb(backbone.add_adapter(4, None, [1]))
    with backbone.adapter.enabled():
        assert backbone.fingerprint == taken(Lora(a))


def test_what_is_exported_loads_beside_theirs(family: Case, tmp_path: Path) -> None:
    """``pipe.load_lora_weights`` on what was learnt, beside their LoRA: the adapted model, bit for bit."""
    files = write_files(family, tmp_path)
    backbone = family.load(loras=stack(family, files))
    adapter = backbone.add_adapter(4, None, [1])
    adapter.conditional_only = False
    disturb(adapter)
    (tmp_path / "ours").mkdir()
    save_file(adapter.state_dict(), tmp_path / "ours" / "adapter.safetensors")
    pipe = with_loras(family, files)
    load_lora(pipe, tmp_path / "ours" / "adapter.safetensors", "learnt")
    pipe.transformer.set_adapters(["style", "few", "learnt"], [0.7, 0.4, 1.0])
    with adapter.enabled():
        found = plain(family, backbone)
    assert torch.equal(found, family.by_pipeline(PROMPT, 3, pipe))


def test_a_second_adapter_takes_the_place_of_the_first(family: Case, tmp_path: Path) -> None:
    """Of TTO's own; theirs stay."""
    files = write_files(family, tmp_path)
    backbone = family.load(loras=stack(family, files))
    disturb(backbone.add_adapter(4, None, [2]))
    again = backbone.add_adapter(2, None, [1])
    assert torch.equal(plain(family, backbone), family.by_pipeline(PROMPT, 3, with_loras(family, files)))
    assert {parameter.shape[0] for parameter in again.parameters()} & {2}
    assert sum(".ttom." in name for name, _ in backbone.pipe.transformer.named_parameters()) == len(again.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "nowhere.safetensors"}, "no LoRA 'nowhere.safetensors'"),
        ({"path": "loras/nowhere.safetensors"}, "no LoRA 'loras/nowhere.safetensors'"),
        ({"path": "/nowhere/at/all"}, "no LoRA '/nowhere/at/all'"),
        ({"path": "owner/name/file.safetensors", "weight": 0.0}, "has a weight of 0"),
        ({"path": "owner/name/file.safetensors", "weight": float("nan")}, "weight of the LoRA .* is nan"),
        ({"path": "owner/name/file.safetensors", "name": "ttom"}, "the name of what TTO learns"),
        ({"path": "owner/name/file.safetensors", "name": "my.style"}, "take letters, digits and _"),
    ],
)
def test_a_lora_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    """Refused before any model is loaded."""
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        Lora(**arguments)


@pytest.mark.parametrize("fault", ["other model", "other width", "no tensors", "two names", "second transformer"])
def test_a_lora_that_does_not_fit(fault: str, folder_of: Callable[[str], Path], picture: Path, tmp_path: Path) -> None:
    case = make_case("wan", folder_of, picture)
    files = [str(file) for file in write_files(case, tmp_path)]
    bad = tmp_path / "bad.safetensors"
    loras, message = [Lora(files[0])], ""
    if fault == "other model":
        save_file({"unet.down.lora_A.weight": torch.ones(2, 3), "unet.down.lora_B.weight": torch.ones(3, 2)}, bad)
        loras, message = [Lora(str(bad))], "holds nothing for WanTransformer3DModel"
    elif fault == "other width":
        name = "transformer.blocks.0.attn1.to_q"
        save_file({f"{name}.lora_A.weight": torch.ones(2, 3), f"{name}.lora_B.weight": torch.ones(3, 2)}, bad)
        loras, message = [Lora(str(bad))], "does not fit WanTransformer3DModel"
    elif fault == "no tensors":
        bad.write_bytes(b"nothing")
        loras, message = [Lora(str(bad))], "bad.safetensors' "
    elif fault == "two names":
        loras, message = [Lora(files[0], name="a"), Lora(files[1], name="a")], "two LoRAs are named 'a'"
    else:
        loras, message = [Lora(files[0], weight_2=1.0)], "weight_2 of the LoRA .* but this model has one transformer"
    with pytest.raises((ValueError, OSError), match=message):
        case.load(loras=loras)


def test_adapters_of_other_peft_methods_are_left_alone(folder_of: Callable[[str], Path], picture: Path) -> None:
    """A LoKr in a layer that TTO adapts as well: on when ours is off, and counted in the fingerprint."""
    from peft import LoKrConfig

    case = make_case("wan", folder_of, picture)
    pipe = case.pipeline()
    pipe.transformer.add_adapter(LoKrConfig(r=2, target_modules=["to_q"], init_weights=False), adapter_name="lokr")
    expected = case.by_pipeline(PROMPT, 3, pipe)
    backbone = case.load(pretrained=pipe)
    fingerprint = backbone.fingerprint
    assert fingerprint != case.load().fingerprint
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    assert torch.equal(plain(case, backbone), expected)
    with adapter.enabled():
        assert not torch.equal(plain(case, backbone), expected)
    assert isinstance(adapter, Adapter)
