"""The adapter: neutral, removable, reproducible, and read by diffusers as it is."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import WanPipeline, WanTransformer3DModel
from safetensors.torch import save_file
from torch import Tensor

from ttom_pl.backbones import Adapter, WanBackbone

LAYERS = ("blocks.0.attn2.to_q", "blocks.0.attn2.to_v", "blocks.1.attn2.to_out.0")


def inputs() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "hidden_states": torch.randn(1, 4, 5, 8, 8, generator=generator),
        "timestep": torch.tensor([900.0]),
        "encoder_hidden_states": torch.randn(1, 24, 16, generator=generator),
    }


@torch.no_grad()
def output(transformer: WanTransformer3DModel) -> Tensor:
    result: Tensor = transformer(**inputs(), return_dict=False)[0]
    return result


@torch.no_grad()
def disturb(adapter: Adapter) -> None:
    """Give every LoRA parameter a value far from neutral."""
    generator = torch.Generator().manual_seed(1)
    for parameter in adapter.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=generator))


@pytest.fixture
def transformer(backbone: WanBackbone) -> WanTransformer3DModel:
    return backbone.pipe.transformer


@pytest.fixture
def plain(transformer: WanTransformer3DModel) -> Tensor:
    """Output of the untouched model; ask for it before ``adapter``."""
    return output(transformer)


@pytest.fixture
def adapter(plain: Tensor, transformer: WanTransformer3DModel) -> Adapter:
    return Adapter(transformer, rank=4, alpha=None, target_modules=LAYERS)


def test_off_outside_of_enabled(transformer: WanTransformer3DModel, plain: Tensor, adapter: Adapter) -> None:
    """Bit-equal before, between and after."""
    disturb(adapter)
    assert torch.equal(output(transformer), plain)
    with adapter.enabled():
        assert not torch.allclose(output(transformer), plain, atol=1e-3)
    assert torch.equal(output(transformer), plain)


def test_off_after_an_error(transformer: WanTransformer3DModel, plain: Tensor, adapter: Adapter) -> None:
    disturb(adapter)
    with pytest.raises(KeyboardInterrupt), adapter.enabled():
        raise KeyboardInterrupt
    assert torch.equal(output(transformer), plain)


def test_neutral_after_reset(transformer: WanTransformer3DModel, plain: Tensor, adapter: Adapter) -> None:
    """B is zero, A is not."""
    disturb(adapter)
    adapter.reset(0)
    for name, value in adapter.state_dict().items():
        assert value.any() == ("lora_A" in name)
    with adapter.enabled():
        assert torch.equal(output(transformer), plain)


def test_reset_is_a_function_of_its_seed(adapter: Adapter) -> None:
    adapter.reset(7)
    first = adapter.state_dict()
    disturb(adapter)
    torch.manual_seed(123)
    adapter.reset(7)
    assert same(first, adapter.state_dict())
    adapter.reset(8)
    assert not same(first, adapter.state_dict())


def test_same_start_in_a_model_loaded_anew(adapter: Adapter, make_backbone: Callable[..., WanBackbone]) -> None:
    twin = Adapter(make_backbone().pipe.transformer, rank=4, alpha=None, target_modules=LAYERS)
    for each in (adapter, twin):
        each.reset(7)
    assert same(adapter.state_dict(), twin.state_dict())


def test_state_dict_round_trip(transformer: WanTransformer3DModel, adapter: Adapter) -> None:
    disturb(adapter)
    state = adapter.state_dict()
    with adapter.enabled():
        expected = output(transformer)
    adapter.reset(0)
    adapter.load_state_dict(state)
    assert same(state, adapter.state_dict())
    with adapter.enabled():
        assert torch.equal(output(transformer), expected)


def test_state_dict_is_a_copy(adapter: Adapter) -> None:
    adapter.reset(0)
    state = adapter.state_dict()
    disturb(adapter)
    assert not same(state, adapter.state_dict())


def test_loaded_parameters_are_those_that_are_optimised(adapter: Adapter) -> None:
    """The parameter objects stay, so that an optimiser made before goes on."""
    before = adapter.parameters()
    disturb(adapter)
    state = {name: value + 1 for name, value in adapter.state_dict().items()}
    values = [parameter.detach() + 1 for parameter in before]
    adapter.load_state_dict(state)
    assert all(a is b for a, b in zip(before, adapter.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, values, strict=True))


@pytest.mark.parametrize("fault", ["shape", "missing", "unknown"])
def test_an_adapter_that_does_not_fit(adapter: Adapter, fault: str) -> None:
    """Refused by name, with nothing changed."""
    adapter.reset(0)
    before = adapter.state_dict()
    state = {name: value + 1 for name, value in before.items()}
    name = min(state)
    if fault == "shape":
        state[name] = torch.zeros(3, 3)
    elif fault == "missing":
        del state[name]
    else:
        name = "transformer.blocks.9.attn2.to_q.lora_A.weight"
        state[name] = torch.zeros(4, 24)
    with pytest.raises(ValueError, match=f"1 tensors are missing, unknown or of another shape, such as '{name}'"):
        adapter.load_state_dict(state)
    assert same(before, adapter.state_dict())


def test_only_lora_parameters_have_gradients(transformer: WanTransformer3DModel, adapter: Adapter) -> None:
    trained = {id(p) for p in transformer.parameters() if p.requires_grad}
    assert trained == {id(p) for p in adapter.parameters()}
    assert len(trained) == 2 * len(LAYERS)
    with adapter.enabled():
        pass
    assert {id(p) for p in transformer.parameters() if p.requires_grad} == trained


def test_alpha_scales_the_update(make_backbone: Callable[..., WanBackbone]) -> None:
    """alpha / rank: twice the alpha is the same as twice the B matrices."""
    outputs = []
    for alpha, factor in ((8.0, 1), (None, 2)):
        transformer = make_backbone().pipe.transformer
        adapter = Adapter(transformer, rank=4, alpha=alpha, target_modules=LAYERS)
        disturb(adapter)
        state = adapter.state_dict()
        adapter.load_state_dict({k: v * factor if "lora_B" in k else v for k, v in state.items()})
        with adapter.enabled():
            outputs.append(output(transformer))
    torch.testing.assert_close(*outputs)


def test_diffusers_reads_the_state_dict(
    tmp_path: Path, tiny_pipeline: Path, transformer: WanTransformer3DModel, plain: Tensor, adapter: Adapter
) -> None:
    """``pipe.load_lora_weights`` on the saved file gives the same bits as the adapter switched on."""
    disturb(adapter)
    save_file(adapter.state_dict(), tmp_path / "adapter.safetensors")
    with adapter.enabled():
        expected = output(transformer)
    pipe = WanPipeline.from_pretrained(tiny_pipeline)
    pipe.load_lora_weights(tmp_path, weight_name="adapter.safetensors")
    assert torch.equal(output(pipe.transformer), expected)
    pipe.unload_lora_weights()
    assert torch.equal(output(pipe.transformer), plain)


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two state dicts are equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
