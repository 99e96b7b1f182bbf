"""What diffusers' pipelines tell their caller at the end of a denoising step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from torch import Tensor

from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.scene import Conditioning

Callback = Callable[[Any, int, Any, dict[str, Tensor]], Mapping[str, Tensor]]
"""As diffusers' ``callback_on_step_end``: called with pipeline, step, timestep and tensors; returns what it changed."""


class StepEndCallback:
    """A ``callback_on_step_end`` of a diffusers pipeline, around a backbone.

    It is called with a pipeline that has the parts of the held one and the state of this call, its scheduler, guidance
    scale and number of steps among it; ``_interrupt`` set there ends the video early, as in diffusers.

    Args:
        callback: the callback.
        inputs: names of the tensors that it is given; a ``PipelineCallback`` brings its own.
        backbone: whose steps it follows.

    Raises:
        ValueError: if the pipeline has no such tensor to give.
    """

    def __init__(self, callback: Callback, inputs: Sequence[str], backbone: PipelineBackbone) -> None:
        brings_its_own = isinstance(callback, PipelineCallback | MultiPipelineCallbacks)
        self.inputs = list(callback.tensor_inputs if brings_its_own else inputs)  # type: ignore[attr-defined]
        known = backbone.pipe._callback_tensor_inputs
        unknown = [name for name in self.inputs if name not in known]
        if unknown:
            raise ValueError(
                f"callback_on_step_end_tensor_inputs has {unknown[0]!r}; this pipeline has {', '.join(known)}"
            )
        self.callback = callback
        self.backbone = backbone
        self._negative: Tensor | None = None
        pipe, settings = backbone.pipe, backbone.settings
        self._scales = {"_guidance_scale": settings.guidance_scale, "_guidance_scale_2": None}
        if getattr(pipe.config, "boundary_ratio", None) is not None:
            second = getattr(settings, "guidance_scale_2", None)
            self._scales["_guidance_scale_2"] = settings.guidance_scale if second is None else second
        for name, value in {**self._scales, "_num_timesteps": backbone.num_steps, "_attention_kwargs": None}.items():
            setattr(pipe, name, value)

    def __call__(self, index: int, latents: Tensor, conditioning: Conditioning) -> tuple[Tensor, Conditioning]:
        """Call it, and return latents and conditioning to go on with.

        Raises:
            ValueError: if it has changed the scale of the guidance, which is settled for the video.
        """
        pipe = self.backbone.pipe
        if getattr(self.backbone.settings, "use_dynamic_cfg", False):
            self._scales["_guidance_scale"] = pipe._guidance_scale = self.backbone._scale(index)
        timestep = pipe._current_timestep = pipe.scheduler.timesteps[index]
        tensors = {"latents": latents, **self._embeds(conditioning)}
        changed = self.callback(pipe, index, timestep, {name: tensors[name] for name in self.inputs})
        for name, value in self._scales.items():
            if getattr(pipe, name) != value:
                raise ValueError(
                    f"callback_on_step_end has set {name} to {getattr(pipe, name)}; the guidance of a video stays "
                    f"{value} here, so give guidance_scale in the call"
                )
        latents = changed.get("latents", latents)
        return latents, self._changed(conditioning, {name: changed[name] for name in changed if name != "latents"})

    def _embeds(self, conditioning: Conditioning) -> dict[str, Any]:
        """Return the embeddings as the pipeline's loop holds them.

        Where it runs both passes as one batch it joins them before the loop, and the negative prompt's by themselves
        stay what they were.
        """
        prompt, negative = conditioning.prompt_embeds, conditioning.negative_prompt_embeds
        if self.backbone.batched and negative is not None:
            prompt = torch.cat([negative, prompt])
            negative = self._negative = negative if self._negative is None else self._negative
        return {"prompt_embeds": prompt, "negative_prompt_embeds": negative}

    def _changed(self, conditioning: Conditioning, changed: Mapping[str, Tensor]) -> Conditioning:
        prompt, negative = changed.get("prompt_embeds"), changed.get("negative_prompt_embeds")
        if self.backbone.batched:
            if prompt is None or conditioning.negative_prompt_embeds is None:
                negative = None
            elif len(prompt) == 2:
                negative, prompt = prompt.chunk(2)
            else:
                raise ValueError(
                    f"callback_on_step_end has made prompt_embeds a batch of {len(prompt)}; with guidance it is 2, the "
                    "negative prompt's and the prompt's"
                )
        new = {"prompt_embeds": prompt, "negative_prompt_embeds": negative}
        return replace(conditioning, **{name: value for name, value in new.items() if value is not None})


__all__ = ["StepEndCallback"]
