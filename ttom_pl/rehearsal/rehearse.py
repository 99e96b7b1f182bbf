"""The rehearsal of a prompt on the one trainer of a stream."""

from lightning.pytorch import Trainer

from ttom_pl.rehearsal.module import LayoutTTO
from ttom_pl.scene import Fit, Scene, Start


def rehearse(trainer: Trainer, module: LayoutTTO, scene: Scene, start: Start = Start()) -> Fit:  # noqa: B008
    """Rehearse a scene: a Lightning fit with an epoch for each guided step.

    Args:
        trainer: makes the fit; its callbacks follow it.
        module: what is optimised, and how.
        scene: the prompt.
        start: what to start from.
    """
    module.backbone.start(scene.seed, scene.rewound())  # the sampler may have been at another scene meanwhile
    module.begin(scene, start)
    if module.guided_steps:
        trainer.fit_loop.max_epochs = trainer.current_epoch + module.guided_steps
        trainer.fit(module)
    return module.fit_so_far
