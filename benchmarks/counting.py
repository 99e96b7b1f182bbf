"""What a call computes, moves and holds, counted and not timed."""

import gc
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.fx.experimental import _config as shapes
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, flop_registry

_COLLECT = 20
"""Operations between two collections of garbage."""


@dataclass(frozen=True)
class Count:
    """What was counted.

    Attributes:
        flops: of matrix products and attention.
        peak: bytes of all tensors alive at once, at most, weights apart.
        moved: bytes that the operations read and write, each input and output once.
        float32: of the FLOPs, those of products of float32 numbers: a card does them at a tenth of bfloat16's rate.
    """

    flops: int
    peak: int
    moved: int
    float32: int


class Alive(TorchDispatchMode):
    """Adds up the storages that are made inside it, and takes off those that are freed.

    Under a mode like this, blocks that are recomputed leave their tensors in reference cycles, as they do not without:
    garbage is collected every few operations, of what was made inside alone.

    Args:
        held: tensors that are there before, which are taken off where they are freed inside it.

    Attributes:
        peak: bytes of all of them alive at once, at most.
    """

    def __init__(self, held: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._known: set[int] = set()
        self._calls = 0
        for tensor in held:
            self._watch(tensor.untyped_storage())

    def __enter__(self) -> "Alive":
        gc.collect()
        gc.freeze()
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        gc.unfreeze()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._calls += 1
        if self._calls % _COLLECT == 0:
            gc.collect()
        result = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self._known and storage._cdata not in given:
                    self._add(storage)
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        self._watch(storage)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)

    def _watch(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self._known.add(key)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size


class Moved(TorchDispatchMode):
    """Adds up the bytes that operations read and write, and their FLOPs by the precision of what is multiplied.

    Attributes:
        bytes: read and written; views move nothing, and what is repeated by a stride of 0 is read once.
        flops: by precision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0
        self.flops: Counter[torch.dtype] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given, made = ([t for t in tree_leaves(each) if isinstance(t, Tensor)] for each in ((args, kwargs), result))
        if not func.is_view:
            self.bytes += sum(min(t.numel() * t.element_size(), t.untyped_storage().nbytes()) for t in (*given, *made))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            dtype = next(t.dtype for t in given if t.is_floating_point())
            self.flops[dtype] += formula(*args, **(kwargs or {}), out_val=result)
        return result


class AllTrue(TorchFunctionMode):
    """On the meta device no value is known: takes a mask for true everywhere, and what is false of it for nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        first = args[0] if args else None
        if isinstance(first, Tensor) and first.is_meta:
            if func.__name__ == "__bool__":
                return True
            chosen = args[1] if func.__name__ == "__getitem__" else None
            if isinstance(chosen, Tensor) and chosen.dtype == torch.bool:
                return first[:0] if getattr(chosen, "inverted", False) else first.clone()
        result = func(*args, **(kwargs or {}))
        if func.__name__ == "__invert__":
            result.inverted = True
        return result


def count(run: Callable[[], object], held: Iterable[Tensor] = ()) -> Count:
    """Count a call on the meta device, with fused attention as on a card; ``held`` as in :class:`Alive`.

    That is FlashAttention, or where there is a mask, which that does not take, the memory-efficient one, which holds
    the mask as numbers.
    """
    flops, alive, moved = FlopCounterMode(display=False), Alive(held), Moved()
    with _flash(), _autocast(), shapes.patch(meta_nonzero_assume_all_nonzero=True), AllTrue(), flops, alive, moved:
        run()
    return Count(flops.get_total_flops(), alive.peak, moved.bytes, moved.flops[torch.float32])


@contextmanager
def _autocast() -> Iterator[None]:
    """The meta device knows no autocast; there is none on it."""
    original = torch.autocast

    def autocast(device_type: str, *args: Any, **kwargs: Any) -> Any:
        return nullcontext() if device_type == "meta" else original(device_type, *args, **kwargs)

    torch.autocast = autocast  # type: ignore[misc, assignment]
    try:
        yield
    finally:
        torch.autocast = original  # type: ignore[misc]


@contextmanager
def _flash() -> Iterator[None]:
    """The meta device would take the plain attention, with its whole matrix; a GPU takes a fused one."""
    original = F.scaled_dot_product_attention

    def attend(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **_: Any) -> Tensor:
        if attn_mask is None:
            return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[0]
        shape = (*query.shape[:3], key.shape[2])
        bias = attn_mask.to(query.dtype).expand(shape)
        efficient = torch.ops.aten._scaled_dot_product_efficient_attention
        return efficient(query, key, value, bias, torch.is_grad_enabled())[0]

    F.scaled_dot_product_attention = attend
    try:
        yield
    finally:
        F.scaled_dot_product_attention = original
