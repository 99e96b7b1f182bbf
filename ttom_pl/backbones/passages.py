"""The passages of a pipeline's ``__call__`` in which models differ: all that a new model has to say."""

from abc import ABC, abstractmethod
from inspect import signature
from typing import Any, ClassVar

import torch
from torch import Tensor

from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.parts import Blocks
from ttom_pl.backbones.reader import AttentionReader
from ttom_pl.backbones.schedule import Schedule
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.size import Units
from ttom_pl.backbones.tokens import Template
from ttom_pl.scene import Conditioning


class Passages(ABC):
    """What a model says of its pipeline; what is not abstract is what most pipelines do.

    Attributes:
        pipeline_class: class of the pipeline.
        name: first part of the fingerprint.
        reader: how the attention of its blocks from video to text is read.
        blocks: where the blocks of the transformer are.
        batched: whether the pipeline runs both passes of guidance as one batch, and adds them in float32.
        can_be_called: whether :class:`~ttom_pl.TTOM` can be called as its pipeline is.
        float32_vae: whether the VAE is in float32 beside a transformer of lower precision, unless told otherwise.
        pipe: the pipeline.
        settings: how it is placed and sampled.
        schedule: the scheduler and its steps.
    """

    pipeline_class: ClassVar[Any]
    name: ClassVar[str]
    reader: ClassVar[AttentionReader]
    blocks: ClassVar[Blocks] = Blocks(("transformer_blocks",))
    batched: ClassVar[bool] = True
    can_be_called: ClassVar[bool] = True
    float32_vae: ClassVar[bool] = False

    pipe: Any
    settings: Settings
    schedule: Schedule
    _generator: torch.Generator
    _step_generator: torch.Generator | None

    # Size and schedule

    @property
    @abstractmethod
    def units(self) -> Units:
        """What latents and tokens are made of."""

    @property
    def _sampled_frames(self) -> int:
        """Frames that are sampled, of which ``num_frames`` are decoded."""
        return self.settings.num_frames

    @property
    def _latent_channels(self) -> int:
        return int(self.pipe.transformer.config.in_channels)

    @property
    def _latent_dtype(self) -> torch.dtype:
        return torch.float32

    def _check(self) -> None:
        """Raise ``ValueError`` if the settings do not fit the model."""
        self.units.check(self.settings)
        if self._tokenizer is not None:
            self._template().check(self._tokenizer)

    def _scheduler(self) -> Any:
        """Return the scheduler, made of the pipeline's own."""
        return self.schedule.scheduler_from(self.pipe.scheduler)

    def _set_timesteps(self, device: torch.device, **arguments: Any) -> None:
        self.schedule.set_timesteps(self.pipe.scheduler, self.settings.num_inference_steps, device, **arguments)

    # Text

    @property
    def _tokenizer(self) -> Any:
        """The tokenizer of the text whose tokens the video attends to."""
        return self.pipe.tokenizer

    @property
    def _seen_tokens(self) -> int:
        """Tokens of a prompt that the text encoder sees for sure, from the first on."""
        return self.settings.max_sequence_length

    def _clean(self, prompt: str) -> str:
        """Return the prompt as the pipeline gives it to the tokenizer."""
        return prompt

    def _conditioning(self, *encoded: Any) -> Conditioning:
        """Return what the pipeline's ``encode_prompt`` returned, under our names."""
        return Conditioning(*encoded)

    def _encode(self, prompt: str, device: torch.device) -> Conditioning:
        """Encode the prompt, and the negative prompt where there is guidance."""
        encoded = self.pipe.encode_prompt(
            prompt=prompt,
            negative_prompt=self.settings.negative_prompt,
            do_classifier_free_guidance=self.settings.guidance_scale > 1,
            max_sequence_length=self.settings.max_sequence_length,
            device=device,
        )
        return self._conditioning(*encoded)

    def _template(self) -> Template:
        """Return what the pipeline puts a prompt into before it is tokenized."""
        return Template()

    def _in_sequence(self, weights: Tensor, conditioning: Conditioning) -> Tensor:
        """Return weights of the text's tokens, shape (L, M), in the order and length in which the blocks have text."""
        return weights

    # A step

    def _transformer(self, index: int) -> Any:
        """Return the transformer of a step."""
        return self.pipe.transformer

    def _scale(self, index: int) -> float:
        """Return the guidance scale of a step."""
        return self.settings.guidance_scale

    @abstractmethod
    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        """Return what the transformer is called with, but for the text; ``latents`` may be a batch of two."""

    def _text(self, text: Text) -> dict[str, Any]:
        """Return what the transformer is called with of the text."""
        return {"encoder_hidden_states": text.embeds}

    def _advance(self, noise: Tensor, index: int, latents: Tensor) -> Tensor:
        """Return the latents after the scheduler's step; if it draws noise, it draws it from the prompt's seed."""
        scheduler = self.pipe.scheduler
        drawn = {"generator": self._step_generator} if "generator" in signature(scheduler.step).parameters else {}
        stepped: Tensor = scheduler.step(noise, scheduler.timesteps[index], latents, **drawn, return_dict=False)[0]
        return stepped

    # The video

    @abstractmethod
    def _decode(self, latents: Tensor) -> Tensor:
        """Return the VAE's video, shape (1, 3, F, H, W) in [-1, 1]."""
