"""Baselines: guidance of the latents and of the attention, without an adapter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from ttom_pl.backbones import WanBackbone
from ttom_pl.layout import Layout, Track, inside_maps
from ttom_pl.layout.loss import layout_loss
from ttom_pl.rehearsal import AttentionBias, LatentGuidance, LayoutTTO, Method, rehearse
from ttom_pl.rehearsal.attention_bias import box_bias
from ttom_pl.scene import Fit, Scene

MakeBackbone = Callable[..., WanBackbone]
FitScene = Callable[[LayoutTTO], tuple[Scene, Fit]]
Serve = Callable[[LayoutTTO], Tensor]


def make_module(backbone: WanBackbone, method: Method | None, **changes: Any) -> LayoutTTO:
    settings = {"guided_steps": 2, "iterations": 4, "stop_loss": 0.0, "loss_blocks": (1,)}
    return LayoutTTO(backbone, method=method, **(settings | changes))


@pytest.fixture
def fit(make_trainer: Callable[..., Trainer], layout: Layout) -> FitScene:
    """Rehearse the layout."""

    def run(module: LayoutTTO) -> tuple[Scene, Fit]:
        scene = module.prepare(layout, 3)
        return scene, rehearse(make_trainer(), module, scene)

    return run


@pytest.fixture
def serve(fit: FitScene) -> Serve:
    """Rehearse the layout and return the video."""
    return lambda module: module.backbone.decode(module.denoise(*fit(module)))


def weights(backbone: WanBackbone) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in backbone.pipe.transformer.state_dict().items()}


@pytest.fixture
def plain(make_backbone: MakeBackbone, serve: Serve) -> Tensor:
    return serve(make_module(make_backbone(), None, guided_steps=0))


@pytest.mark.parametrize("method", [LatentGuidance(0.0), AttentionBias(0.0)], ids=["latents", "bias"])
def test_without_strength_it_is_the_plain_model(
    backbone: WanBackbone, serve: Serve, plain: Tensor, method: Method
) -> None:
    assert torch.equal(serve(make_module(backbone, method)), plain)


@pytest.mark.parametrize("method", [LatentGuidance(0.2), AttentionBias(3.0)], ids=["latents", "bias"])
def test_the_video_changes_and_the_weights_do_not(
    backbone: WanBackbone, serve: Serve, plain: Tensor, method: Method
) -> None:
    """No adapter is inserted, and no hook is left behind."""
    before = weights(backbone)
    module = make_module(backbone, method)
    video = serve(module)
    after = weights(backbone)
    assert not torch.equal(video, plain)
    assert module.adapter is None
    assert not module.adapter_parameters
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in backbone.pipe.transformer.parameters())
    assert torch.equal(serve(make_module(backbone, None, guided_steps=0)), plain)


def test_latents_follow_the_layout(backbone: WanBackbone, fit: FitScene) -> None:
    """The loss falls, and updates have the size that is asked for, decaying over the guided steps."""
    module = make_module(backbone, LatentGuidance(0.1), iterations=12)
    stepped: list[Tensor] = []
    step = backbone.step

    def watch(latents: Tensor, *rest: Any) -> Tensor:
        stepped.append(latents)
        return step(latents, *rest)

    backbone.step = watch  # type: ignore[method-assign]
    scene, made = fit(module)
    first, second = made.losses
    assert first[-1] < first[0]
    assert len(first) == len(second) == 12
    assert made.updates == 24
    assert torch.equal(stepped[0], made.first_latents)
    assert not torch.equal(stepped[0], scene.noise)
    assert not stepped[0].requires_grad


def test_update_has_the_size_of_the_step(backbone: WanBackbone, fit: FitScene) -> None:
    module = make_module(backbone, LatentGuidance(0.1), iterations=1, guided_steps=4)
    seen: list[Tensor] = []

    def stay(latents: Tensor, *_: object) -> Tensor:
        seen.append(latents)
        return latents

    backbone.step = stay  # type: ignore[method-assign]
    scene, _ = fit(module)
    moved = [b - a for a, b in zip([scene.noise, *seen], seen, strict=False)]
    sizes = [each.square().mean().sqrt().item() for each in moved]
    assert sizes == pytest.approx([0.1, 0.075, 0.05, 0.025], rel=1e-3)


def test_latent_guidance_ends_when_the_loss_is_low(backbone: WanBackbone, serve: Serve, plain: Tensor) -> None:
    module = make_module(backbone, LatentGuidance(0.1), stop_loss=1.0)
    assert torch.equal(serve(module), plain)
    assert module.updates == 0
    assert [len(step) for step in module.losses] == [1, 1]


def record_cross_attention(monkeypatch: pytest.MonkeyPatch, num_tokens: int) -> list[Tensor]:
    """Collect the softmax of every cross-attention, from what torch's own attention is called with."""
    seen: list[Tensor] = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def spy(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **rest: Any) -> Tensor:
        if key.shape[-2] == num_tokens:
            logits = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            seen.append((logits if attn_mask is None else logits + attn_mask).softmax(-1).mean(1)[0])
        return attend(query, key, value, attn_mask=attn_mask, **rest)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", spy)
    return seen


def test_bias_raises_attention_inside_the_boxes(
    backbone: WanBackbone, layout: Layout, make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In all blocks of the conditional pass, and in no block of the other; outside the boxes it falls."""
    module = make_module(backbone, AttentionBias(2.0), guided_steps=1)
    given = module.prepare(layout, 3)
    seen = record_cross_attention(monkeypatch, 24)
    backbone.step(given.noise, 0, given.conditioning)
    backbone.start(3)
    rehearse(make_trainer(), module, given)
    blocks = backbone.num_blocks
    assert len(seen) == 4 * blocks
    before, unconditional, after, unconditional_after = (seen[i * blocks : (i + 1) * blocks] for i in range(4))
    inside = inside_maps(layout, backbone.grid).flatten(1)
    for plain_map, biased_map in zip(before, after, strict=True):
        for (token,), mask in zip(given.objects, inside, strict=True):
            assert biased_map[mask, token].mean() > 2 * plain_map[mask, token].mean()
            assert biased_map[~mask, token].mean() < 0.5 * plain_map[~mask, token].mean()
    assert all(torch.equal(a, b) for a, b in zip(unconditional, unconditional_after, strict=True))


def test_first_maps_are_those_of_the_biased_pass(
    backbone: WanBackbone, layout: Layout, make_trainer: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the last block that is read, whose attention itself is never called; nothing stays behind."""
    module = make_module(backbone, AttentionBias(2.0), guided_steps=1)
    scene = module.prepare(layout, 3)
    seen = record_cross_attention(monkeypatch, 24)
    made = rehearse(make_trainer(), module, scene)
    columns = [positions[0] for positions in scene.objects]
    expected = seen[1][:, columns].T.unflatten(-1, backbone.grid)
    without = module.first_maps(scene)
    torch.testing.assert_close(module.first_maps(scene, made)[0], expected)
    assert torch.equal(module.first_maps(scene), without)
    assert not torch.allclose(module.first_maps(scene, made), without)


def test_first_maps_under_guidance_of_the_latents_follow_the_layout(backbone: WanBackbone, fit: FitScene) -> None:
    module = make_module(backbone, LatentGuidance(0.1), iterations=12, guided_steps=1)
    scene, made = fit(module)
    before, after = (layout_loss(module.first_maps(scene, each), scene.targets).item() for each in (None, made))
    assert before == pytest.approx(made.losses[0][0], abs=1e-6)
    assert after < made.losses[0][-1]


def test_box_bias() -> None:
    """Signs by hand: two cells a row; the object is absent in the last frame; a shared token has the mean."""
    left, right = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)
    tracks = (Track(0, "a cat", ("cat",), (left, None)), Track(1, "a dog", ("dog",), (right, right)))
    bias = box_bias(Layout("a cat and a dog", tracks), [[1, 2], [4, 2]], (2, 1, 2), 6)
    expected = torch.zeros(4, 6)
    expected[:, 1] = torch.tensor([1.0, -1.0, 0.0, 0.0])
    expected[:, 4] = torch.tensor([-1.0, 1.0, -1.0, 1.0])
    expected[:, 2] = (expected[:, 1] + expected[:, 4]) / 2
    assert torch.equal(bias, expected)


def test_boxes_smaller_than_a_cell_are_not_lost() -> None:
    tracks = (Track(0, "a cat", ("cat",), ((0.24, 0.24, 0.26, 0.26),)),)
    assert inside_maps(Layout("a cat", tracks), (1, 4, 4)).sum() >= 1


@pytest.mark.parametrize(("make", "name"), [(LatentGuidance, "step_size"), (AttentionBias, "strength")])
def test_negative_strength_is_refused(make: Callable[[float], Method], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is -1"):
        make(-1)
