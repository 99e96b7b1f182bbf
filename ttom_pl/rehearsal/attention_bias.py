"""Training-free guidance: cross-attention is pushed towards the boxes."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from ttom_pl.backbones import Backbone
from ttom_pl.io.ranges import check_range
from ttom_pl.layout import Layout, inside_maps
from ttom_pl.rehearsal.methods import Method, decay
from ttom_pl.scene import Scene


class AttentionBias(Method):
    """Add a bias to the cross-attention logits of the objects' tokens: positive in their boxes, negative outside.

    In all blocks of the conditional pass of guided step i the bias is ± ``strength`` · d(i), with d the linear decay
    over the guided steps; nothing is optimised. It is the modulation of DenseDiffusion (Kim et al. 2023) with a
    constant in place of the distance to the extreme logits, and with a hard mask in its limit that of Peekaboo (Jain
    et al. 2024). Frames in which an object is absent are left alone.

    Args:
        strength: bias of the logits in the first guided step.

    Raises:
        ValueError: if ``strength`` is negative.
    """

    def __init__(self, strength: float = 2.0) -> None:
        check_range("strength", strength, least=0, meaning="0 is the plain model")
        self.strength = strength

    def check(self, backbone: Backbone) -> None:
        """Refuse models without a cross-attention from video to text."""
        with backbone.biased(None):
            pass

    def around(self, backbone: Backbone, scene: Scene, step: int, guided_steps: int) -> AbstractContextManager[None]:
        """Return a context in which the bias of a guided step is on."""
        size = self.strength * decay(step, guided_steps)
        if not size:
            return backbone.biased(None)
        bias = box_bias(scene.layout, scene.objects, backbone.grid, scene.conditioning.prompt_embeds.shape[1])
        return backbone.biased(size * bias.to(scene.noise.device))


def box_bias(layout: Layout, objects: Sequence[Sequence[int]], grid: tuple[int, int, int], num_tokens: int) -> Tensor:
    """Return the bias of strength 1 from video to text, shape (S, num_tokens) with S = T·h·w.

    Args:
        layout: the layout.
        objects: for each of its M objects the positions of its tokens.
        grid: frames, rows and columns (T, h, w) of the attention grid.
        num_tokens: length of the text.

    Returns:
        1 in the object's boxes and -1 outside for each of its tokens, 0 for all other tokens and where the object is
        absent. A token of several objects has the mean of theirs.
    """
    inside = inside_maps(layout, grid)
    present = inside.any((-2, -1), keepdim=True)
    signed = torch.where(inside, 1.0, -1.0) * present
    bias, owners = torch.zeros(num_tokens, *grid), torch.zeros(num_tokens, 1, 1, 1)
    for positions, values in zip(objects, signed, strict=True):
        bias[list(positions)] += values
        owners[list(positions)] += 1
    return (bias / owners.clamp_min(1)).flatten(1).T.contiguous()
