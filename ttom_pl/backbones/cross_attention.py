"""Cross-attention: in each block, the video asks the text in an attention of its own."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ttom_pl.backbones.attention import object_attention
from ttom_pl.backbones.reader import AttentionReader


@dataclass(frozen=True)
class CrossAttention(AttentionReader):
    """Reads blocks that hold a cross-attention from video to text (Wan, LTX-Video).

    The softmax goes over all text tokens; a mask is a bias of shape (B, 1, L), (B, S, L) or (B, 1, S, L).
    """

    attention: str = "attn2"
    can_bias = True

    def read(  # noqa: D102
        self,
        weights: Tensor,
        attn: nn.Module,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        *_: Any,
        **__: Any,
    ) -> Tensor:
        # Wan I2V puts the image's tokens before the text and attends to them by a softmax of their own.
        text = encoder_hidden_states[:, -weights.shape[0] :]
        query, key = self.queries_and_keys(attn, hidden_states, text)
        bias = attention_mask[:, 0] if attention_mask is not None and attention_mask.ndim == 4 else attention_mask
        return object_attention(query, key, weights, bias)[0]

    def queries_and_keys(self, attn: nn.Module, video: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return queries of the video and keys of the text, shapes (B, S, heads, D) and (B, L, heads, D)."""
        module: Any = attn
        query = module.norm_q(module.to_q(video)).unflatten(2, (module.heads, -1))
        key = module.norm_k(module.to_k(text)).unflatten(2, (module.heads, -1))
        return query, key

    @contextmanager
    def biased(self, blocks: Sequence[nn.Module], bias: Tensor) -> Iterator[None]:
        """Add a bias, shape (B, S, L), to the logits of blocks for a while; the attention that is read has it too."""
        with ExitStack() as hooks:
            for block in blocks:
                attn = self.attention_of(block)
                hooks.callback(attn.register_forward_pre_hook(_adding(bias), prepend=True, with_kwargs=True).remove)
            yield


def _adding(bias: Tensor) -> Any:
    """Return a hook that adds a bias, shape (B, S, L), to the mask that an attention is called with."""

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        arguments = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
        added = bias.to(arguments["hidden_states"].dtype)
        mask = arguments.get("attention_mask")
        # LTX brings a mask of shape (B, 1, L), to be repeated over heads; Wan has none, and takes one with heads.
        arguments["attention_mask"] = added[:, None] if mask is None else mask + added
        return (), arguments

    return hook


_ARGUMENTS = ("hidden_states", "encoder_hidden_states", "attention_mask", "rotary_emb")
