"""Methods on each family of backbones: they work, or say why not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kinds import KINDS, PROMPT, Case, make_case
from lightning.pytorch import Trainer
from memories import memory
from test_quantization import INT8
from torch import Tensor

from ttom_pl.backbones import Placement
from ttom_pl.layout import Layout, Track
from ttom_pl.memory import SHIFT, Memory
from ttom_pl.prompts import Prompt
from ttom_pl.rehearsal import AttentionBias, JointTTO, LatentGuidance, LayoutTTO, Method, rehearse
from ttom_pl.scene import Fit
from ttom_pl.stream import Stream


@pytest.fixture
def layout() -> Layout:
    box = (0.1, 0.1, 0.5, 0.5)
    return Layout(
        PROMPT, (Track(0, "a red circle", ("circle",), (box,)), Track(1, "a blue square", ("square",), (box,)))
    )


@pytest.fixture
def latents_of(family: Case, layout: Layout, make_trainer: Callable[..., Trainer]) -> Callable[..., Tensor]:
    """The latents after the guided steps."""

    def run(method: Method) -> Tensor:
        module = LayoutTTO(family.load(), guided_steps=2, iterations=2, stop_loss=0.0, loss_blocks=(1,), method=method)
        return rehearse(make_trainer(), module, module.prepare(layout, 3, family.image)).latents

    return run


def test_latent_guidance(latents_of: Callable[..., Tensor]) -> None:
    plain, guided = latents_of(LatentGuidance(0.0)), latents_of(LatentGuidance(0.2))
    assert guided.isfinite().all()
    assert not torch.equal(plain, guided)


def joint_fit(case: Case, layout: Layout, trainer: Trainer, **changes: Any) -> Fit:
    settings = {"guided_steps": 2, "iterations": 3, "stop_loss": 0.0, "loss_blocks": (1,), "rank": 4, "lr": 1e-2}
    module = LayoutTTO(case.load(**changes), method=JointTTO(0.1), **settings)
    return rehearse(trainer, module, module.prepare(layout, 3, case.image))


def test_joint_rehearsal(family: Case, layout: Layout, make_trainer: Callable[..., Trainer]) -> None:
    """Adapter and latents both change, in every step, and the loss falls."""
    made = joint_fit(family, layout, make_trainer())
    assert all(tensor.any() for name, tensor in made.learnt.items() if "lora_B" in name)
    assert len(made.shifts) == 2
    assert min(made.shift_sizes) > 0.01
    for losses in made.losses:
        assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "placement",
    [Placement(gradient_checkpointing=True), Placement(offload="group"), Placement(release_text_encoder=True)],
    ids=["checkpointing", "group", "text encoder"],
)
def test_joint_rehearsal_wherever_the_model_is(
    family: Case, placement: Placement, layout: Layout, make_trainer: Callable[..., Trainer]
) -> None:
    made, expected = (joint_fit(family, layout, make_trainer(), placement=each) for each in (placement, Placement()))
    for shift, want in zip(made.shifts, expected.shifts, strict=True):
        torch.testing.assert_close(shift, want, rtol=1e-3, atol=1e-5)
    assert made.iterations == pytest.approx(expected.iterations, rel=1e-4)


@pytest.mark.parametrize("changes", [{"dtype": "bfloat16"}, {"quantization": INT8}], ids=["bfloat16", "int8"])
def test_joint_rehearsal_of_weights_of_low_precision(
    family: Case, changes: dict[str, Any], layout: Layout, make_trainer: Callable[..., Trainer]
) -> None:
    """Shifts and adapter are float32; the direction is that of full precision, and the loss falls."""
    if "quantization" in changes:
        pytest.importorskip("torchao")
    made, full = (joint_fit(family, layout, make_trainer(), **each) for each in (changes, {}))
    assert {tensor.dtype for tensor in (*made.learnt.values(), *made.shifts)} == {torch.float32}
    assert made.losses[0][-1] < made.losses[0][0]
    assert torch.cosine_similarity(made.shifts[0].flatten(), full.shifts[0].flatten(), dim=0) > 0.8


def test_shifts_of_every_shape_are_remembered(
    family: Case, layout: Layout, make_trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    """The second prompt starts from what the first has learnt: adapter and shift, in the model's own order of axes."""
    settings = {"guided_steps": 1, "iterations": 3, "stop_loss": 0.0, "loss_blocks": (1,), "rank": 4, "lr": 1e-2}
    module = LayoutTTO(family.load(), method=JointTTO(0.1), **settings)
    prompts = [Prompt(str(number), PROMPT, layout, image=family.image) for number in (1, 2)]
    remembering = memory(min_gain=-9.0, min_merged=1)
    folder = Stream(tmp_path / "run", seed=7).run(make_trainer(remembering), module, prompts)
    first, second = (folder.results().served[str(number)] for number in (1, 2))
    assert [each.memory.read for each in (first, second)] == ["miss", "warm start"]
    with Memory(tmp_path / "run" / "memory", read_only=True) as opened:
        (entry,) = opened
        assert opened.load(entry.id)[SHIFT].shape == (1, *module.backbone.start(0).shape[1:])
    assert second.losses[0][0] < first.losses[0][0]


def test_attention_bias(family: Case, latents_of: Callable[..., Tensor]) -> None:
    """With cross-attention it changes the latents; with joint attention it is refused before anything is computed."""
    cls = KINDS[family.name].backbone
    if not cls.reader.can_bias:
        with pytest.raises(ValueError, match=f"{cls.__name__} has no cross-attention"):
            latents_of(AttentionBias(2.0))
        return
    plain, biased = latents_of(AttentionBias(0.0)), latents_of(AttentionBias(2.0))
    assert biased.isfinite().all()
    assert not torch.equal(plain, biased)


def test_bias_is_on_the_conditional_half_of_a_batch(
    folder_of: Callable[[str], Path], picture: Path, layout: Layout, make_trainer: Callable[..., Trainer]
) -> None:
    """Both passes in one batch give what one after the other do."""
    case = make_case("ltx", folder_of, picture)

    def latents(batched: bool) -> Tensor:
        backbone = case.load(placement=Placement(batched_guidance=batched))
        module = LayoutTTO(backbone, guided_steps=2, loss_blocks=(1,), method=AttentionBias(2.0))
        return rehearse(make_trainer(), module, module.prepare(layout, 3)).latents

    torch.testing.assert_close(latents(True), latents(False), atol=1e-4, rtol=1e-4)
