"""LoRAs of the user: a style, a character, a few-step distillation. TTO stands on top of them."""

import math
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffusers.utils import logging as diffusers_logging

from ttom_pl.backbones.lora import ADAPTER, remove_adapter, tuner_layers


@dataclass(frozen=True)
class Lora:
    """A LoRA that is on in every pass of the model.

    Attributes:
        path: a file, a folder with one file, or a file of a repository on the Hugging Face hub, ``owner/name/file``.
        weight: its strength in the transformer; 0 leaves it out there.
        weight_2: its strength in the second transformer of models that have one (the low-noise expert of Wan 2.2 A14B);
            left out there when not given.
        name: its name in PEFT; ``lora_0``, ``lora_1`` … when not given.

    Raises:
        ValueError: if a weight is not finite, both are 0, or the name cannot be one.
        FileNotFoundError: if the path is a local one and not there.
    """

    path: str
    weight: float = 1.0
    weight_2: float | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        for field in ("weight", "weight_2"):
            value = getattr(self, field)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{field} of the LoRA {self.path!r} is {value}; it must be a number")
        if not self.weight and not self.weight_2:
            raise ValueError(f"the LoRA {self.path!r} has a weight of 0, which does nothing; leave it out of loras")
        if self.name is not None and (self.name == ADAPTER or not self.name.isidentifier()):
            raise ValueError(
                f"the name of the LoRA {self.path!r} is {self.name!r}; take letters, digits and _, "
                f"other than {ADAPTER!r}, the name of what TTO learns"
            )
        if not Path(self.path).exists() and not self._on_hub:
            raise FileNotFoundError(f"no LoRA {self.path!r}; give a .safetensors file or 'owner/name/file' on the hub")

    @property
    def _on_hub(self) -> bool:
        parts = self.path.split("/")
        a_file = len(parts) == 2 and Path(self.path).suffix in (".safetensors", ".bin", ".pt")
        return len(parts) > 1 and not a_file and not self.path.startswith((".", "/", "~"))

    @property
    def source(self) -> dict[str, Any]:
        """The arguments of ``pipe.load_lora_weights`` that say where it is."""
        path = Path(self.path)
        if path.is_file():
            return {"pretrained_model_name_or_path_or_dict": str(path.parent), "weight_name": path.name}
        if path.is_dir():
            return {"pretrained_model_name_or_path_or_dict": str(path)}
        owner, repository, *file = self.path.split("/")
        named = {"weight_name": "/".join(file)} if file else {}
        return {"pretrained_model_name_or_path_or_dict": f"{owner}/{repository}", **named}


def load_loras(pipe: Any, loras: Sequence[Lora], undo: ExitStack) -> None:
    """Load LoRAs into a pipeline, frozen and on, beside those that it has.

    Args:
        pipe: the pipeline.
        loras: what to load.
        undo: takes what unloads them again.

    Raises:
        ValueError: if the pipeline takes none or has no second transformer, if a file holds nothing for it or does not
            fit, or if two have one name.
        FileNotFoundError: if a file cannot be had.
    """
    names = [lora.name or f"lora_{number}" for number, lora in enumerate(loras)]
    there = {name for transformer in _transformers(pipe) for name in getattr(transformer, "peft_config", {})}
    for number, name in enumerate(names):
        if name in there or name in names[:number]:
            raise ValueError(f"two LoRAs are named {name!r}; give {loras[number].path!r} another name")
    for name, lora in zip(names, loras, strict=True):
        for number, weight in enumerate((lora.weight, lora.weight_2)):
            if weight:
                _load(pipe, lora, name, weight, undo, second=number == 1)


def _load(pipe: Any, lora: Lora, name: str, weight: float, undo: ExitStack, second: bool) -> None:
    model = getattr(pipe, "transformer_2", None) if second else pipe.transformer
    if model is None:
        raise ValueError(f"weight_2 of the LoRA {lora.path!r} is {weight}, but this model has one transformer")
    on = {layer: [] if layer.disable_adapters else list(layer.active_adapters) for _, layer in tuner_layers(model)}
    undo.callback(remove_adapter, model, name)
    more = {"load_into_transformer_2": True} if second else {}
    before = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()  # that nothing fits is said below, as an error
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*Already found a `peft_config`.*")
            if hasattr(pipe, "load_lora_weights"):
                pipe.load_lora_weights(**lora.source, adapter_name=name, **more)
            else:  # HunyuanVideo 1.5: its transformer alone takes them
                model.load_lora_adapter(**lora.source, prefix="transformer", adapter_name=name)
    except OSError as error:
        raise FileNotFoundError(f"the LoRA {lora.path!r} cannot be read: {error}") from error
    except (ValueError, KeyError, RuntimeError) as error:
        raise ValueError(f"the LoRA {lora.path!r} does not fit {type(model).__name__}: {error}") from error
    finally:
        diffusers_logging.set_verbosity(before)
    if name not in getattr(model, "peft_config", {}):
        raise ValueError(f"the LoRA {lora.path!r} holds nothing for {type(model).__name__}; is it of another model?")
    for _, layer in tuner_layers(model):
        layer.enable_adapters(True)
        layer.set_adapter([*on.get(layer, []), name])
        layer.set_scale(name, weight)
    model.requires_grad_(False)


def _transformers(pipe: Any) -> list[Any]:
    return [model for model in (pipe.transformer, getattr(pipe, "transformer_2", None)) if model is not None]
