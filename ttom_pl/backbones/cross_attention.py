"""The cross-attention family: in each block, the video asks the text in an attention of its own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import Tensor, nn

from ttom_pl.backbones.attention import object_attention
from ttom_pl.backbones.guided import GuidedBackbone
from ttom_pl.scene import Conditioning


class CrossAttentionBackbone(GuidedBackbone):
    """A pipeline whose blocks hold a cross-attention ``attn2`` from video to text (Wan, LTX-Video)."""

    attention_name = "attn2"
    _bias: Tensor | None = None

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
        """Softmax over all text tokens; a mask is a bias of shape (B, 1, L), (B, S, L) or (B, 1, S, L)."""
        module: Any = attn
        # Wan I2V puts the image's tokens before the text and attends to them by a softmax of their own.
        text = encoder_hidden_states[:, -weights.shape[0] :]
        query = module.norm_q(module.to_q(hidden_states)).unflatten(2, (module.heads, -1))
        key = module.norm_k(module.to_k(text)).unflatten(2, (module.heads, -1))
        bias = attention_mask[:, 0] if attention_mask is not None and attention_mask.ndim == 4 else attention_mask
        return object_attention(query, key, weights, bias)[0]

    @contextmanager
    def biased(self, bias: Tensor | None) -> Iterator[None]:
        """Add a bias, shape (S, L), in the conditional passes, also those that :meth:`object_attention` reads."""
        self._bias = bias
        try:
            yield
        finally:
            self._bias = None

    def _predict(
        self, latents: Tensor, index: int, conditioning: Conditioning, embeds: Tensor, mask: Tensor | None
    ) -> Tensor:
        if self._bias is None or embeds is conditioning.negative_prompt_embeds:
            return super()._predict(latents, index, conditioning, embeds, mask)
        # The conditional pass is the last of a batch; the negative prompt has other tokens.
        bias = self._bias.new_zeros(len(embeds), *self._bias.shape)
        bias[-1] = self._bias
        with ExitStack() as stack:
            for block in self._transformer_blocks(index):
                attn = getattr(block, self.attention_name)
                hook = attn.register_forward_pre_hook(_adding(bias), prepend=True, with_kwargs=True)
                stack.callback(hook.remove)
            return super()._predict(latents, index, conditioning, embeds, mask)

    def _transformer_blocks(self, index: int) -> Any:
        return getattr(self._transformer(index), self.blocks_name)


def _adding(bias: Tensor) -> Any:
    """Return a hook that adds a bias, shape (B, S, L), to the mask that an attention is called with."""

    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        given = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
        own = bias.to(given["hidden_states"].dtype)
        mask = given.get("attention_mask")
        # LTX brings a mask of shape (B, 1, L), to be repeated over heads; Wan has none, and takes one with heads.
        given["attention_mask"] = own[:, None] if mask is None else mask + own
        return (), given

    return hook


_ARGUMENTS = ("hidden_states", "encoder_hidden_states", "attention_mask", "rotary_emb")
