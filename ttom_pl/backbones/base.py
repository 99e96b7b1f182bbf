"""What the rest of the project asks of a frozen text-to-video model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import torch
from PIL import Image
from torch import Tensor

from ttom_pl.backbones.lora import Adapter
from ttom_pl.scene import Conditioning

Picture = Path | Image.Image | Tensor
"""An image that a video starts from: a file, or what diffusers' pipelines take."""

StepEnd = Callable[[int, Tensor, Conditioning], tuple[Tensor, Conditioning]]
"""Told at the end of a denoising step its index, latents and conditioning; returns those to go on with."""


class Backbone(ABC):
    """A frozen text-to-video model that serves one prompt at a time.

    The order of calls for a prompt is :meth:`encode` and :meth:`start`, then for each denoising step any number of
    :meth:`object_attention` and one :meth:`step`, and at last :meth:`decode`. The sampler's state lives in the
    backbone between :meth:`start` and the last step.

    Attributes:
        on_step_end: called at the end of each denoising step, if there is anything.
    """

    on_step_end: StepEnd | None = None

    @property
    def adapter(self) -> Adapter | None:
        """The adapter, once there is one."""
        return None

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Text that tells this model's weights from any other's; adapters are of use to this model alone."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What an adapter tells other tools of its model: the fields of :class:`~ttom_pl.memory.Origin`, or nothing."""
        return {}

    @property
    @abstractmethod
    def grid(self) -> tuple[int, int, int]:
        """Frames, rows and columns (T, h, w) of the attention grid."""

    @property
    @abstractmethod
    def num_blocks(self) -> int:
        """Transformer blocks."""

    @property
    @abstractmethod
    def num_steps(self) -> int:
        """Denoising steps of a video."""

    @property
    def max_guided_steps(self) -> int:
        """Denoising steps, from the first on, that the adapted transformer takes."""
        return self.num_steps

    @property
    def interrupted(self) -> bool:
        """Whether :attr:`on_step_end` has asked for no further step of this video."""
        return False

    @property
    @abstractmethod
    def fps(self) -> int:
        """Frames per second of a video."""

    @abstractmethod
    def to(self, device: torch.device) -> None:
        """Move the model to a device."""

    @abstractmethod
    def add_adapter(self, rank: int, alpha: float | None, loss_blocks: Sequence[int]) -> Adapter:
        """Insert LoRA parameters wherever a loss on the attention of ``loss_blocks`` has a gradient."""

    @abstractmethod
    def token_positions(self, prompt: str, words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[int]:
        """Return the token positions of an object's words; ``ValueError`` for a word that cannot be found."""

    def check_image(self, image: Picture | None) -> None:
        """Raise ``ValueError`` if the model cannot start from this image, or cannot do without one."""
        if image is not None:
            shown = str(image) if isinstance(image, Path) else type(image).__name__
            raise ValueError(
                f"this model makes videos from text alone, and the prompt brings the image {shown!r}; "
                "leave the image out, or use an image-to-video backbone such as WanImageBackbone"
            )

    @abstractmethod
    def encode(self, prompt: str, image: Picture | None = None) -> Conditioning:
        """Encode a prompt, and the image that the video starts from where the model wants one."""

    @abstractmethod
    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors of texts by the model's own text encoder, float32 on the CPU, shape (N, D)."""

    @abstractmethod
    def start(self, seed: int, generator: torch.Generator | None = None) -> Tensor:
        """Reset the sampler and return the initial noise.

        Args:
            seed: seed of the noise, and of a scheduler that draws more of it.
            generator: what to draw from instead, as the pipeline does when it is called with a generator.
        """

    @abstractmethod
    def object_attention(
        self,
        latents: Tensor,
        index: int,
        conditioning: Conditioning,
        objects: Sequence[Sequence[int]],
        blocks: Sequence[int],
    ) -> Tensor:
        """Return the attention from video to objects at step ``index``, shape (blocks, M, T, h, w), with gradient.

        The model runs no further than the last of ``blocks``.
        """

    def biased(self, bias: Tensor | None) -> AbstractContextManager[None]:
        """Add a bias to the logits of the attention from video to text, in the conditional passes of a while.

        Args:
            bias: shape (S, L), for each of S = T·h·w video tokens and L text tokens, in all blocks; ``None`` adds none.

        Raises:
            ValueError: if the model has no cross-attention from video to text.
        """
        raise ValueError(
            f"{type(self).__name__} has no cross-attention from video to text that could be biased; "
            "use a backbone with one, such as WanBackbone or LTXBackbone, or another baseline"
        )

    @abstractmethod
    def step(self, latents: Tensor, index: int, conditioning: Conditioning) -> Tensor:
        """Return the latents after denoising step ``index``."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Return the video, shape (F, 3, H, W) in [0, 1]."""

    @abstractmethod
    def close(self) -> None:
        """Leave the model as it was found; the backbone is of no use after."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
