"""Joint rehearsal: adapter and latents from one backward pass, and the shifts that are remembered."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from ttom_pl.backbones import WanBackbone
from ttom_pl.layout import Layout
from ttom_pl.rehearsal import AdapterTTO, JointTTO, LatentGuidance, LayoutTTO, Method, rehearse
from ttom_pl.scene import Fit, Scene, Start

MakeBackbone = Callable[..., WanBackbone]
FitScene = Callable[..., tuple[Scene, Fit]]


def make_module(backbone: WanBackbone, method: Method, **changes: Any) -> LayoutTTO:
    settings = {"guided_steps": 2, "iterations": 4, "stop_loss": 0.0, "loss_blocks": (1,), "rank": 4, "lr": 1e-2}
    return LayoutTTO(backbone, method=method, **(settings | changes))


@pytest.fixture
def fit(make_trainer: Callable[..., Trainer], layout: Layout) -> FitScene:
    """Rehearse the layout."""

    def run(module: LayoutTTO, start: Start = Start()) -> tuple[Scene, Fit]:  # noqa: B008
        scene = module.prepare(layout, 3)
        return scene, rehearse(make_trainer(), module, scene, start)

    return run


def test_without_steps_of_the_latents_it_is_the_adapters(make_backbone: MakeBackbone, fit: FitScene) -> None:
    (_, joint), (_, adapter) = (fit(make_module(make_backbone(), each)) for each in (JointTTO(0.0), AdapterTTO()))
    assert torch.equal(joint.latents, adapter.latents)
    assert joint.losses == adapter.losses
    assert all(torch.equal(value, adapter.learnt[name]) for name, value in joint.learnt.items())
    assert joint.shift_sizes == (0.0, 0.0)
    assert adapter.shifts == ()


def test_without_a_learning_rate_it_is_the_latents(make_backbone: MakeBackbone, fit: FitScene) -> None:
    _, joint = fit(make_module(make_backbone(), JointTTO(0.1), lr=0.0))
    _, latents = fit(make_module(make_backbone(), LatentGuidance(0.1)))
    torch.testing.assert_close(joint.latents, latents.latents, rtol=1e-4, atol=1e-5)
    assert joint.iterations == pytest.approx(latents.iterations, rel=1e-4)


def test_both_are_changed_by_one_backward_pass(
    make_backbone: MakeBackbone, fit: FitScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first update of each is what it is alone, as a neutral adapter changes no gradient of the latents."""
    passes: list[Tensor] = []
    backward = Tensor.backward
    monkeypatch.setattr(Tensor, "backward", lambda loss, *a, **k: (passes.append(loss), backward(loss, *a, **k))[1])
    once = {"guided_steps": 1, "iterations": 1}
    _, joint = fit(make_module(make_backbone(), JointTTO(0.1), **once))
    assert len(passes) == 1
    _, latents = fit(make_module(make_backbone(), LatentGuidance(0.1), **once))
    _, adapter = fit(make_module(make_backbone(), AdapterTTO(), **once))
    torch.testing.assert_close(joint.first_latents, latents.first_latents)
    for name, value in joint.learnt.items():
        torch.testing.assert_close(value, adapter.learnt[name])


def test_both_together_lower_the_loss_more_than_either(make_backbone: MakeBackbone, fit: FitScene) -> None:
    losses = [
        fit(make_module(make_backbone(), method, guided_steps=1, iterations=8))[1].iterations[-1]
        for method in (JointTTO(0.05), LatentGuidance(0.05), AdapterTTO())
    ]
    assert losses[0] < min(losses[1:])


def test_shifts_are_what_was_added_before_each_guided_step(make_backbone: MakeBackbone, fit: FitScene) -> None:
    module = make_module(make_backbone(), JointTTO(0.1))
    stepped: list[tuple[Tensor, Tensor]] = []
    step = module.backbone.step

    def watch(latents: Tensor, *rest: Any) -> Tensor:
        stepped.append((latents, after := step(latents, *rest)))
        return after

    module.backbone.step = watch  # type: ignore[method-assign]
    scene, made = fit(module)
    before = [scene.noise, stepped[0][1]]
    for at, (latents, _), shift in zip(before, stepped, made.shifts, strict=True):
        torch.testing.assert_close(latents, at + shift)
    assert made.shift_sizes[0] > made.shift_sizes[1] > 0


def test_a_start_from_shifts_adds_them_and_what_follows(make_backbone: MakeBackbone, fit: FitScene) -> None:
    """Without iterations they are all there is; with them what is learnt includes what was loaded."""
    module = make_module(make_backbone(), JointTTO(0.1))
    scene, cold = fit(module)
    _, replayed = fit(module, Start(shifts=cold.shifts, iterations=0))
    assert torch.equal(replayed.first_latents, scene.noise + cold.shifts[0])
    assert replayed.updates == 0
    for shift, known in zip(replayed.shifts, cold.shifts, strict=True):
        torch.testing.assert_close(shift, known, atol=1e-6, rtol=0)
    _, warm = fit(module, Start(cold.learnt, shifts=cold.shifts[:1], iterations=1))
    assert warm.iterations[0] < cold.iterations[0]
    assert (warm.shifts[0] - cold.shifts[0]).square().mean().sqrt() == pytest.approx(0.1, rel=1e-3)


def test_a_hit_is_verified_with_its_shift(make_backbone: MakeBackbone, fit: FitScene) -> None:
    module = make_module(make_backbone(), JointTTO(0.1))
    _, cold = fit(module)
    _, warm = fit(module, Start(cold.learnt, shifts=cold.shifts))
    _, verified = fit(module, Start(cold.learnt, None, 1.0, cold.shifts))
    assert verified.loaded_loss == pytest.approx(warm.losses[0][0], rel=1e-6)
    assert (verified.verified, verified.updates) == (True, 0)


def test_latents_of_low_precision_are_moved_in_full_precision(make_backbone: MakeBackbone, fit: FitScene) -> None:
    """Ten updates of 1/2000 are lost in bfloat16 one by one, whose numbers near 1 lie 1/128 apart."""
    module = make_module(make_backbone(), JointTTO(5e-4), guided_steps=1, iterations=10)
    start = module.backbone.start
    module.backbone.start = lambda *seed: start(*seed).bfloat16()  # type: ignore[method-assign]
    object_attention, step = module.backbone.object_attention, module.backbone.step
    seen: list[torch.dtype] = []

    def attend(latents: Tensor, *rest: Any) -> Tensor:
        seen.append(latents.dtype)
        return object_attention(latents.float(), *rest)

    module.backbone.object_attention = attend  # type: ignore[method-assign]
    module.backbone.step = lambda latents, *rest: step(latents.float(), *rest)  # type: ignore[method-assign]
    _, made = fit(module)
    assert set(seen) == {torch.bfloat16}
    assert made.first_latents.dtype == torch.bfloat16
    assert made.shifts[0].dtype == torch.float32
    assert made.shift_sizes[0] > 2e-3


def test_latents_stay_distributed_as_noise(make_backbone: MakeBackbone, fit: FitScene) -> None:
    """A shift adds its own square to the variance, less than a tenth here; the mean hardly moves."""
    scene, made = fit(make_module(make_backbone(), JointTTO(0.05), guided_steps=1, iterations=8))
    assert made.shift_sizes[0] <= 8 * 0.05
    assert made.first_latents.std() == pytest.approx(float(scene.noise.std()), rel=0.1)
    assert made.first_latents.mean() == pytest.approx(float(scene.noise.mean()), abs=0.05)


def test_shifts_are_bounded_however_they_came_about(make_backbone: MakeBackbone, fit: FitScene) -> None:
    """By many updates, by what was loaded, and by both."""
    module = make_module(make_backbone(), JointTTO(0.1, max_shift=0.15), iterations=4)
    scene, cold = fit(module)
    assert cold.updates == 8
    assert cold.shift_sizes == pytest.approx((0.15, 0.15), rel=1e-3)
    _, loaded = fit(module, Start(shifts=tuple(4 * shift for shift in cold.shifts), iterations=0))
    assert loaded.shift_sizes == pytest.approx((0.15, 0.15), rel=1e-3)
    torch.testing.assert_close(loaded.first_latents, scene.noise + cold.shifts[0])
    _, warm = fit(module, Start(shifts=cold.shifts))
    assert max(warm.shift_sizes) < 0.151


@pytest.mark.parametrize("method", [LatentGuidance, JointTTO])
@pytest.mark.parametrize("name", ["step_size", "max_shift"])
def test_negative_sizes_are_refused(method: type[LatentGuidance], name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is -1"):
        method(**{name: -1.0})


@pytest.mark.parametrize(
    "method", [AdapterTTO(), JointTTO(0.1), LatentGuidance(0.1)], ids=["adapter", "joint", "latents"]
)
def test_the_content_is_what_the_plain_model_sees_when_it_takes_over(
    make_backbone: MakeBackbone, fit: FitScene, method: Method
) -> None:
    """With an adapter off that has learnt something; after the last step that can be guided, that step's."""
    module = make_module(make_backbone(), method, lr=0.1)
    scene, made = fit(module)
    plain = make_backbone()
    for steps in (2, plain.max_guided_steps):
        taken = replace(made, losses=made.losses[:1] * steps)
        at = min(steps, plain.max_guided_steps - 1)
        expected = plain.object_attention(made.latents, at, scene.conditioning, scene.objects, (1,)).mean(0)
        assert torch.equal(module.content_attention(scene, taken), expected)
    assert not torch.allclose(module.content_attention(scene, made), module.first_attention(scene, made), atol=1e-3)
