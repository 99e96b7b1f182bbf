"""Taking a pipeline that someone holds already, and giving it back as it was."""

import warnings
from contextlib import ExitStack
from copy import copy, deepcopy
from typing import Any

import torch
from torch import nn

from ttom_pl.backbones.lora import switches
from ttom_pl.backbones.parts import modules_of
from ttom_pl.backbones.settings import Settings


def hold(pipe: Any, undo: ExitStack) -> Any:
    """Return a pipeline of the same parts, its transformers frozen, with a scheduler of its own and no progress bar.

    The other parts always run without a gradient. They are not frozen, as PyTorch multiplies by frozen weights in
    another order, which would change the video's last bits. The pipeline itself can be called in between: it shares
    weights with the other, but no state of a sampler.

    Args:
        pipe: the pipeline.
        undo: takes what puts back the parts as they are now: gradients, training mode, and which LoRAs are on.
    """
    for name, part in modules_of(pipe).items():
        undo.callback(_put_back_flags, [(parameter, parameter.requires_grad) for parameter in part.parameters()])
        undo.callback(_train, [module for module in part.modules() if module.training])
        undo.callback(switches(part))
        part.eval()
        if name.startswith("transformer"):
            part.requires_grad_(False)
    held = copy(pipe)
    held.scheduler = deepcopy(pipe.scheduler)
    held.set_progress_bar_config(disable=True)
    return held


def check_held(pipe: Any, cls: type, settings: Settings) -> None:
    """Check that a pipeline in memory is of the right class, and that nothing is asked for that is settled already.

    Raises:
        ValueError: if it is another pipeline, or its weights would have to be changed.
    """
    right = isinstance(pipe, cls)
    if not right:
        raise ValueError(f"the pipeline is a {type(pipe).__name__}; give a {cls.__name__}, or use its own backbone")
    if settings.quantization is not None:
        raise ValueError("a loaded pipeline cannot be quantised; load it so, or give its folder")
    if settings.placement is not None and settings.placement.storage_dtype is not None:
        raise ValueError("placement.storage_dtype would round the weights of a loaded pipeline; give its folder")
    for name, asked, has in (
        ("dtype", settings.dtype if settings.dtype != "float32" else None, pipe.transformer.dtype),
        ("vae_dtype", settings.vae_dtype, pipe.vae.dtype),
    ):
        if asked is not None and getattr(torch, asked) != has:
            warnings.warn(f"{name} is {asked}, but the loaded pipeline has {has}, which it keeps", stacklevel=3)


def _put_back_flags(flags: list[tuple[nn.Parameter, bool]]) -> None:
    for parameter, flag in flags:
        parameter.requires_grad_(flag)


def _train(modules: list[nn.Module]) -> None:
    for module in modules:
        module.training = True
