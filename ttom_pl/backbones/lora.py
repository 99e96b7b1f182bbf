"""The adapter: LoRA parameters that PEFT inserts into a frozen transformer."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from diffusers import ModelMixin
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

ADAPTER = "ttom"
"""PEFT's name of the adapter."""
PREFIX = "transformer."
"""Prefix of the keys that ``pipe.load_lora_weights`` reads."""


class Adapter:
    """LoRA parameters in named linear layers of a transformer whose own weights stay frozen.

    They are float32 whatever the precision of the transformer, so that small updates are not rounded away.

    Args:
        transformer: a diffusers transformer.
        rank: rank of the LoRA matrices.
        alpha: scale of the LoRA matrices times the rank; the rank itself when not given (scale 1).
        target_modules: full names of the adapted layers.

    Attributes:
        active: whether it is on.
        conditional_only: whether it is left out of the pass of the negative prompt even then.
    """

    def __init__(self, transformer: ModelMixin, rank: int, alpha: float | None, target_modules: Sequence[str]) -> None:
        self.transformer = transformer
        self.rank = rank
        self.alpha = float(rank if alpha is None else alpha)
        self.target_modules = tuple(target_modules)
        if ADAPTER in getattr(transformer, "peft_config", {}):
            transformer.delete_adapters(ADAPTER)
        transformer.requires_grad_(False)
        config = LoraConfig(r=rank, lora_alpha=self.alpha, target_modules=list(target_modules))
        transformer.add_adapter(config, adapter_name=ADAPTER)
        named = sorted(transformer.named_parameters(), key=lambda item: item[0])
        self._parameters = {name: p for name, p in named if f".{ADAPTER}." in name}
        for parameter in self._parameters.values():
            parameter.data = parameter.data.float()
        self.active = False
        self.conditional_only = True
        self._switch_off()

    def parameters(self) -> list[nn.Parameter]:
        """Return the LoRA parameters, in the order of their names."""
        return list(self._parameters.values())

    @torch.no_grad()
    def reset(self, seed: int) -> None:
        """Make the adapter neutral again: A Kaiming-uniform from ``seed``, B zero (Hu et al. 2021)."""
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self._parameters.items():
            if f"lora_A.{ADAPTER}." in name:
                values = torch.empty(parameter.shape)
                nn.init.kaiming_uniform_(values, a=math.sqrt(5), generator=generator)
                parameter.copy_(values)
            elif f"lora_B.{ADAPTER}." in name:
                parameter.zero_()

    @contextmanager
    def enabled(self) -> Iterator[None]:
        """Switch the adapter on for a while; it is off otherwise."""
        if self.active:
            yield
            return
        self._follow()
        self.transformer.enable_adapters()
        self.active = True
        try:
            yield
        finally:
            self.active = False
            self._switch_off()

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """Switch the adapter off for a while where it is on."""
        self.active = False
        self._switch_off()
        try:
            yield
        finally:
            self.transformer.enable_adapters()
            self.active = True

    def _follow(self) -> None:
        """Go where the transformer is: Lightning takes the parameters back to the CPU at the end of each fit."""
        device = self.transformer.device
        for parameter in self._parameters.values():
            if parameter.device != device:
                parameter.data = parameter.data.to(device)

    def _switch_off(self) -> None:
        self.transformer.disable_adapters()
        # PEFT freezes a disabled adapter, which would drop the gradient of a loss that is still to be propagated.
        for parameter in self._parameters.values():
            parameter.requires_grad_(True)

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of the parameters under the keys that ``pipe.load_lora_weights`` reads."""
        state = get_peft_model_state_dict(self.transformer, adapter_name=ADAPTER)
        return {PREFIX + key: value.detach().clone() for key, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Set the parameters from what :meth:`state_dict` returned.

        Raises:
            ValueError: if a tensor is missing, unknown or of another shape.
        """
        own = self.state_dict()
        wrong = {
            k for k in own.keys() | state.keys() if k not in own or k not in state or own[k].shape != state[k].shape
        }
        if wrong:
            raise ValueError(
                f"the adapter does not fit this model: {len(wrong)} tensors are missing, unknown or of another shape, "
                f"such as {min(wrong)!r}; use an adapter made with the same backbone, rank and blocks"
            )
        plain = {key.removeprefix(PREFIX): value for key, value in state.items()}
        set_peft_model_state_dict(self.transformer, plain, adapter_name=ADAPTER)
