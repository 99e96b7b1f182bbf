"""What takes the place of the adapter's optimisation in the guided steps."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor

from ttom_pl.backbones import Backbone

if TYPE_CHECKING:
    from ttom_pl.tto import LayoutTTO


class Guidance(ABC):
    """A way to take the guided steps without an adapter: nothing is learnt, and the model keeps its weights."""

    def check(self, backbone: Backbone) -> None:  # noqa: B027
        """Raise ``ValueError`` if the method cannot be used with this model."""

    @abstractmethod
    def step(self, module: "LayoutTTO", index: int) -> Tensor:
        """Return the latents after guided step ``index``, from ``module.latents`` and ``module.rehearsal``.

        What was measured on the way goes into ``module.losses[-1]``, and what was optimised into ``module.updates``.
        """

    def first_maps(self, module: "LayoutTTO") -> Tensor:
        """Return the attention at the first denoising step as the method makes it, shape (loss blocks, M, T, h, w).

        To be called after that step; it is the plain model's unless a method says otherwise.
        """
        return module.first_maps(False)


def decay(index: int, steps: int) -> float:
    """Return a factor that falls linearly from 1 at the first guided step to 1 / ``steps`` at the last."""
    return 1 - index / steps
