"""Guidance of the latents by the gradient of a layout energy."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ttom_pl.baselines.base import Guidance, decay
from ttom_pl.ranges import check_range

if TYPE_CHECKING:
    from ttom_pl.tto import LayoutTTO


class LatentGuidance(Guidance):
    """Move the latents down the gradient of the layout loss before each guided step (LVD, Lian et al. 2023).

    z ← z − s · d(i) · g / rms(g), with g the gradient of the layout loss with respect to the latents z and d the
    linear decay over the guided steps. The module's ``iterations``, ``stop_loss`` and ``loss_blocks`` are those of TTO.

    Two choices differ from LVD: the energy is TTOM's layout loss on the same attention maps, rather than top-k
    attention inside and outside the boxes, so that only what is optimised differs from TTO; and the gradient is
    normalised, so that ``step_size`` means the same to models of any size.

    Args:
        step_size: root mean square of an update of the latents in the first guided step, where the noise has 1.

    Raises:
        ValueError: if ``step_size`` is negative.
    """

    def __init__(self, step_size: float = 0.05) -> None:
        check_range("step_size", step_size, least=0, meaning="0 is the plain model")
        self.step_size = step_size

    def step(self, module: "LayoutTTO", index: int) -> Tensor:
        """Optimise the latents until the loss is under ``stop_loss`` or the iterations are spent, then step."""
        size = self.step_size * decay(index, module.guided_steps)
        latents = module.latents
        for _ in range(module.budget):
            with torch.enable_grad():
                leaf = latents.detach().requires_grad_()
                loss = module.layout_loss(index, leaf)
                (gradient,) = torch.autograd.grad(loss, leaf)
            module.losses[-1].append(loss.item())
            if module.converged:
                break
            gradient = gradient.float()
            direction = gradient / gradient.square().mean().sqrt().clamp_min(1e-12)
            latents = latents - (size * direction).to(latents.dtype)
            module.updates += 1
        if index == 0:
            self._first = latents
        return module.backbone.step(latents, index, module.rehearsal.conditioning)

    def first_maps(self, module: "LayoutTTO") -> Tensor:
        """Return the attention at the latents that the first guided step started from, once moved."""
        given = module.rehearsal
        return module.backbone.object_attention(self._first, 0, given.conditioning, given.objects, module.loss_blocks)
