"""What TTO adds to the transformer of a pipeline: the adapter, a bias, and a look at its attention."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor

from ttom_pl.backbones.checkpointing import Checkpointing
from ttom_pl.backbones.guidance import Pass, Text
from ttom_pl.backbones.lora import Adapter
from ttom_pl.backbones.parts import Blocks
from ttom_pl.backbones.probe import probed
from ttom_pl.backbones.reader import AttentionReader


class Steering:
    """The adapter, the bias and the probe of a transformer.

    Args:
        transformer: the transformer that is adapted and read.
        blocks: where its blocks are.
        reader: how their attention is read.
        recompute: whether blocks are recomputed in the backward pass; a transformer that is checkpointed already is so
            in any case.
        undo: takes what puts everything back.

    Attributes:
        adapter: the adapter, once there is one.
        guided_blocks: blocks, from the first on, that are optimised through.
        checkpointing: what recomputes blocks.
    """

    def __init__(
        self, transformer: Any, blocks: Blocks, reader: AttentionReader, recompute: bool, undo: ExitStack
    ) -> None:
        self.transformer = transformer
        self.blocks = blocks
        self.reader = reader
        self.adapter: Adapter | None = None
        self.guided_blocks = 0
        self.checkpointing = Checkpointing()
        self._recompute = recompute or transformer.is_gradient_checkpointing
        self._bias: Tensor | None = None
        self._undo = undo
        undo.callback(self._remove_adapter)

    def add_adapter(self, rank: int, alpha: float | None, loss_blocks: Sequence[int]) -> Adapter:
        """Insert LoRA in the layers that the attention of ``loss_blocks`` depends on, in place of an earlier one."""
        self._remove_adapter()
        last = max(loss_blocks)
        layers = self.reader.reachable_layers(self.blocks, self.transformer, last)
        self.adapter = self.checkpointing.adapter = Adapter(self.transformer, rank, alpha, layers)
        self.guided_blocks = last + 1
        if self._recompute:
            self._undo.callback(self.checkpointing.enable(self.transformer))
        return self.adapter

    def _remove_adapter(self) -> None:
        if self.adapter is not None:
            self.adapter.remove()
        self.adapter = self.checkpointing.adapter = None

    @property
    def conditional_only(self) -> bool:
        """Whether the adapter is on, but left out of the pass of the negative prompt."""
        return self.adapter is not None and self.adapter.active and self.adapter.conditional_only

    @contextmanager
    def biased(self, bias: Tensor | None) -> Iterator[None]:
        """Have a bias, shape (S, L), in all passes but the negative prompt's for a while."""
        self._bias = bias
        try:
            yield
        finally:
            self._bias = None

    @contextmanager
    def around(self, transformer: Any, text: Text) -> Iterator[None]:
        """Have the adapter and the bias as they are to be in a pass.

        Args:
            transformer: the one that runs.
            text: what it is called with.
        """
        with ExitStack() as stack:
            if text.of is Pass.NEGATIVE and self.adapter is not None and self.conditional_only:
                stack.enter_context(self.adapter.disabled())
            if text.of is not Pass.NEGATIVE and self._bias is not None:
                # The prompt is the last of a batch; the negative prompt has other tokens.
                bias = self._bias.new_zeros(len(text.embeds), *self._bias.shape)
                bias[-1] = self._bias
                stack.enter_context(self.reader.biased(self.blocks.of(transformer), bias))
            yield

    def reading(self, weights: Tensor, blocks: Sequence[int]) -> AbstractContextManager[dict[int, Tensor]]:
        """Collect the attention to objects, shape (M, S), of blocks in a forward pass that ends at the last of them.

        Args:
            weights: token weights of the objects, shape (L, M).
            blocks: numbers of blocks.
        """
        every = self.blocks.of(self.transformer)
        self.checkpointing.probed = [every[number] for number in blocks]
        modules = {number: self.reader.attention_of(every[number]) for number in blocks}
        return probed(modules, partial(self.reader.read, weights))
