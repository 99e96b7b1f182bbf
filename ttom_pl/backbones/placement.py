"""Where the parts of a pipeline live, and in which precision, so that a model fits the card at hand."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers.hooks import HookRegistry, apply_group_offloading, apply_layerwise_casting
from torch import nn

from ttom_pl.backbones.parts import Blocks, modules_of

GROUP_HOOKS = ("group_offloading", "layer_execution_tracker", "lazy_prefetch_group_offloading")
"""Names of the hooks that fetch weights from the CPU."""


@dataclass(frozen=True)
class Placement:
    """How a model is fitted to a card. All but ``storage_dtype`` leave the video as it is, up to rounding.

    Attributes:
        offload: ``model`` keeps on the card only the part that runs; ``group`` keeps there the blocks that are
            optimised and fetches the others layer by layer (slower, smaller).
        release_text_encoder: keep the text encoder on the CPU but while it encodes.
        storage_dtype: 8-bit type in which the blocks beyond the last probed one are held, computed in the model's own.
        gradient_checkpointing: recompute the blocks before the last probed one in the backward pass.
        vae_tiling: decode in tiles.
        vae_slicing: decode one video of a batch at a time.
        batched_guidance: run the two passes of classifier-free guidance as one batch (faster) or one after the other
            (smaller); as the pipeline does when not given.
    """

    offload: Literal["none", "model", "group"] = "none"
    release_text_encoder: bool = False
    storage_dtype: Literal["float8_e4m3fn", "float8_e5m2"] | None = None
    gradient_checkpointing: bool = False
    vae_tiling: bool = False
    vae_slicing: bool = False
    batched_guidance: bool | None = None


class Placer:
    """Puts a pipeline where a :class:`Placement` says.

    Diffusers' casting and group offloading swap the weights behind autograd's back, so blocks that are optimised
    through are left out of both: they are few, and the forward pass of an iteration ends with them. A pipeline that
    its owner offloads stays with the owner's hooks.

    Args:
        pipe: the pipeline.
        placement: what is wanted.
        blocks: where the blocks of its transformers are.
        undo: takes what puts everything back.
        device: where it computes before it is placed.

    Raises:
        ValueError: if the pipeline is offloaded by its owner, and to be offloaded otherwise.
    """

    def __init__(self, pipe: Any, placement: Placement, blocks: Blocks, undo: ExitStack, device: torch.device) -> None:
        self.pipe = pipe
        self.placement = placement
        self.blocks = blocks
        self.device = device
        self._undo = undo
        self._placed = False
        self._idle: list[nn.Module] = []
        self._swapped = [block for block in self._idle_blocks(0) if any(map(_swaps, block.modules()))]
        every = [module for part in modules_of(pipe).values() for module in part.modules()]
        self._by_owner = any(_offloads(module) for module in every)
        if self._by_owner and (placement.offload != "none" or placement.release_text_encoder):
            raise ValueError(
                "the pipeline is offloaded already; leave offload and release_text_encoder of placement out"
            )
        for wanted, name in ((placement.vae_tiling, "use_tiling"), (placement.vae_slicing, "use_slicing")):
            if wanted:
                undo.callback(setattr, pipe.vae, name, getattr(pipe.vae, name))
        if placement.vae_tiling:
            pipe.vae.enable_tiling()
        if placement.vae_slicing:
            pipe.vae.enable_slicing()

    def place(self, device: torch.device, guided_blocks: int) -> None:
        """Put everything where it belongs.

        Args:
            device: where to compute; the owner's choice where the owner offloads.
            guided_blocks: blocks of the first transformer, from the first on, that are optimised through.

        Raises:
            RuntimeError: if it was placed already, and cannot be placed so without being loaded anew.
        """
        if self._by_owner:
            return
        if self._placed and device == self.device:
            self._release(guided_blocks)
            return
        if self._placed and (self.placement.offload != "none" or self.placement.storage_dtype):
            raise RuntimeError(f"the model was placed on {self.device}; load it anew to place it on {device}")
        parts = modules_of(self.pipe)
        if not self._placed:
            self._undo.callback(_put_back, [(part, _device(part)) for part in parts.values()])
        self.device, self._placed = device, True
        idle = self._idle = self._idle_blocks(guided_blocks)
        if self.placement.storage_dtype:
            compute_dtype = self.pipe.transformer.dtype
            for block in idle:
                patterns = self.pipe.transformer._skip_layerwise_casting_patterns
                apply_layerwise_casting(
                    block, getattr(torch, self.placement.storage_dtype), compute_dtype, tuple(patterns or ())
                )
        if self.placement.offload == "model":
            if device.type == "cpu":
                warnings.warn("offload: model is ignored on the CPU, where everything is already", stacklevel=2)
            else:
                self._undo.callback(self.pipe.remove_all_hooks)
                self.pipe.enable_model_cpu_offload(device=device)
                return
        if self.placement.offload == "group":
            for block in idle:
                self._undo.callback(self._fetch, block)
                apply_group_offloading(
                    block, onload_device=device, offload_type="leaf_level", use_stream=device.type == "cuda"
                )
        for name, part in parts.items():
            if not (name == "text_encoder" and self.placement.release_text_encoder):
                _move(part, device, leave=idle if self.placement.offload == "group" else ())

    def check_guided(self, guided_blocks: int) -> None:
        """Raise ``ValueError`` if a block that is to be optimised through has its weights swapped by the owner."""
        for number, block in enumerate(self.blocks.of(self.pipe.transformer)[:guided_blocks]):
            if any(block is swapped for swapped in self._swapped):
                raise ValueError(
                    f"block {number} of the pipeline is group-offloaded or cast layer by layer, so that no gradient "
                    "passes through it; use enable_model_cpu_offload, or leave it to placement"
                )

    def _release(self, guided_blocks: int) -> None:
        """Take blocks that a new adapter is optimised through from what casts and offloads their weights."""
        blocks = self.blocks.of(self.pipe.transformer)[:guided_blocks]
        for block in [guided for guided in blocks if any(guided is idle for idle in self._idle)]:
            if self.placement.storage_dtype:
                raise RuntimeError(
                    f"the model was placed for an adapter that ends before block {blocks.index(block)}, which is "
                    f"held in {self.placement.storage_dtype}; load it anew for this one"
                )
            if self.placement.offload == "group":
                self._fetch(block)
                block.to(self.device)
            self._idle = [idle for idle in self._idle if idle is not block]

    def _fetch(self, block: nn.Module) -> None:
        """Have the weights of a block no longer fetched layer by layer."""
        registry = HookRegistry.check_if_exists_or_initialize(block)
        for name in GROUP_HOOKS:
            registry.remove_hook(name, recurse=True)
        for module in block.modules():
            if not _hooks(module):
                vars(module).pop("_diffusers_hook", None)

    @contextmanager
    def text_encoder(self) -> Iterator[Any]:
        """Have the text encoder on the device for a while."""
        encoder = self.pipe.text_encoder
        released = self.placement.release_text_encoder and self.placement.offload != "model"
        if released:
            encoder.to(self.device)
        try:
            yield encoder
        finally:
            if released:
                encoder.to("cpu")
                if self.device.type == "cuda":
                    torch.cuda.empty_cache()

    def _idle_blocks(self, guided_blocks: int) -> list[nn.Module]:
        idle = self.blocks.of(self.pipe.transformer)[guided_blocks:]
        second = getattr(self.pipe, "transformer_2", None)
        return idle if second is None else [*idle, *self.blocks.of(second)]


def _swaps(module: nn.Module) -> bool:
    """Whether diffusers swaps the weights of a module, to fetch or to cast them."""
    return any(name in _hooks(module) for name in (*GROUP_HOOKS, "layerwise_casting"))


def _offloads(module: nn.Module) -> bool:
    """Whether the weights of a module are kept elsewhere, by diffusers or by accelerate."""
    hook = getattr(module, "_hf_hook", None)
    theirs = getattr(hook, "hooks", (hook,))
    by_accelerate = any(hasattr(inner, "prev_module_hook") or getattr(inner, "offload", False) for inner in theirs)
    return by_accelerate or any(name in _hooks(module) for name in GROUP_HOOKS)


def _hooks(module: nn.Module) -> Mapping[str, Any]:
    registry: Any = getattr(module, "_diffusers_hook", None)
    return {} if registry is None else registry.hooks


def _device(module: nn.Module) -> torch.device:
    return next((parameter.device for parameter in module.parameters()), torch.device("cpu"))


def _put_back(devices: list[tuple[nn.Module, torch.device]]) -> None:
    for module, device in devices:
        if any(parameter.device != device for parameter in module.parameters()):
            module.to(device)


def _move(module: nn.Module, device: torch.device, leave: Sequence[nn.Module]) -> None:
    """Move a module to a device but for some of its descendants."""
    if not any(left is descendant for left in leave for descendant in module.modules()):
        module.to(device)
        return
    if any(left is module for left in leave):
        return
    module._apply(lambda tensor: tensor.to(device), recurse=False)
    for child in module.children():
        _move(child, device, leave)
