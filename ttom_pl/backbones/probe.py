"""Reading attention on the way through a transformer, and stopping where nothing more is needed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from torch import Tensor, nn

Read = Callable[..., Tensor]
"""Takes an attention module and all that it is called with, and returns what is wanted of its attention."""


class _Reached(Exception):
    """Raised at the last probed attention: nothing after it matters to the loss."""


@contextmanager
def probed(modules: Mapping[int, nn.Module], read: Read) -> Iterator[dict[int, Tensor]]:
    """Collect what ``read`` makes of the inputs of attention modules, and end the forward pass at the last of them.

    Args:
        modules: attention modules by the number of their block.
        read: called as ``read(module, *args, **kwargs)`` before the module itself is.

    Yields:
        The results by block, filled by a forward pass inside the ``with`` block.
    """
    results: dict[int, Tensor] = {}
    last = max(modules)

    def hook_of(block: int) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            results[block] = read(module, *args, **kwargs)
            if block == last:
                raise _Reached

        return hook

    handles = [module.register_forward_pre_hook(hook_of(block), with_kwargs=True) for block, module in modules.items()]
    try:
        with suppress(_Reached):
            yield results
    finally:
        for handle in handles:
            handle.remove()
