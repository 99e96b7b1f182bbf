"""Classifier-free guidance: the passes of a denoising step, and what comes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from ttom_pl.scene import Conditioning


class Pass(Enum):
    """What a forward pass of the transformer is for."""

    PROMPT = "prompt"
    NEGATIVE = "negative prompt"
    BOTH = "both in one batch"


@dataclass(frozen=True)
class Text:
    """The text of a forward pass.

    Attributes:
        of: whose it is.
        embeds: its embeddings, shape (B, L, D), with B = 2 for both in one batch: first the negative prompt.
        mask: which of the L tokens are text, shape (B, L), for models that mask the padding.
    """

    of: Pass
    embeds: Tensor
    mask: Tensor | None = None

    @classmethod
    def prompt(cls, conditioning: Conditioning) -> "Text":
        """Return the prompt's."""
        return cls(Pass.PROMPT, conditioning.prompt_embeds, conditioning.prompt_mask)

    @classmethod
    def negative(cls, conditioning: Conditioning) -> "Text | None":
        """Return the negative prompt's; ``None`` without guidance."""
        if conditioning.negative_prompt_embeds is None:
            return None
        return cls(Pass.NEGATIVE, conditioning.negative_prompt_embeds, conditioning.negative_prompt_mask)

    @classmethod
    def both(cls, negative: "Text", prompt: "Text") -> "Text":
        """Return both as one batch."""
        masks = None if negative.mask is None or prompt.mask is None else torch.cat([negative.mask, prompt.mask])
        return cls(Pass.BOTH, torch.cat([negative.embeds, prompt.embeds]), masks)


def guided(predict: Callable[[Text], Tensor], conditioning: Conditioning, scale: float, one_batch: bool) -> Tensor:
    """Return the guided prediction of a step, of the shape of the latents.

    Args:
        predict: a forward pass of the transformer; returns a prediction for each text of the batch.
        conditioning: the encoded prompt; without a negative prompt the prediction is the prompt's.
        scale: scale of the guidance.
        one_batch: whether both passes run as one batch, or one after the other.
    """
    prompt, negative = Text.prompt(conditioning), Text.negative(conditioning)
    if negative is None:
        return predict(prompt)
    if one_batch:
        unconditional, conditional = predict(Text.both(negative, prompt)).chunk(2)
    else:
        conditional, unconditional = predict(prompt), predict(negative)
    return unconditional + scale * (conditional - unconditional)
