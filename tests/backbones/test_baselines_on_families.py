"""Baselines on each family of backbones: they work, or say why not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from kinds import KINDS, PROMPT, Case, make_case
from lightning.pytorch import Trainer
from torch import Tensor

from ttom_pl.backbones import Placement
from ttom_pl.layout import Layout, Track
from ttom_pl.rehearsal import AttentionBias, LatentGuidance, LayoutTTO, Method, rehearse


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
