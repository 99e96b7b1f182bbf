"""The presets for real models, on the meta device: one iteration of each, with no weights and no memory."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

ROOT = Path(__file__).parents[2]
PRESETS = ["wan2.1-1.3b", "wan2.1-14b", "wan2.2-a14b", "cogvideox-2b", "cogvideox-5b"]
GRIDS = {"wan": (21, 30, 52), "cogvideox": (13, 30, 45)}


@pytest.fixture(scope="module")
def cost() -> ModuleType:
    """``benchmarks/cost.py``, with as many blocks as an iteration runs and one more."""
    spec = importlib.util.spec_from_file_location("cost", ROOT / "benchmarks" / "cost.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cost"] = module
    spec.loader.exec_module(module)
    for name, published in module.PUBLISHED.items():
        module.PUBLISHED[name] = published | {"num_layers": max(module.preset(name)["loss_blocks"]) + 2}
    return module


@pytest.mark.parametrize("name", PRESETS)
def test_one_iteration_on_the_meta_device(cost: ModuleType, name: str) -> None:
    """Sizes, guided steps and loss blocks fit the model; nothing is allocated."""
    case = cost.Case(name)
    backbone = case.backbone
    assert backbone.grid == GRIDS["wan" if name.startswith("wan") else "cogvideox"]
    assert case.guided_steps <= backbone.max_guided_steps
    assert {p.device.type for p in backbone.pipe.transformer.parameters()} == {"meta"}
    adapter = case.adapt_reachable()
    dim = backbone._blocks[0].attn1.to_q.in_features
    layers = 4 * case.blocks[-1] + 2
    assert adapter == layers * 2 * dim * case.rank
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


@pytest.mark.parametrize("name", PRESETS)
def test_reference_settings(name: str) -> None:
    """The settings of the paper and the authors' code."""
    text = (ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8")
    model = yaml.safe_load(text)["model"]
    wanted = {"guided_steps": 5, "iterations": 8, "stop_loss": 0.03, "rank": 32, "lr": 1e-3}
    assert {key: model[key] for key in wanted} == wanted
    assert " GB" in text.split("\n# ttom ")[0], "the head says which card the preset needs"
