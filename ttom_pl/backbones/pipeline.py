"""A diffusers pipeline, step by step, whose attention can be read, and optimised, at the least cost.

Everything goes through the pipeline's own parts in the pipeline's own order, so that without TTO the video is the
pipeline's, bit for bit. A model says how its pipeline differs from others (:mod:`ttom_pl.backbones.passages`); the rest
is parts that a backbone has: settings, reader, steering, placement, schedule.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from diffusers import DiffusionPipeline
from torch import Tensor

from ttom_pl.backbones.attention import token_weights
from ttom_pl.backbones.base import Backbone
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
    def encode(self, prompt: str, image: Path | None = None) -> Conditioning:
        """Encode the prompt and the negative prompt."""
        self.check_image(image)
        with self._placer.text_encoder():
            return self._encode(prompt, self.device)

    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return the mean of the text encoder's token embeddings, normalised."""
        with self._placer.text_encoder() as text_encoder:
            return mean_embeddings(self._tokenizer, text_encoder, texts, self.device)

    # Sampling

    def start(self, seed: int) -> Tensor:
        """Reset the scheduler and draw the noise as the pipeline does, from a CPU generator."""
        self._generator = torch.Generator().manual_seed(seed)
        self._set_timesteps(self.device)
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
    def one_batch(self) -> bool:
        """Whether both passes of guidance run as one batch."""
        wanted = self.batched if self.placement.batched_guidance is None else self.placement.batched_guidance
        return wanted and not self.steering.conditional_only

    @torch.no_grad()
    def step(self, latents: Tensor, index: int, conditioning: Conditioning) -> Tensor:
        """Take one step of the pipeline's sampling loop."""

        def predict(text: Text) -> Tensor:
            return self.predict(latents, index, conditioning, text)

        return self._advance(guided(predict, conditioning, self._scale(index), self.one_batch), index, latents)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Decode as the pipeline does."""
        video = self._decode(latents)
        frames: Tensor = self.pipe.video_processor.postprocess_video(video, output_type="pt")[0]
        self.pipe.maybe_free_model_hooks()
        return frames

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
        weights = token_weights(objects, conditioning.prompt_embeds.shape[1], latents.device)
        with self.steering.reading(self._in_sequence(weights, conditioning), blocks) as maps:
            self.predict(latents, index, conditioning, Text.prompt(conditioning))
        attention: Tensor = torch.stack([maps[block] for block in blocks]).unflatten(-1, self.grid)
        return attention
