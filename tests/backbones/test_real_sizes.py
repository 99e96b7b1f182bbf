"""Every distinct parameter of the presets' transformers at its real size, through all that handles it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.loaders import PeftAdapterMixin
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from ttom_pl.backbones import Adapter
from ttom_pl.backbones.fingerprint import fingerprint, sample_indices
from ttom_pl.memory import AdapterSpec, Memory

ROOT = Path(__file__).parents[2]
RANK = 32


class OneParameter(ModelMixin, ConfigMixin, PeftAdapterMixin):  # type: ignore[misc]
    """A model of one layer: linear where the parameter is a matrix."""

    @register_to_config
    def __init__(self, shape: list[int]) -> None:
        super().__init__()
        if len(shape) == 2:
            self.layer = nn.Linear(shape[1], shape[0], bias=False)
        else:
            self.layer = nn.ParameterDict({"weight": nn.Parameter(torch.empty(shape))})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(x)
        return result


def shapes() -> Iterator[Any]:
    """The distinct shapes, each with the first preset that has it."""
    import sys

    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from preset_models import META, PRESETS, build
    finally:
        sys.path.pop(0)
    seen = set()
    for name, model in PRESETS.items():
        pipe = build(model, META).pipe
        for transformer in (pipe.transformer, getattr(pipe, "transformer_2", None)):
            for parameter in transformer.parameters() if transformer is not None else ():
                if tuple(parameter.shape) not in seen:
                    seen.add(tuple(parameter.shape))
                    yield pytest.param(list(parameter.shape), id=f"{name}-{'x'.join(map(str, parameter.shape))}")


def make(shape: list[int]) -> OneParameter:
    """In bfloat16, all zeros but for the last element."""
    with torch.device("meta"):
        model = OneParameter(shape).to(torch.bfloat16)
    model.to_empty(device="cpu")
    for parameter in model.parameters():
        parameter.data.zero_()
        parameter.data.view(-1)[-1] = 1.0
    return model


@pytest.mark.parametrize("shape", shapes())
def test_a_parameter_of_a_real_model(shape: list[int], tmp_path: Path) -> None:
    model = make(shape)
    before = fingerprint(model, "one")
    (weight,) = model.parameters()
    weight.data.view(-1)[-1] = 2.0
    assert fingerprint(model, "one") != before, "the last element counts"

    model.save_pretrained(tmp_path / "model")
    after = fingerprint(model, "one")
    loaded = OneParameter.from_pretrained(tmp_path / "model", dtype=torch.bfloat16)
    assert fingerprint(loaded, "one") == after
    if len(shape) != 2:
        return

    adapter = Adapter(model, RANK, None, ["layer"])
    adapter.reset(0)
    assert fingerprint(model, "one") == after
    state = adapter.state_dict()
    assert {tuple(each.shape) for each in state.values()} == {(RANK, shape[1]), (shape[0], RANK)}
    state["transformer.layer.lora_B.weight"][-1, -1] = 0.5
    spec = AdapterSpec(RANK, float(RANK), ("layer",), 5)
    with Memory(tmp_path / "memory") as memory:
        entry = memory.insert(state, key=[1.0], key_text="scene", prompt="a", fingerprint=after, spec=spec)
        assert entry.nbytes == 4 * RANK * sum(shape)
        adapter.load_state_dict(memory.load(entry))
    x = torch.zeros(1, shape[1], dtype=torch.bfloat16)
    x[0, 0] = 1.0
    with torch.no_grad(), adapter.enabled():
        assert model(x)[0, -1].item() == pytest.approx(
            0.5 * state["transformer.layer.lora_A.weight"][-1, 0].item(), rel=1e-2
        )


@given(st.integers(1, 2**33))
@example(2**24)
@example(2**24 + 1)
@example(13824 * 5120)
def test_samples_are_places_of_the_weight(count: int) -> None:
    """Evenly spread, first and last included, however large."""
    found = sample_indices(count)
    assert found[0] == 0
    assert found[-1] == count - 1
    assert found == sorted(found)
    assert all(abs(place - i * (count - 1) / 15) <= 1 + count / 2**22 for i, place in enumerate(found))


@pytest.mark.parametrize("count", [1, 2, 16, 1000, 8_388_608, 3_855_284, 13_528_112, 14_469_377, 2**24])
def test_places_stay_those_of_float32(count: int) -> None:
    """Memories are found by fingerprints that were made so: 1.3B and 2B have no weight beyond 2²⁴ elements."""
    last, step = torch.tensor(count - 1.0), torch.tensor(count - 1.0) / 15
    exact = [step.double() * i if i < 8 else last.double() - step.double() * (15 - i) for i in range(16)]
    assert sample_indices(count) == [int(each.float()) for each in exact]


def test_the_fingerprint_of_the_shipped_model() -> None:
    """As it has been since the weights are these."""
    from ttom_pl.backbones import WanBackbone

    backbone = WanBackbone(
        str(ROOT / "checkpoints" / "sprites"), height=32, width=32, num_frames=9, max_sequence_length=24
    )
    assert backbone.fingerprint == "wan-5edd89c4a3209be2"
