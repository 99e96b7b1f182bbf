"""Joint attention of two streams: text and video are one sequence, each with projections of its own."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from diffusers.models.embeddings import apply_rotary_emb
from torch import Tensor, nn

from ttom_pl.backbones.attention import object_attention
from ttom_pl.backbones.reader import AttentionReader


@dataclass(frozen=True)
class DualStreamAttention(AttentionReader):
    """Reads blocks that hold one attention over video and then text (HunyuanVideo).

    Blocks in which the text has no projections of its own (single-stream) are read by those of the video. The softmax
    goes over all keys, video and text, but for the padding. The text's queries matter to later blocks alone.
    """

    attention: str = "attn"
    scoring = ("to_q", "to_k", "add_k_proj")
    carrying: ClassVar[tuple[str, ...]] = ("to_v", "to_out.0", "add_q_proj", "add_v_proj", "to_add_out")

    def read(  # noqa: D102
        self,
        weights: Tensor,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
        **_: Any,
    ) -> Tensor:
        module: Any = attn
        query = _normed(module.norm_q, module.to_q(hidden_states).unflatten(2, (module.heads, -1)))
        key = _normed(module.norm_k, module.to_k(hidden_states).unflatten(2, (module.heads, -1)))
        if image_rotary_emb is not None:
            query, key = self.turned(query, image_rotary_emb), self.turned(key, image_rotary_emb)
        two = module.add_k_proj is not None
        project, norm = (module.add_k_proj, module.norm_added_k) if two else (module.to_k, module.norm_k)
        text = _normed(norm, project(encoder_hidden_states).unflatten(2, (module.heads, -1)))
        everything = F.pad(weights, (0, 0, hidden_states.shape[1], 0))
        bias = None if attention_mask is None else self._bias(attention_mask, everything.shape[0], query.dtype)
        return object_attention(query, torch.cat([key, text], dim=1), everything, bias)[0]

    def turned(self, states: Tensor, rotary: tuple[Tensor, Tensor]) -> Tensor:
        """Return queries or keys of the video, shape (B, S, heads, D), turned by their positions."""
        turned: Tensor = apply_rotary_emb(states, rotary, sequence_dim=1)
        return turned

    def _bias(self, mask: Tensor, length: int, dtype: torch.dtype) -> Tensor:
        """Return the bias of a mask of keys, shape (B, 1, 1, S) or for the text alone (B, L), as (B, 1, S)."""
        keys = mask.flatten(1).bool()
        keys = F.pad(keys, (length - keys.shape[1], 0), value=True)
        return torch.zeros(keys.shape, dtype=dtype, device=keys.device).masked_fill(~keys, -torch.inf)[:, None]


def _normed(norm: nn.Module | None, states: Tensor) -> Tensor:
    normed: Tensor = states if norm is None else norm(states)
    return normed
