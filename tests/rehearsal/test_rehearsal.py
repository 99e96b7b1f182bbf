"""Test-time optimisation of one prompt."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from ttom_pl.backbones import WanBackbone
from ttom_pl.layout import Layout
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.rehearsal import rehearse as rehearse_scene
from ttom_pl.scene import Start

MakeBackbone = Callable[..., WanBackbone]
MakeTrainer = Callable[..., Trainer]
Rehearse = Callable[..., Tensor]


class Record(Callback):
    """The latents after each iteration of each guided step."""

    def __init__(self) -> None:
        self.latents: list[list[Tensor]] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LayoutTTO) -> None:
        self.latents.append([])

    def on_train_batch_end(self, trainer: Trainer, pl_module: LayoutTTO, *_: Any) -> None:
        self.latents[-1].append(pl_module.latents.clone())


@pytest.fixture
def rehearse(make_trainer: MakeTrainer, layout: Layout) -> Rehearse:
    """Fit a module to the layout and return the video."""

    def run(module: LayoutTTO, *callbacks: Callback, seed: int = 3) -> Tensor:
        scene = module.prepare(layout, seed)
        return module.backbone.decode(module.denoise(scene, rehearse_scene(make_trainer(*callbacks), module, scene)))

    return run


def make_module(backbone: WanBackbone, **changes: Any) -> LayoutTTO:
    settings = {"guided_steps": 2, "iterations": 4, "stop_loss": 0.0, "loss_blocks": (1,), "rank": 4, "lr": 1e-2}
    return LayoutTTO(backbone, **(settings | changes))


def weights(backbone: WanBackbone) -> dict[str, Tensor]:
    """A copy of all weights that are not the adapter's, under the names they have without it."""
    parts = {"transformer": backbone.pipe.transformer, "vae": backbone.pipe.vae, "text": backbone.pipe.text_encoder}
    return {
        f"{part}.{name.replace('.base_layer', '')}": value.clone()
        for part, module in parts.items()
        for name, value in module.state_dict().items()
        if "lora_" not in name
    }


def test_an_epoch_is_a_guided_step_and_a_batch_an_iteration(backbone: WanBackbone, rehearse: Rehearse) -> None:
    module, record = make_module(backbone, guided_steps=3, iterations=5), Record()
    rehearse(module, record)
    assert [len(step) for step in module.losses] == [5, 5, 5]
    assert [len(step) for step in record.latents] == [5, 5, 5]
    assert module.updates == 15


def test_loss_falls(backbone: WanBackbone, rehearse: Rehearse) -> None:
    module = make_module(backbone, guided_steps=1, iterations=30, lr=0.03)
    rehearse(module)
    (losses,) = module.losses
    assert losses[-1] < 0.9 * losses[0]


def test_base_weights_stay_bit_for_bit(backbone: WanBackbone, rehearse: Rehearse) -> None:
    before = weights(backbone)
    module = make_module(backbone)
    rehearse(module)
    after = weights(backbone)
    assert module.updates == 8
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_latents_stay_until_the_sampler_steps(backbone: WanBackbone, rehearse: Rehearse) -> None:
    """Within a guided step the latents keep their bits, from the initial noise on."""
    module, record = make_module(backbone), Record()
    rehearse(module, record, seed=3)
    first, second = record.latents
    noise = torch.randn(1, 4, *backbone.grid, generator=torch.Generator().manual_seed(3))
    assert torch.equal(module.scene.noise, noise)
    assert all(torch.equal(each, module.scene.noise) for each in first)
    assert all(torch.equal(each, second[0]) for each in second)
    assert not torch.equal(first[0], second[0])
    assert not second[0].requires_grad


def test_adapter_is_on_in_the_guided_steps_and_off_in_the_others(
    make_backbone: MakeBackbone, make_trainer: MakeTrainer, layout: Layout
) -> None:
    """The latents are those of the same steps taken by hand with the same adapter."""
    module = make_module(make_backbone(), guided_steps=2)
    assert module.adapter is not None
    state = {k: torch.full_like(v, 0.3) for k, v in module.adapter.state_dict().items()}
    scene = module.prepare(layout, 3)
    latents = module.denoise(scene, rehearse_scene(make_trainer(), module, scene, Start(state, iterations=0)))

    backbone = make_backbone()
    adapter = backbone.add_adapter(4, None, (1,))
    adapter.load_state_dict(state)
    conditioning, expected = backbone.encode(layout.prompt), backbone.start(3)
    for step in range(4):
        if step < 2:
            with adapter.enabled():
                expected = backbone.step(expected, step, conditioning)
        else:
            expected = backbone.step(expected, step, conditioning)
    assert torch.equal(latents, expected)


def test_without_optimisation_the_adapter_is_used_as_it_is(
    backbone: WanBackbone, make_trainer: MakeTrainer, layout: Layout
) -> None:
    module = make_module(backbone)
    assert module.adapter is not None
    module.adapter.reset(7)
    state = module.adapter.state_dict()
    fit = rehearse_scene(make_trainer(), module, module.prepare(layout, 3), Start(state, iterations=0))
    assert (fit.losses, fit.updates) == (((), ()), 0)
    assert all(torch.equal(value, state[name]) for name, value in fit.learnt.items())


def test_a_start_that_is_good_enough_is_verified_and_not_optimised(
    make_backbone: MakeBackbone, make_trainer: MakeTrainer, layout: Layout
) -> None:
    """The loss with what was loaded is measured once, at the first step."""
    module = make_module(make_backbone())
    scene = module.prepare(layout, 3)
    learnt = rehearse_scene(make_trainer(), module, scene).learnt
    first = rehearse_scene(make_trainer(), module, scene, Start(learnt)).losses[0][0]
    low, high = (rehearse_scene(make_trainer(), module, scene, Start(learnt, None, x)) for x in (first / 2, first * 2))
    assert low.loaded_loss == high.loaded_loss == pytest.approx(first, rel=1e-6)
    assert (low.verified, low.updates) == (False, 8)
    assert (high.verified, high.updates) == (True, 0)


def test_an_adapter_that_does_not_fit_is_refused(backbone: WanBackbone, layout: Layout) -> None:
    module = make_module(backbone)
    with pytest.raises(ValueError, match="the adapter does not fit this model"):
        module.begin(module.prepare(layout, 3), Start({"a": torch.ones(1)}))


def test_what_is_learnt_is_the_mean_of_the_guided_steps_adapters(
    make_backbone: MakeBackbone, make_trainer: MakeTrainer, layout: Layout
) -> None:
    module = make_module(make_backbone(), guided_steps=3)
    states: list[dict[str, Tensor]] = []

    class Watch(Callback):
        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            assert module.adapter is not None
            states.append(module.adapter.state_dict())

    fit = rehearse_scene(make_trainer(Watch()), module, module.prepare(layout, 3))
    assert len(states) == 3
    assert not torch.equal(next(iter(states[0].values())), next(iter(states[2].values())))
    assert fit.learnt.keys() == states[0].keys()
    for name, learnt in fit.learnt.items():
        assert torch.allclose(learnt, torch.stack([state[name] for state in states]).mean(0), atol=1e-7)


def test_budget_bounds_the_iterations_of_each_guided_step(
    make_backbone: MakeBackbone, make_trainer: MakeTrainer, layout: Layout
) -> None:
    module = make_module(make_backbone(), iterations=4, stop_loss=0.0)
    for most, taken in ((1, 1), (9, 4), (None, 4)):
        fit = rehearse_scene(make_trainer(), module, module.prepare(layout, 3), Start(iterations=most))
        assert [len(step) for step in fit.losses] == [taken, taken]


def test_converged_step_ends_early(make_backbone: MakeBackbone, rehearse: Rehearse) -> None:
    """The first loss under ``stop_loss`` is recorded, and no update follows it in its step."""
    module = make_module(make_backbone(), guided_steps=1, iterations=30)
    rehearse(module)
    losses = module.losses[0]
    stop = (losses[9] + losses[10]) / 2

    stopping = make_module(make_backbone(), guided_steps=1, iterations=30, stop_loss=stop)
    rehearse(stopping)
    assert stopping.losses == [losses[:11]]
    assert stopping.updates == 10


def test_converged_from_the_start_is_never_updated(
    backbone: WanBackbone, rehearse: Rehearse, make_backbone: MakeBackbone
) -> None:
    """One look a step; the adapter stays neutral, and the video is the plain model's."""
    module = make_module(backbone, stop_loss=1.0)
    video = rehearse(module)
    assert [len(step) for step in module.losses] == [1, 1]
    assert module.updates == 0
    assert torch.equal(video, rehearse(make_module(make_backbone(), guided_steps=0)))


def test_no_guided_steps_is_the_plain_model(make_backbone: MakeBackbone, rehearse: Rehearse, layout: Layout) -> None:
    """The pipeline's own video, and a transformer without LoRA layers."""
    module = make_module(make_backbone(), guided_steps=0)
    video = rehearse(module, seed=3)
    pipe = make_backbone().pipe
    expected = pipe(
        layout.prompt,
        height=32,
        width=32,
        num_frames=9,
        num_inference_steps=4,
        guidance_scale=4.0,
        max_sequence_length=24,
        generator=torch.Generator().manual_seed(3),
        output_type="pt",
    ).frames[0]
    assert torch.equal(video, expected)
    assert module.adapter is None
    assert module.losses == []
    assert not any("lora" in name for name, _ in module.backbone.pipe.transformer.named_modules())


def test_same_seed_same_video(make_backbone: MakeBackbone, rehearse: Rehearse) -> None:
    """In one module again, with another prompt's noise in between, and in a module made anew."""
    module = make_module(make_backbone())
    video, losses = rehearse(module, seed=3), module.losses
    other = rehearse(module, seed=4)
    assert not torch.equal(other, video)
    torch.manual_seed(77)
    assert torch.equal(rehearse(module, seed=3), video)
    assert module.losses == losses
    twin = make_module(make_backbone())
    assert torch.equal(rehearse(twin, seed=3), video)
    assert twin.losses == losses


def test_optimisation_changes_the_video(make_backbone: MakeBackbone, rehearse: Rehearse) -> None:
    plain = rehearse(make_module(make_backbone(), guided_steps=0))
    assert (rehearse(make_module(make_backbone(), lr=0.1)) - plain).abs().max() > 0.01


def test_all_steps_may_be_guided(backbone: WanBackbone, rehearse: Rehearse) -> None:
    module = make_module(backbone, guided_steps=4, iterations=1)
    assert rehearse(module).isfinite().all()
    assert len(module.losses) == 4


def test_several_loss_blocks_are_averaged(make_backbone: MakeBackbone, layout: Layout) -> None:
    values = []
    for blocks in ((0,), (2,), (0, 2)):
        module = make_module(make_backbone(), loss_blocks=blocks)
        module.begin(module.prepare(layout, 3))
        values.append(module.layout_loss(0).item())
    assert values[2] == pytest.approx((values[0] + values[1]) / 2, rel=1e-5)
    assert values[0] != values[1]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"guided_steps": 5}, "guided_steps is 5; it must be from 0 to the 4 denoising steps"),
        ({"guided_steps": -1}, "guided_steps is -1"),
        ({"iterations": 0}, "iterations is 0; it must be at least 1"),
        ({"loss_blocks": ()}, r"loss_blocks is \[\]; this model has blocks 0 to 2"),
        ({"loss_blocks": (3,)}, r"loss_blocks is \[3\]"),
        ({"loss_blocks": (0, -1)}, r"loss_blocks is \[0, -1\]"),
    ],
)
def test_arguments_out_of_range(backbone: WanBackbone, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_module(backbone, **setting)
