"""What travels into the rehearsal of a prompt, and out of it: scene, start and fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from ttom_pl.layout import Layout


@dataclass(frozen=True)
class Conditioning:
    """An encoded prompt.

    Attributes:
        prompt_embeds: text embeddings, shape (1, L, D).
        negative_prompt_embeds: embeddings of the negative prompt, of the same shape but for models that pad no text;
            ``None`` without classifier-free guidance.
        prompt_mask: which of the L tokens are text rather than padding, shape (1, L), for models that mask the padding.
        negative_prompt_mask: the same for the negative prompt.
        prompt_embeds_2: embeddings by a second text encoder, pooled, shape (1, E), or of its own L' tokens, (1, L', E).
        prompt_mask_2: which of those L' tokens are text, shape (1, L').
        negative_prompt_embeds_2: the same for the negative prompt.
        negative_prompt_mask_2: the same for the negative prompt.
        image_embeds: embeddings of the image that the video starts from, shape (1, I, E), for models that read them.
        image_latents: what the image adds to the latents, shape (1, C, T, h, w), for models that start from an image.
    """

    prompt_embeds: Tensor
    negative_prompt_embeds: Tensor | None
    prompt_mask: Tensor | None = None
    negative_prompt_mask: Tensor | None = None
    prompt_embeds_2: Tensor | None = None
    prompt_mask_2: Tensor | None = None
    negative_prompt_embeds_2: Tensor | None = None
    negative_prompt_mask_2: Tensor | None = None
    image_embeds: Tensor | None = None
    image_latents: Tensor | None = None


@dataclass(frozen=True)
class Scene:
    """A prompt as the model sees it.

    Attributes:
        layout: where its objects are to be.
        conditioning: the encoded prompt.
        noise: the initial latents, shape (1, C, T, h, w) in the order of the model's axes.
        objects: for each of M objects the positions of its tokens.
        targets: for each object and frame of the attention grid a distribution over the frame, shape (M, T, h, w).
        seed: seed of the noise.
        generator: what it was drawn from, where that is the caller's own generator.
        state: that generator's state before.
    """

    layout: Layout
    conditioning: Conditioning
    noise: Tensor
    objects: tuple[tuple[int, ...], ...]
    targets: Tensor
    seed: int = 0
    generator: torch.Generator | None = None
    state: Tensor | None = None

    def rewound(self) -> torch.Generator | None:
        """Return the caller's generator, as it was before the noise was drawn; ``None`` where there is none."""
        if self.generator is not None and self.state is not None:
            self.generator.set_state(self.state)
        return self.generator


@dataclass(frozen=True)
class Start:
    """What a rehearsal starts from, and how far it goes.

    Attributes:
        adapter: the adapter's parameters; a neutral adapter where there are none.
        iterations: iterations in a guided step, at most; as many as the module's where not given.
        verified_loss: layout loss at the first step under which the adapter is used as it is; not looked at where not
            given.
        shifts: what is added to the latents before each guided step, each of the shape of the noise, where latents
            are moved; nothing where there are none.
    """

    adapter: Mapping[str, Tensor] = field(default_factory=dict)
    iterations: int | None = None
    verified_loss: float | None = None
    shifts: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Fit:
    """What a rehearsal has led to.

    Attributes:
        latents: the latents after the guided steps, of the shape of the noise.
        first_latents: those that the first denoising step was taken from: the noise, moved if latents are optimised.
        losses: layout losses, in nats from 0 to ln 2, of each iteration of each guided step.
        updates: iterations that changed something.
        learnt: mean of the adapters of the guided steps; empty without an adapter.
        loaded_loss: layout loss at the first step with what it started from, where that was measured.
        verified: whether that was low enough for what it started from to be used as it is.
        shifts: what was added to the latents before each guided step, what it started from included; float32, each of
            the shape of the noise; empty where latents are not moved.
    """

    latents: Tensor
    first_latents: Tensor
    losses: tuple[tuple[float, ...], ...] = ()
    updates: int = 0
    learnt: Mapping[str, Tensor] = field(default_factory=dict)
    loaded_loss: float | None = None
    verified: bool = False
    shifts: tuple[Tensor, ...] = ()

    @classmethod
    def none(cls, scene: Scene) -> Self:
        """Return the outcome of no rehearsal."""
        return cls(scene.noise, scene.noise)

    @property
    def iterations(self) -> tuple[float, ...]:
        """The losses of all guided steps, one after the other."""
        return tuple(loss for step in self.losses for loss in step)

    @property
    def shift_sizes(self) -> tuple[float, ...]:
        """Root mean square of each shift."""
        return tuple(float(shift.square().mean().sqrt()) for shift in self.shifts)
