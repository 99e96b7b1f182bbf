"""A diffusers pipeline whose attention can be read, and optimised, at the least cost."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ttom_pl.backbones.attention import token_weights
from ttom_pl.backbones.lora import Adapter
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.probe import probed
from ttom_pl.scene import Conditioning


class GuidedBackbone(PipelineBackbone):
    """A pipeline with an adapter in its attention; a family says how that attention is read.

    Attributes:
        attention_name: name of the probed and adapted attention in a block.
    """

    attention_name: ClassVar[str]
    _last = -1
    _probed: Sequence[nn.Module] = ()

    def add_adapter(self, rank: int, alpha: float | None, loss_blocks: Sequence[int]) -> Adapter:
        """Insert LoRA in the probed attention of all blocks up to the last probed one.

        Of the last probed block only the query and key layers are adapted: its output is never computed.
        """
        last = max(loss_blocks)
        self._last = last
        layers = [
            f"{self.blocks_name}.{block}.{self.attention_name}.{name}"
            for block in range(last + 1)
            for name in (("to_q", "to_k", "to_v", "to_out.0") if block < last else ("to_q", "to_k"))
        ]
        self.adapter = Adapter(self.pipe.transformer, rank, alpha, layers)
        if self.placement.gradient_checkpointing:
            self.pipe.transformer.enable_gradient_checkpointing(self._checkpoint)
        return self.adapter

    @property
    def _guided_blocks(self) -> int:
        return self._last + 1

    @property
    def _one_batch(self) -> bool:
        return super()._one_batch and not self._conditional_only

    @property
    def _conditional_only(self) -> bool:
        return self.adapter is not None and self.adapter.active and self.adapter.conditional_only

    def _predict(
        self, latents: Tensor, index: int, conditioning: Conditioning, embeds: Tensor, mask: Tensor | None
    ) -> Tensor:
        negative = self._conditional_only and embeds is not conditioning.prompt_embeds
        with self.adapter.disabled() if self.adapter is not None and negative else nullcontext():
            return super()._predict(latents, index, conditioning, embeds, mask)

    @abstractmethod
    def _read(self, weights: Tensor, attn: nn.Module, hidden_states: Tensor, encoder_hidden_states: Tensor) -> Tensor:
        """Return the attention to the objects, shape (M, S), from what the probed attention is called with."""

    def object_attention(
        self,
        latents: Tensor,
        index: int,
        conditioning: Conditioning,
        objects: Sequence[Sequence[int]],
        blocks: Sequence[int],
    ) -> Tensor:
        """Run the conditional pass as far as the last of ``blocks`` and return the attention it makes on the way."""
        if index >= self.max_guided_steps:
            raise ValueError(
                f"step {index} is not taken by the adapted transformer; its steps are 0 to {self.max_guided_steps - 1}"
            )
        weights = token_weights(objects, conditioning.prompt_embeds.shape[1], latents.device)
        modules = {block: getattr(self._blocks[block], self.attention_name) for block in blocks}
        self._probed = [self._blocks[block] for block in blocks]
        with probed(modules, lambda attn, *args, **kwargs: self._read(weights, attn, *args, **kwargs)) as maps:
            self._predict(latents, index, conditioning, conditioning.prompt_embeds, conditioning.prompt_mask)
        attention: Tensor = torch.stack([maps[block] for block in blocks]).unflatten(-1, self.grid)
        return attention

    def _checkpoint(self, block: nn.Module, *args: Any) -> Any:
        """Call a block and recompute it in the backward pass, with the adapter as it was.

        A probed block is called plainly: what is read inside it must not be recomputed without the probe.
        """
        if any(block is each for each in self._probed):
            return block(*args)
        adapted = self.adapter is not None and self.adapter.active
        again = self.adapter.enabled if self.adapter is not None and adapted else nullcontext
        return checkpoint(block.__call__, *args, use_reentrant=False, context_fn=lambda: (nullcontext(), again()))
