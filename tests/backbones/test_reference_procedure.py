"""The benchmark against the reference procedure: both find the same, on every family, and the table can be made."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from kinds import OBJECTS, Case
from test_pipelines import disturb, double

from ttom_pl.layout import object_targets
from ttom_pl.layout.loss import layout_loss

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TINY = {
    "wan": {"num_attention_heads": 2, "attention_head_dim": 12, "text_dim": 16, "ffn_dim": 32, "num_layers": 5},
    "cogvideox": {
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "text_embed_dim": 16,
        "num_layers": 5,
        "max_text_seq_length": 24,
    },
}
SIZE = {
    "wan": {"height": 64, "width": 96, "num_frames": 9, "max_sequence_length": 24},
    "cogvideox": {"height": 64, "width": 64, "num_frames": 5, "max_sequence_length": 24},
}
VAE = {
    "wan": {"base_dim": 4},
    "cogvideox": {"block_out_channels": (4, 4, 4, 4), "latent_channels": 16, "norm_num_groups": 2},
}


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the benchmarks find each other."""
    monkeypatch.syspath_prepend(BENCHMARKS)


@pytest.fixture
def iteration(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``benchmarks/iteration.py``, with all models tiny."""
    import iteration
    import preset_models

    for name in iteration.KNOWN:
        model = preset_models.MODELS[name]
        family = "cogvideox" if name.startswith("cogvideox") else "wan"
        dimensions = {key: value for key, value in model.transformer.items() if key.startswith("use_")}
        tiny = replace(
            model,
            transformer=TINY[family] | dimensions,
            backbone=SIZE[family],
            vae=VAE[family],
        )
        monkeypatch.setitem(preset_models.MODELS, name, tiny)
    return iteration


def test_loss_and_gradients_are_those_of_the_reference_procedure(family: Case) -> None:
    """In float64: whole forward pass, one-hot values, loops, upsampled maps and targets; and ours."""
    from procedures import LAYOUT
    from reference_procedure import ReferenceProcedure

    if family.name.startswith(("wan-i2v", "ltx", "hunyuan", "kandinsky", "mochi")):
        pytest.skip("the reference procedure knows text to video by Wan, models like it and CogVideoX")
    backbone, other = family.load(), family.load()
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    latents, conditioning = double(backbone, *family.begin(backbone))
    other.start(0)
    text = conditioning.prompt_embeds
    reference = ReferenceProcedure(
        other.pipe.transformer,
        other.blocks.lists[0],
        other.reader.attention,
        [1],
        4,
        1e-3,
        0.0,
        text.shape[1],
        backbone.grid,
    )
    other.pipe.transformer.double()
    other._dtype = torch.float64
    own = {name.removeprefix("transformer."): value for name, value in adapter.state_dict().items()}
    reference.load_state_dict({k: torch.zeros_like(v) for k, v in reference.state_dict().items()} | own)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
        loss = layout_loss(maps, object_targets(LAYOUT, backbone.grid)[1])
    inputs = other._inputs(latents, other.pipe.scheduler.timesteps[:1], conditioning)
    expected = reference.loss(inputs | {"encoder_hidden_states": text}, OBJECTS, LAYOUT)
    assert expected.item() > 0.01
    torch.testing.assert_close(loss, expected.to(loss.dtype), rtol=1e-5, atol=0)

    loss.backward()
    expected.backward()
    wanted = {name: p.grad for name, p in other.pipe.transformer.named_parameters() if p.requires_grad}
    for name, parameter in backbone.pipe.transformer.named_parameters():
        if parameter.requires_grad:
            want = wanted.pop(name.replace(".ttom.", ".reference."))
            assert parameter.grad is not None
            assert want.any()
            torch.testing.assert_close(parameter.grad, want, rtol=1e-3, atol=1e-5 * float(want.abs().max()))
    assert wanted, "the reference adapts more"
    assert all(gradient is None or not gradient.any() for gradient in wanted.values())


@pytest.mark.parametrize(
    "name", ["wan2.1-1.3b", "wan2.2-a14b", "skyreels-v2-14b", "cogvideox-2b", "cogvideox-5b", "wan-scaled"]
)
def test_a_model_is_measured(iteration: ModuleType, name: str, tmp_path: Path) -> None:
    """In the preset's precision, from the check of the losses to the file."""
    out = tmp_path / "iteration.md"
    iteration.main(["--model", name, "--rounds", "1", "--peak-tflops", "0.01", "--out", str(out)])
    text = out.read_text()
    assert f"`python benchmarks/iteration.py --model {name} --device cpu --rounds 1 --peak-tflops 0.01`" in text
    cells = {row.split(" | ")[0]: row.strip("| ").split(" | ")[1:] for row in text.splitlines() if row.startswith("|")}
    assert float(cells["| TTO iteration"][0].split()[0]) > 0
    for row in ("| adapter", "| without the weights", "| an iteration, counted"):
        ours, reference = (float(cell.split()[0]) for cell in cells[row][:2])
        assert 0 < ours < reference


def test_a_section_takes_the_place_of_its_like(iteration: ModuleType, tmp_path: Path) -> None:
    out = tmp_path / "new" / "iteration.md"
    for title, body in (("a", "1"), ("b", "2"), ("a", "3")):
        iteration._keep(out, title, f"## {title}\n\n{body}\n")
    assert out.read_text() == f"{iteration.HEAD}\n## b\n\n2\n\n## a\n\n3\n"


def test_the_reference_procedure_may_run_out_of_memory(iteration: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it recomputes its blocks, to the same loss, and the table says so."""
    import preset_models
    from procedures import Procedures

    both = Procedures(preset_models.MODELS["wan-scaled"], torch.device("cpu"))
    taken = both.reference_iteration

    def run_out() -> float:
        if not both.reference.transformer.is_gradient_checkpointing:
            raise torch.OutOfMemoryError("too much")
        return taken()

    monkeypatch.setattr(both, "reference_iteration", run_out)
    measured = iteration.measure(both, 1, 2e-2)
    assert "runs out of memory" in measured.notes[0]


def test_other_losses_are_an_error(iteration: ModuleType) -> None:
    """Nothing is timed if the procedures do not do the same."""
    import preset_models
    from procedures import Procedures

    both = Procedures(preset_models.MODELS["wan-scaled"], torch.device("cpu"))
    both.module.scene.targets.copy_(both.module.scene.targets.flip(-1))
    with pytest.raises(RuntimeError, match="they must agree"):
        iteration.measure(both, 1, 1e-3)
