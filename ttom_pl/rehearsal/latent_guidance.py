"""Guidance of the latents by the gradient of a layout energy."""

from torch import Tensor

from ttom_pl.io.ranges import check_range
from ttom_pl.rehearsal.methods import Method, decay


class LatentGuidance(Method):
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

    moves = True

    def __init__(self, step_size: float = 0.05) -> None:
        check_range("step_size", step_size, least=0, meaning="0 is the plain model")
        self.step_size = step_size

    def moved(self, latents: Tensor, gradient: Tensor, step: int, guided_steps: int) -> Tensor:
        """Return the latents one update further down the gradient."""
        gradient = gradient.float()
        direction = gradient / gradient.square().mean().sqrt().clamp_min(1e-12)
        size = self.step_size * decay(step, guided_steps)
        return latents - (size * direction).to(latents.dtype)
