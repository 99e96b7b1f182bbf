"""The cross-attention family: in each block, the video asks the text in an attention of its own."""

from typing import Any

from torch import Tensor, nn

from ttom_pl.attention import object_attention
from ttom_pl.backbones.guided import GuidedBackbone


class CrossAttentionBackbone(GuidedBackbone):
    """A pipeline whose blocks hold a cross-attention ``attn2`` from video to text (Wan, LTX-Video)."""

    attention_name = "attn2"

    def _read(
        self,
        weights: Tensor,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *_: Any,
        **__: Any,
    ) -> Tensor:
        """Softmax over all text tokens; a mask comes as a bias of shape (B, 1, L)."""
        module: Any = attn
        # Wan I2V puts the image's tokens before the text and attends to them by a softmax of their own.
        text = encoder_hidden_states[:, -weights.shape[0] :]
        query = module.norm_q(module.to_q(hidden_states)).unflatten(2, (module.heads, -1))
        key = module.norm_k(module.to_k(text)).unflatten(2, (module.heads, -1))
        bias = None if attention_mask is None else attention_mask[:, 0]
        return object_attention(query, key, weights, self.chunk_size, bias)[0]
