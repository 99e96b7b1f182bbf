"""An exported adapter in plain diffusers: on in the first denoising steps, off in the others."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from diffusers.callbacks import PipelineCallback
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ttom_pl.backbones.lora import tuner_layers
from ttom_pl.io.ranges import check_range

_STEPS = "ttom_active_steps"


def first_steps(steps: int | Path | str, adapter: str | None = None) -> "FirstSteps":
    """Return a ``callback_on_step_end`` that has a LoRA on in the first denoising steps of a video alone.

    After ``pipe.load_lora_weights(file)``: ``pipe(prompt, callback_on_step_end=first_steps(file))``. It serves any
    number of videos, and any of diffusers' video pipelines that takes a LoRA and a callback.

    Args:
        steps: how many steps, or the exported file (for PEFT the folder), which says so.
        adapter: name of the LoRA in the pipeline; not needed where there is one alone.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file does not say for which steps it was learnt, or ``steps`` is less than 1.
    """
    number = steps if isinstance(steps, int) else _learnt_for(Path(steps))
    check_range("steps", number, least=1, meaning="denoising steps, from the first, in which the adapter is on")
    return FirstSteps(number, adapter)


class FirstSteps(PipelineCallback):
    """A ``callback_on_step_end`` that switches one LoRA off after the first denoising steps, and on again at the end.

    Other LoRAs stay as they are. Of two transformers the first alone has it on, whatever was loaded into the second. It
    can be one of diffusers' ``MultiPipelineCallbacks``, the last where others end videos early.

    Args:
        steps: denoising steps, from the first, in which it is on.
        adapter: its name in the pipeline; the only one when not given.
    """

    tensor_inputs = ()

    def __init__(self, steps: int, adapter: str | None = None) -> None:
        super().__init__(cutoff_step_ratio=None, cutoff_step_index=steps)
        self.steps = steps
        self.adapter = adapter
        self._lora = ""
        self._switched_off: list[tuple[Any, list[str]]] = []

    def callback_fn(
        self, pipeline: Any, step_index: int, timesteps: Any, callback_kwargs: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Switch the LoRA as it is to be in the next step.

        Args:
            pipeline: the pipeline.
            step_index: the step that has ended, from 0.
            timesteps: its timestep.
            callback_kwargs: passed on as they are.

        Raises:
            ValueError: after the first step, if the LoRA was not on in it, or cannot be told or switched.
        """
        if step_index == 0:
            self._begin(pipeline)
        if step_index + 1 == self.steps:
            self._switch_off(pipeline.transformer)
        if step_index + 1 == pipeline.num_timesteps or pipeline.interrupt:
            self._switch_on()
        return callback_kwargs

    def _begin(self, pipeline: Any) -> None:
        left_off = bool(self._switched_off)
        self._switch_on()
        name = self._lora = self._name(pipeline)
        layers = list(_layers(pipeline.transformer, name))
        if left_off or not all(_is_on(layer, name) for layer in layers):
            now = "it is on again now" if left_off else "call pipe.enable_lora(), and pipe.set_adapters with its name"
            raise ValueError(
                f"the LoRA {name!r} was off in the first denoising step"
                f"{', as the video before ended early' if left_off else ''}; {now}, and make the video once more"
            )
        if any(name in layer.merged_adapters for layer in layers):
            raise ValueError(f"the LoRA {name!r} is fused into the weights, and cannot be switched; call unfuse_lora()")
        second = getattr(pipeline, "transformer_2", None)
        if second is not None:
            self._switch_off(second)

    def _name(self, pipeline: Any) -> str:
        names = list(getattr(pipeline.transformer, "peft_config", {}))
        if self.adapter in names:
            return str(self.adapter)
        if self.adapter is not None:
            raise ValueError(f"the pipeline's transformer has no LoRA {self.adapter!r}, but {names}; load it first")
        if not names:
            raise ValueError("the pipeline's transformer has no LoRA; call pipe.load_lora_weights first")
        if len(names) > 1:
            raise ValueError(
                f"the pipeline's transformer has {len(names)} LoRAs, {names}; name the one to switch: "
                "first_steps(..., adapter=...)"
            )
        return str(names[0])

    def _switch_off(self, transformer: Any) -> None:
        for layer in _layers(transformer, self._lora):
            active = list(layer.active_adapters)
            if self._lora in active:
                self._switched_off.append((layer, active))
                _set(layer, [other for other in active if other != self._lora])

    def _switch_on(self) -> None:
        for layer, active in self._switched_off:
            _set(layer, active)
        self._switched_off = []


def _layers(transformer: nn.Module, name: str) -> Iterator[Any]:
    """Yield the layers of a transformer that hold a LoRA."""
    for _, layer in tuner_layers(transformer):
        if any(name in getattr(layer, part) for part in layer.adapter_layer_names):
            yield layer


def _is_on(layer: Any, name: str) -> bool:
    return name in layer.active_adapters and not layer.disable_adapters


def _set(layer: Any, active: list[str]) -> None:
    """Have adapters of a layer on, and leave to PEFT's users what is trained."""
    trained = [(parameter, parameter.requires_grad) for parameter in layer.parameters()]
    layer.set_adapter(active)
    for parameter, was in trained:
        parameter.requires_grad_(was)


def _learnt_for(path: Path) -> int:
    """Return for how many steps the adapter of a file was learnt."""
    file = path / "adapter_model.safetensors" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {str(file)!r}; give what 'ttom memory export' wrote, or a number")
    try:
        with safe_open(file, "pt") as opened:
            notes: Mapping[str, str] = opened.metadata() or {}
        return int(notes[_STEPS])
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(
            f"{str(file)!r} does not say for how many denoising steps it was learnt ({_STEPS} in its metadata); "
            "give the number in place of the file"
        ) from error
