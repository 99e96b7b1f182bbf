"""Gradient checkpointing of blocks that hold an adapter which is switched."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from ttom_pl.backbones.lora import Adapter


class Checkpointing:
    """Calls blocks and recomputes them in the backward pass, with the adapter as it was.

    Attributes:
        adapter: the adapter.
        probed: blocks that are called plainly: what is read inside them must not be recomputed without the probe.
    """

    def __init__(self) -> None:
        self.adapter: Adapter | None = None
        self.probed: Sequence[nn.Module] = ()

    def __call__(self, block: nn.Module, *args: Any) -> Any:
        """Call a block, as diffusers' models do while they are checkpointed."""
        if any(block is probed for probed in self.probed):
            return block(*args)
        adapted = self.adapter is not None and self.adapter.active
        again = self.adapter.enabled if self.adapter is not None and adapted else nullcontext
        return checkpoint(block.__call__, *args, use_reentrant=False, context_fn=lambda: (nullcontext(), again()))

    def enable(self, transformer: Any) -> Callable[[], None]:
        """Checkpoint the blocks of a transformer, and return what puts back how it was checkpointed before."""
        names = ("gradient_checkpointing", "_gradient_checkpointing_func")
        held = [module for module in transformer.modules() if hasattr(module, names[0])]
        before = [(module, {name: vars(module)[name] for name in names if name in vars(module)}) for module in held]
        transformer.enable_gradient_checkpointing(self)

        def put_back() -> None:
            for module, values in before:
                for name in names:
                    vars(module).pop(name, None)
                vars(module).update(values)

        return put_back
