"""A diffusers pipeline, step by step, whose attention can be read, and optimised, at the least cost.

Everything goes through the pipeline's own parts in the pipeline's own order, so that without TTO the video is the
pipeline's, bit for bit. A model says how its pipeline differs from others (:mod:`ttom_pl.backbones.passages`); the rest
is parts that a backbone has: settings, reader, steering, placement, schedule.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from ttom_pl.backbones.attention import token_weights
from ttom_pl.backbones.base import Backbone, Picture
from ttom_pl.backbones.embedding import mean_embeddings
from ttom_pl.backbones.fingerprint import fingerprint
from ttom_pl.backbones.guidance import Text, guided
from ttom_pl.backbones.holding import check_held, hold
from ttom_pl.backbones.loading import load_pipeline
from ttom_pl.backbones.lora import Adapter
from ttom_pl.backbones.passages import Passages
from ttom_pl.backbones.placement import Placement, Placer
from ttom_pl.backbones.schedule import Schedule
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.steering import Steering
from ttom_pl.backbones.tokens import spans_in, token_positions
from ttom_pl.backbones.user_loras import load_loras
from ttom_pl.scene import Conditioning


class PipelineBackbone(Passages, Backbone):
    """A frozen diffusers pipeline; a model's :class:`Passages` say how it is driven.

    A pipeline in memory keeps its LoRAs, its precision and its offloading, and stays of use meanwhile: it has a
    scheduler of its own. After :meth:`close` it is as it was found.

    Args:
        pretrained: a pipeline's folder, the id of one on the Hugging Face hub, or a pipeline in memory.
        settings: how it is loaded, placed and sampled.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub, or a LoRA cannot be read.
        ValueError: if the model cannot make videos of this size, or a LoRA, schedule or quantisation does not fit it.
    """

    def __init__(self, pretrained: str | DiffusionPipeline, settings: Settings) -> None:
        self.settings = settings
        self.placement = settings.placement or Placement()
        self.schedule = settings.schedule or Schedule()
        held = isinstance(pretrained, DiffusionPipeline)
        if held:
            check_held(pretrained, self.pipeline_class, settings)
        self._undo = ExitStack()
        self._changed: Conditioning | None = None
        try:
            self.pipe = hold(pretrained if held else self.load(pretrained, settings), self._undo)
            self._dtype: torch.dtype = self.pipe.transformer.dtype
            load_loras(self.pipe, settings.loras or (), self._undo)
            self._check()
            self.pipe.scheduler = self._scheduler()
            device = self.pipe._execution_device if held else torch.device("cpu")
            self._placer = Placer(self.pipe, self.placement, self.blocks, self._undo, device)
            self.steering = Steering(
                self.pipe.transformer, self.blocks, self.reader, self.placement.gradient_checkpointing, self._undo
            )
        except BaseException:
            self.close()
            raise

    @classmethod
    def load(cls, pretrained: str, settings: Settings) -> Any:
        """Return the pipeline of a folder or of the hub, as the settings want it."""
        dtype = getattr(torch, settings.dtype)
        vae = settings.vae_dtype or ("float32" if cls.float32_vae else settings.dtype)
        return load_pipeline(cls.pipeline_class, pretrained, dtype, getattr(torch, vae), settings.quantization)

    @classmethod
    def from_settings(cls, pretrained: str | DiffusionPipeline, settings: Settings) -> Self:
        """Return a backbone with the settings of a record, such as another backbone's."""
        return cls(pretrained, **vars(settings))

    def close(self) -> None:
        """Take out all that was put into the pipeline's parts: adapters, LoRAs, hooks; and put back what was set."""
        self._undo.close()

    # What the model is

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the adapted transformer's config, a sample of every weight, and the LoRAs that are on."""
        return fingerprint(self.pipe.transformer, self.name, getattr(self.pipe, "transformer_2", None))

    @property
    def facts(self) -> Mapping[str, Any]:
        """The model's name and class, its experts, and how it samples."""
        schedule = self.pipe.scheduler.config
        return {
            "model": _name(str(self.pipe.config.get("_name_or_path") or "")),
            "pipeline": self.pipeline_class.__name__,
            "experts": 1 if getattr(self.pipe, "transformer_2", None) is None else 2,
            "steps": self.num_steps,
            "height": self.settings.height,
            "width": self.settings.width,
            "frames": self.settings.num_frames,
            "fps": self.fps,
            "guidance": float(self.settings.guidance_scale),
            "shift": schedule.get("flow_shift") or schedule.get("shift"),
            "boundary": self.pipe.config.get("boundary_ratio"),
        }

    @property
    def grid(self) -> tuple[int, int, int]:
        """Frames, rows and columns of the attention grid."""
        return self.units.grid(self.settings, self._sampled_frames)

    @property
    def num_blocks(self) -> int:
        """Transformer blocks."""
        return len(self.blocks.of(self.pipe.transformer))

    @cached_property
    def num_steps(self) -> int:
        """Denoising steps of a video: the calls of the transformer, of which some schedulers make more than asked."""
        self._set_timesteps(self.device)
        return len(self.pipe.scheduler.timesteps)

    @property
    def fps(self) -> int:
        """Frames per second of a video."""
        return self.settings.fps

    # Where it is

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self._placer.device

    def to(self, device: torch.device) -> None:
        """Put the pipeline on a device, as ``placement`` says; one that its owner offloads stays where it is."""
        _ = self.fingerprint  # of the weights as they were loaded, before any cast
        self._placer.place(device, self.steering.guided_blocks)

    # Text

    def token_positions(self, prompt: str, words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[int]:
        """Return the token positions of an object's words."""
        cleaned = self._clean(prompt)
        spans = spans_in(cleaned, prompt, spans)
        return token_positions(self._tokenizer, cleaned, words, spans, self._seen_tokens, self._template())

    @torch.no_grad()
    def encode(self, prompt: str, image: Picture | None = None) -> Conditioning:
        """Encode the prompt and the negative prompt."""
        self.check_image(image)
        with self._placer.text_encoder():
            return self._encode(prompt, self.device)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return the mean of the text encoder's token embeddings, normalised."""
        with self._placer.text_encoder() as text_encoder:
            return mean_embeddings(self._tokenizer, text_encoder, texts, self.device)

    # Sampling

    def start(self, seed: int, generator: torch.Generator | None = None) -> Tensor:
        """Reset the scheduler and draw the noise as the pipeline does, from a CPU generator if none is given.

        A scheduler that draws noise draws it from the seed too; beside a generator, from what the pipeline gives it.
        """
        self._generator = torch.Generator().manual_seed(seed) if generator is None else generator
        self._step_generator = self._generator if generator is None else None
        self._changed, self.pipe._interrupt = None, False
        self._set_timesteps(self.device)
        return self._noise()

    def _noise(self) -> Tensor:
        latents: Tensor = self.pipe.prepare_latents(
            batch_size=1,
            num_channels_latents=self._latent_channels,
            height=self.settings.height,
            width=self.settings.width,
            num_frames=self._sampled_frames,
            dtype=self._latent_dtype,
            device=self.device,
            generator=self._generator,
        )
        return latents

    def predict(self, latents: Tensor, index: int, conditioning: Conditioning, text: Text) -> Tensor:
        """Return what the transformer predicts at a step: for each text of the batch a tensor like the latents."""
        latents = torch.cat([latents] * len(text.embeds))
        timestep = self.pipe.scheduler.timesteps[index].to(latents.device).expand(len(latents))
        inputs = self._inputs(latents, timestep, conditioning) | self._text(text)
        transformer = self._transformer(index)
        with self.steering.around(transformer, text):
            prediction: Tensor = transformer(**inputs).sample
        return prediction.float() if self.batched else prediction

    @property
    def interrupted(self) -> bool:
        """Whether the pipeline's ``_interrupt`` was set since the start."""
        return bool(getattr(self.pipe, "_interrupt", False))

    @property
    def one_batch(self) -> bool:
        """Whether both passes of guidance run as one batch."""
        wanted = self.batched if self.placement.batched_guidance is None else self.placement.batched_guidance
        return wanted and not self.steering.conditional_only

    @torch.no_grad()
    def step(self, latents: Tensor, index: int, conditioning: Conditioning) -> Tensor:
        """Take one step of the pipeline's sampling loop."""
        if self.interrupted:
            return latents
        known = self._changed or conditioning

        def predict(text: Text) -> Tensor:
            return self.predict(latents, index, known, text)

        stepped = self._advance(guided(predict, known, self._scale(index), self.one_batch), index, latents)
        if self.on_step_end is not None:
            stepped, self._changed = self.on_step_end(index, stepped, known)
        if index == len(self.pipe.scheduler.timesteps) - 1:
            self._changed = None
        return stepped

    def decode(self, latents: Tensor) -> Tensor:
        """Decode as the pipeline does."""
        frames: Tensor = self.frames(latents, "pt")[0]
        return frames

    @torch.no_grad()
    def frames(self, latents: Tensor, output_type: str) -> Any:
        """Return what the pipeline returns as ``frames``, a batch of one video.

        Args:
            latents: the latents after the last step.
            output_type: ``pt``, ``np``, ``pil``, or ``latent`` for the latents themselves.
        """
        video: Any = latents
        if output_type != "latent":
            video = self.pipe.video_processor.postprocess_video(self._decode(latents), output_type=output_type)
        self.pipe.maybe_free_model_hooks()
        return video

    # TTO

    @property
    def adapter(self) -> Adapter | None:
        """The adapter, once there is one."""
        return self.steering.adapter

    def add_adapter(self, rank: int, alpha: float | None, loss_blocks: Sequence[int]) -> Adapter:
        """Insert LoRA in the probed attention of all blocks up to the last probed one, in place of an earlier one."""
        self._placer.check_guided(max(loss_blocks) + 1)
        return self.steering.add_adapter(rank, alpha, loss_blocks)

    def biased(self, bias: Tensor | None) -> AbstractContextManager[None]:
        """Add a bias, shape (S, L), in the conditional passes, also those that :meth:`object_attention` reads."""
        return self.steering.biased(bias) if self.reader.can_bias else super().biased(bias)

    def object_attention(
        self,
        latents: Tensor,
        index: int,
        conditioning: Conditioning,
        objects: Sequence[Sequence[int]],
        blocks: Sequence[int],
    ) -> Tensor:
        """Run the conditional pass as far as the last of ``blocks`` and return the attention it makes on the way."""
        if index >= self.max_guided_steps:
            raise ValueError(
                f"step {index} is not taken by the adapted transformer; its steps are 0 to {self.max_guided_steps - 1}"
            )
        conditioning = self._changed or conditioning
        weights = token_weights(objects, conditioning.prompt_embeds.shape[1], latents.device)
        with self.steering.reading(self._in_sequence(weights, conditioning), blocks) as maps:
            self.predict(latents, index, conditioning, Text.prompt(conditioning))
        attention: Tensor = torch.stack([maps[block] for block in blocks]).unflatten(-1, self.grid)
        return attention


def _name(pretrained: str) -> str:
    """Return a model's id on the hub, or the last part of its folder: where it lies on a disk is nobody's business."""
    cached = re.search(r"models--([^/\\]+)--([^/\\]+)", pretrained)
    if cached:
        return f"{cached[1]}/{cached[2]}"
    a_folder = Path(pretrained).is_absolute() or Path(pretrained).exists() or pretrained.count("/") != 1
    return (Path(pretrained).name if a_folder else pretrained)[:256]
