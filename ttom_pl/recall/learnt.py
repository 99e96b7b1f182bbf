"""What a rehearsal has learnt, as an entry holds it: the adapter, and the shifts of the latents."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ttom_pl.memory import SHIFT
from ttom_pl.scene import Fit

_UP = ".lora_B."
"""Part of the names of the matrices that an adapter's update is linear in, and that a neutral adapter has zero."""


def pack(fit: Fit, dtype: torch.dtype, steps: int) -> dict[str, Tensor]:
    """Return the tensors of an entry: the adapter, and the shifts in half precision, which are small.

    Args:
        fit: the rehearsal.
        dtype: precision of the adapter.
        steps: guided steps, from the first, whose shifts are kept; 0 keeps none.
    """
    tensors = {name: tensor.to(dtype) for name, tensor in fit.learnt.items()}
    if steps and fit.shifts:
        tensors[SHIFT] = torch.cat(fit.shifts[:steps]).half()
    return tensors


def unpack(
    tensors: Mapping[str, Tensor], adapter_share: float = 1.0, shift_share: float = 1.0
) -> tuple[dict[str, Tensor], tuple[Tensor, ...]]:
    """Return adapter and shifts of an entry's tensors, each multiplied by its share.

    Args:
        tensors: those of :func:`pack`.
        adapter_share: from 0, which leaves out the adapter, to 1.
        shift_share: likewise for the shifts.
    """
    adapter = {name: tensor for name, tensor in tensors.items() if name != SHIFT}
    if adapter_share != 1:
        adapter = {name: tensor * adapter_share if _UP in name else tensor for name, tensor in adapter.items()}
    shifts = tensors[SHIFT].float() * shift_share if SHIFT in tensors and shift_share else ()
    return adapter if adapter_share else {}, tuple(shift[None] for shift in shifts)
