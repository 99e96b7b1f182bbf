"""How the attention from video to text is read: what a backbone has, whatever pipeline it drives."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from ttom_pl.backbones.parts import Blocks


@dataclass(frozen=True)
class AttentionReader(ABC):
    """Reads the attention of a family of models from video to text.

    Attributes:
        attention: name of the probed and adapted attention in a block.
        scoring: its layers that the probabilities depend on.
        carrying: its other layers; they matter to the attention of later blocks alone.
        can_bias: whether :meth:`biased` is known.
    """

    attention: str
    scoring: ClassVar[Sequence[str]] = ("to_q", "to_k")
    carrying: ClassVar[Sequence[str]] = ("to_v", "to_out.0")
    can_bias: ClassVar[bool] = False

    def attention_of(self, block: nn.Module) -> nn.Module:
        """Return the probed attention of a block."""
        return block.get_submodule(self.attention)

    def reachable_layers(self, blocks: Blocks, transformer: Any, last: int) -> list[str]:
        """Return the full names of the layers that the attention of block ``last`` depends on, in blocks up to it.

        Of that block itself these are the scoring layers alone: its output is never computed.
        """
        named = list(zip(blocks.names(transformer), blocks.of(transformer), strict=True))[: last + 1]
        return [
            f"{name}.{self.attention}.{layer}"
            for number, (name, block) in enumerate(named)
            for layer in self.layers_of(block, carrying=number < last)
        ]

    def layers_of(self, block: nn.Module, carrying: bool) -> list[str]:
        """Return those of the scoring layers that a block has, and of the carrying ones if they are wanted."""
        held = {name for name, _ in self.attention_of(block).named_modules()}
        return [layer for layer in (*self.scoring, *(self.carrying if carrying else ())) if layer in held]

    @abstractmethod
    def read(self, weights: Tensor, attn: nn.Module, *args: Any, **kwargs: Any) -> Tensor:
        """Return the attention to objects from what the probed attention is called with.

        Args:
            weights: token weights of M objects, shape (L, M).
            attn: the attention module.
            *args: what it is called with.
            **kwargs: the same by name.

        Returns:
            float32 attention of the first of the batch, shape (M, S) for S video tokens.
        """

    def biased(self, blocks: Sequence[nn.Module], bias: Tensor) -> AbstractContextManager[None]:
        """Add a bias, shape (B, S, L), to the logits of blocks for a while; known where ``can_bias``."""
        raise NotImplementedError(f"{type(self).__name__} takes no bias")
