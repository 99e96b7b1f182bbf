"""The adapter: LoRA parameters that PEFT inserts into a frozen transformer."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import ModelMixin
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

ADAPTER = "ttom"
"""PEFT's name of the adapter."""
PREFIX = "transformer."
"""Prefix of the keys that ``pipe.load_lora_weights`` reads."""


class Adapter:
    """LoRA parameters in named linear layers of a transformer whose own weights stay frozen.

    They are float32 whatever the precision of the transformer, so that small updates are not rounded away. LoRAs of
    the user that the transformer holds already stay as they are, on or off: this adapter alone is switched.

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
        remove_adapter(transformer, ADAPTER)
        transformer.requires_grad_(False)
        before = {layer: list(layer.active_adapters) for _, layer in tuner_layers(transformer)}
        config = LoraConfig(r=rank, lora_alpha=self.alpha, target_modules=list(target_modules))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*Already found a `peft_config`.*")  # LoRAs of the user
            warnings.filterwarnings("ignore", ".*without `get_apply_tensor_subclass`.*")  # it is never merged
            transformer.add_adapter(config, adapter_name=ADAPTER)  # PEFT now has this adapter on, and it alone
        self._layers: dict[Any, list[str]] = {}
        for _, layer in tuner_layers(transformer):
            others = before.get(layer, [])
            if any(ADAPTER in getattr(layer, part) for part in layer.adapter_layer_names):
                self._layers[layer] = [] if layer.disable_adapters else others
                layer.enable_adapters(True)
            else:
                layer.set_adapter(others)
        transformer.requires_grad_(False)
        named = sorted(transformer.named_parameters(), key=lambda item: item[0])
        self._parameters = {name: p for name, p in named if f".{ADAPTER}." in name}
        for parameter in self._parameters.values():
            parameter.data = parameter.data.float()
        self.active = False
        self.conditional_only = True
        self._switch()

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
        self.active = True
        self._switch()
        try:
            yield
        finally:
            self.active = False
            self._switch()

    @contextmanager
    def disabled(self) -> Iterator[None]:
        """Switch the adapter off for a while where it is on."""
        was, self.active = self.active, False
        self._switch()
        try:
            yield
        finally:
            self.active = was
            self._switch()

    def _follow(self) -> None:
        """Go where the transformer is: Lightning takes the parameters back to the CPU at the end of each fit."""
        device = self.transformer.device
        for parameter in self._parameters.values():
            if parameter.device != device:
                parameter.data = parameter.data.to(device)

    def _switch(self) -> None:
        """Bring the layers in line with :attr:`active`."""
        for layer, others in self._layers.items():
            layer.set_adapter([*others, ADAPTER] if self.active else others)
            # PEFT makes trainable what is on, and freezes what is off, which would drop the gradient of a loss that
            # is still to be propagated.
            for name, parameter in layer.named_parameters():
                parameter.requires_grad_(f".{ADAPTER}." in f".{name}")

    def remove(self) -> None:
        """Take the adapter out of the transformer, if it is still there."""
        self.active = False
        held = dict(self.transformer.named_parameters()).values()
        if any(parameter is weight for parameter in self._parameters.values() for weight in held):
            remove_adapter(self.transformer, ADAPTER)

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of the parameters under the keys that ``pipe.load_lora_weights`` reads."""
        state = get_peft_model_state_dict(self.transformer, adapter_name=ADAPTER)
        return {PREFIX + key: value.detach().clone() for key, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Set the parameters from what :meth:`state_dict` returned.

        Raises:
            ValueError: if a tensor is missing, unknown or of another shape.
        """
        self.check(state)
        plain = {key.removeprefix(PREFIX): value for key, value in state.items()}
        set_peft_model_state_dict(self.transformer, plain, adapter_name=ADAPTER)

    def check(self, state: Mapping[str, Tensor]) -> None:
        """Check parameters that :meth:`load_state_dict` is to be given.

        Raises:
            ValueError: if a tensor is missing, unknown or of another shape.
        """
        expected = self.state_dict()
        wrong = {
            k
            for k in expected.keys() | state.keys()
            if k not in expected or k not in state or expected[k].shape != state[k].shape
        }
        if wrong:
            raise ValueError(
                f"the adapter does not fit this model: {len(wrong)} tensors are missing, unknown or of another shape, "
                f"such as {min(wrong)!r}; use an adapter made with the same backbone, rank and blocks"
            )


def tuner_layers(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Yield the layers of a model that hold adapters of PEFT, of whatever name, with their own names."""
    return ((name, module) for name, module in model.named_modules() if isinstance(module, BaseTunerLayer))


def remove_adapter(model: Any, name: str) -> None:
    """Take an adapter out of a model, and with it PEFT's layers that hold no other; nothing if it has none so named."""
    if name not in getattr(model, "peft_config", {}):
        return
    for _, layer in tuner_layers(model):
        layer.set_adapter([other for other in layer.active_adapters if other != name])
    model.delete_adapters(name)
    for path, layer in list(tuner_layers(model)):
        if not any(len(getattr(layer, part)) for part in layer.adapter_layer_names):
            above, _, child = path.rpartition(".")
            setattr(model.get_submodule(above), child, layer.base_layer)
    if not getattr(model, "peft_config", {}):
        vars(model).pop("peft_config", None)
        vars(model).pop("_hf_peft_config_loaded", None)


def switches(model: nn.Module) -> Callable[[], None]:
    """Return what puts back which adapters of a model are on now."""
    now = [(layer, list(layer.active_adapters), layer.disable_adapters) for _, layer in tuner_layers(model)]

    def put_back() -> None:
        for layer, active, disabled in now:
            layer.enable_adapters(not disabled)
            layer.set_adapter(active)

    return put_back
