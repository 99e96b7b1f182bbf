"""What a rehearsal changes: the adapter, the latents, or nothing but how the model attends."""

from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

from torch import Tensor

from ttom_pl.backbones import Backbone
from ttom_pl.scene import Scene


class Method:
    """What is changed in the guided steps; all methods share the loop, the loss and its settings.

    Attributes:
        adapts: whether the adapter is optimised, by AdamW.
        moves: whether the latents are, by :meth:`moved`, from the same backward pass.
        max_shift: root mean square, at most, of what is added to the latents of a guided step.
    """

    adapts: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    max_shift: float = 0.0

    def check(self, backbone: Backbone) -> None:
        """Raise ``ValueError`` if the method cannot be used with this model."""

    def moved(self, latents: Tensor, gradient: Tensor, step: int, guided_steps: int) -> Tensor:
        """Return the latents after an update; as they were, for a method that does not move them.

        Args:
            latents: float32 of shape (1, C, T, h, w).
            gradient: of the layout loss, likewise.
            step: the guided step, from 0.
            guided_steps: how many there are.
        """
        return latents

    def around(self, backbone: Backbone, scene: Scene, step: int, guided_steps: int) -> AbstractContextManager[None]:
        """Return a context in which the model is called in a guided step."""
        return nullcontext()


class AdapterTTO(Method):
    """Test-time optimisation of the adapter; latents and base weights are not touched (TTOM, Qu et al. 2026)."""

    adapts = True


def decay(step: int, guided_steps: int) -> float:
    """Return a factor that falls linearly from 1 at the first guided step to 1 / ``guided_steps`` at the last."""
    return 1 - step / guided_steps
