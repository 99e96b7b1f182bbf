"""What moves the latents down the gradient of the layout loss: alone, or together with the adapter."""

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
        max_shift: root mean square, at most, of all that is added to the latents of a guided step, what a memory gave
            included, so that they stay distributed as the sampler expects: in the first step their variance grows by
            its square at most.

    Raises:
        ValueError: if one of them is negative.
    """

    moves = True

    def __init__(self, step_size: float = 0.05, max_shift: float = 0.5) -> None:
        check_range("step_size", step_size, least=0, meaning="0 leaves the latents alone")
        check_range("max_shift", max_shift, least=0, meaning="0 leaves the latents alone")
        self.step_size = step_size
        self.max_shift = max_shift

    def moved(self, latents: Tensor, gradient: Tensor, step: int, guided_steps: int) -> Tensor:
        """Return the latents one update further down the gradient."""
        direction = gradient / gradient.square().mean().sqrt().clamp_min(1e-12)
        return latents - self.step_size * decay(step, guided_steps) * direction


class JointTTO(LatentGuidance):
    """Optimise the adapter and move the latents, both from the gradient of one forward pass with the adapter on.

    An adapter alone satisfies the attention without moving the content, which stands where the noise wants it and
    comes back once the adapter is off; latents alone need many iterations. Together each does what the other cannot.

    Args:
        step_size: root mean square of an update of the latents in the first guided step, where the noise has 1.
        max_shift: root mean square, at most, of all that is added to the latents of a guided step.

    Raises:
        ValueError: if one of them is negative.
    """

    adapts = True
