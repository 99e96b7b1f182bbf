"""Joint attention: text and video are one sequence that attends to itself."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor, nn

from ttom_pl.backbones.attention import object_attention
from ttom_pl.backbones.reader import AttentionReader


@dataclass(frozen=True)
class JointAttention(AttentionReader):
    """Reads blocks that hold one attention over text and video (CogVideoX).

    The attention to an object is that from the video's queries to the object's text keys, by a softmax over all keys,
    text and video.
    """

    attention: str = "attn1"

    def read(  # noqa: D102
        self,
        weights: Tensor,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
        **_: Any,
    ) -> Tensor:
        # Keys are in the order of the model's own sequence: text, then video.
        module: Any = attn
        length = encoder_hidden_states.shape[1]
        query = module.to_q(hidden_states).unflatten(2, (module.heads, -1))
        key = module.to_k(torch.cat([encoder_hidden_states, hidden_states], dim=1)).unflatten(2, (module.heads, -1))
        if module.norm_q is not None:
            query = module.norm_q(query)
        if module.norm_k is not None:
            key = module.norm_k(key)
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb, sequence_dim=1)
            rotated = apply_rotary_emb(key[:, length:], image_rotary_emb, sequence_dim=1)
            key = torch.cat([key[:, :length], rotated], dim=1)
        everything = F.pad(weights, (0, 0, 0, hidden_states.shape[1]))
        return object_attention(query, key, everything)[0]
