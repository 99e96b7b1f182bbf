"""The presets for real models, on the meta device: one iteration of each, with no weights and no memory."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

from ttom_pl.backbones.attention import object_attention

ROOT = Path(__file__).parents[2]
PRESETS = [
    "wan2.1-1.3b",
    "wan2.1-14b",
    "wan2.2-a14b",
    "skyreels-v2-14b",
    "cogvideox-2b",
    "cogvideox-5b",
    "hunyuanvideo-13b",
    "hunyuanvideo1.5-480p",
    "kandinsky5-2b",
    "mochi-10b",
]
GRIDS = {
    "wan": (21, 30, 52),
    "skyreels": (25, 34, 60),
    "cogvideox": (13, 30, 45),
    "hunyuanvideo-": (33, 34, 60),
    "hunyuanvideo1.5": (31, 30, 53),
    "kandinsky5": (31, 32, 48),
    "mochi": (28, 30, 53),
}
TWO_STREAMS = ("hunyuan", "mochi")
"""Starts of the names of models whose text has projections of its own."""


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/cost.py``, with as many blocks as an iteration runs and one more."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import cost
    import preset_models

    for name in PRESETS:
        model = preset_models.MODELS[name]
        shallow = model.family.blocks(max(model.section["loss_blocks"]) + 2)
        monkeypatch.setitem(preset_models.MODELS, name, replace(model, transformer=model.transformer | shallow))
    return cost


@pytest.mark.parametrize("name", PRESETS)
def test_one_iteration_on_the_meta_device(cost: ModuleType, name: str) -> None:
    """Sizes, guided steps and loss blocks fit the model; nothing is allocated."""
    case = cost.Case(name)
    backbone = case.backbone
    assert backbone.grid == next(grid for start, grid in GRIDS.items() if name.startswith(start))
    assert case.guided_steps <= backbone.max_guided_steps
    assert {p.device.type for p in backbone.pipe.transformer.parameters()} == {"meta"}
    adapter = case.adapt_reachable()
    scoring, every = (3, 8) if name.startswith(TWO_STREAMS) else (2, 4)
    modules = [backbone.pipe.transformer.get_submodule(layer) for layer in backbone.adapter.target_modules]
    assert len(modules) == every * case.blocks[-1] + scoring
    assert adapter == case.rank * sum(each.in_features + each.out_features for each in modules)
    ours = cost.count(case.iteration)
    assert 0 < cost.count(lambda: case.iteration(backward=False)).flops < ours.flops
    case.adapt_everything()
    assert ours.flops < cost.count(case.reference).flops


def test_counts_are_those_of_the_formulas(cost: ModuleType) -> None:
    """Two products of 2·S·S·D FLOPs in attention, one of 2·S·D·D in a layer; freed tensors do not count."""
    with torch.device("meta"):
        x, layer = torch.empty(1, 2, 100, 8), torch.nn.Linear(8, 8, bias=False)

    def run() -> None:
        torch.nn.functional.scaled_dot_product_attention(x, x, x)
        for _ in range(3):
            layer(x)

    with torch.no_grad():
        counted = cost.count(run)
    assert counted.flops == 2 * (2 * 2 * 100 * 100 * 8) + 3 * 2 * 200 * 8 * 8
    assert counted.peak < 3 * x.numel() * x.element_size()


@pytest.mark.parametrize("name", ["wan2.1-14b", "cogvideox-5b"])
def test_recomputed_blocks_hold_less_than_half(cost: ModuleType, name: str) -> None:
    """Their tensors are let go as the backward pass leaves them, as on a card."""
    plain, checkpointed = (cost.Case(name, checkpointing) for checkpointing in (False, True))
    for case in (plain, checkpointed):
        case.adapt_reachable()
    assert cost.count(checkpointed.iteration).peak < 0.5 * cost.count(plain.iteration).peak


@pytest.mark.usefixtures("cost")
def test_what_takes_the_place_of_a_weight_counts_once() -> None:
    """A weight that is cast for its layer and back, as eight-bit storage does."""
    from counting import Alive

    layers = torch.nn.ModuleList(torch.nn.Linear(256, 256, bias=False, device="meta") for _ in range(8))
    with Alive(list(layers.parameters())) as alive, torch.no_grad():
        for layer in layers:
            layer.to(torch.float64)
            layer.to(torch.float32)
    assert 0 < alive.peak <= 2 * 8 * 256 * 256
    assert alive.now == 0


@pytest.mark.usefixtures("cost")
def test_peak_memory_of_the_reading_grows_with_the_tokens() -> None:
    """Not with their square: forward and backward, far under the matrix of probabilities, and linear."""
    from counting import count

    heads, text, width = 8, 226, 64

    def peak(tokens: int) -> int:
        with torch.device("meta"):
            query = torch.empty(1, tokens, heads, width, requires_grad=True)
            key = torch.empty(1, text + tokens, heads, width, requires_grad=True)
            weights = torch.empty(text + tokens, 2)
        return count(lambda: object_attention(query, key, weights).sum().backward()).peak

    assert peak(16384) < 0.1 * 4 * heads * 16384**2
    assert 3.5 < peak(16384) / peak(4096) < 4.1


@pytest.mark.parametrize("name", PRESETS)
def test_reference_settings(name: str) -> None:
    """The settings of the paper and the authors' code."""
    text = (ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8")
    model = yaml.safe_load(text)["model"]
    wanted = {"guided_steps": 5, "iterations": 8, "stop_loss": 0.03, "rank": 32, "lr": 1e-3}
    assert {key: model[key] for key in wanted} == wanted
    assert " GB" in text.split("\n# ttom ")[0], "the head says which card the preset needs"
