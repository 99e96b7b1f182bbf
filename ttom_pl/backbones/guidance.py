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
        embeds_2: embeddings by a second text encoder, shape (B, E) or (B, L', E), for models that have one.
        mask_2: which of those L' tokens are text, shape (B, L').
    """

    of: Pass
    embeds: Tensor
    mask: Tensor | None = None
    embeds_2: Tensor | None = None
    mask_2: Tensor | None = None

    @classmethod
    def prompt(cls, conditioning: Conditioning) -> "Text":
        """Return the prompt's."""
        return cls(
            Pass.PROMPT,
            conditioning.prompt_embeds,
            conditioning.prompt_mask,
            conditioning.prompt_embeds_2,
            conditioning.prompt_mask_2,
        )

    @classmethod
    def negative(cls, conditioning: Conditioning) -> "Text | None":
        """Return the negative prompt's; ``None`` without guidance."""
        if conditioning.negative_prompt_embeds is None:
            return None
        return cls(
            Pass.NEGATIVE,
            conditioning.negative_prompt_embeds,
            conditioning.negative_prompt_mask,
            conditioning.negative_prompt_embeds_2,
            conditioning.negative_prompt_mask_2,
        )

    @classmethod
    def both(cls, negative: "Text", prompt: "Text") -> "Text":
        """Return both as one batch."""
        return cls(
            Pass.BOTH,
            torch.cat([negative.embeds, prompt.embeds]),
            _both(negative.mask, prompt.mask),
            _both(negative.embeds_2, prompt.embeds_2),
            _both(negative.mask_2, prompt.mask_2),
        )


def _both(negative: Tensor | None, prompt: Tensor | None) -> Tensor | None:
    return None if negative is None or prompt is None else torch.cat([negative, prompt])


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
