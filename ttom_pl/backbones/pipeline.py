"""A diffusers pipeline, step by step.

Everything goes through the pipeline's own parts in the pipeline's own order, so that without TTO the video is the
pipeline's, bit for bit. :mod:`ttom_pl.backbones.guided` adds the adapter and the attention that it is optimised on, a
family how attention is read, and a model how its pipeline differs from the others; ``docs/backbones.md`` has the steps.
"""

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from diffusers import DiffusionPipeline
from torch import Tensor

from ttom_pl.backbones.base import Backbone
from ttom_pl.backbones.fingerprint import fingerprint
from ttom_pl.backbones.loading import frozen, load_pipeline
from ttom_pl.backbones.placement import Placement, Placer
from ttom_pl.backbones.quantization import Quantization
from ttom_pl.backbones.schedule import Schedule
from ttom_pl.backbones.tokens import spans_in, token_positions
from ttom_pl.backbones.user_loras import Lora, load_loras
from ttom_pl.io.ranges import check_range
from ttom_pl.scene import Conditioning

Dtype = Literal["float32", "bfloat16", "float16"]


class PipelineBackbone(Backbone):
    """A frozen diffusers pipeline, without TTO.

    Args:
        pretrained: a pipeline's folder, the id of one on the Hugging Face hub, or a pipeline as it is, with its LoRAs,
            scheduler and precision.
        height: pixels.
        width: pixels.
        num_frames: frames of the video.
        num_inference_steps: denoising steps.
        guidance_scale: scale of classifier-free guidance; off at 1 and below.
        max_sequence_length: tokens that the prompt is padded or cut to.
        fps: frames per second that the video is played at.
        negative_prompt: what to steer away from.
        dtype: precision of the weights.
        vae_dtype: precision of the VAE; as the model's family wants it when not given.
        placement: how the model is fitted to the card; everything on it when not given.
        loras: LoRAs that are on in every pass, such as a style or a few-step distillation.
        schedule: the scheduler and its steps; the pipeline's own when not given.
        quantization: which parts are held in fewer bits; none when not given.

    Attributes:
        pipeline_class: class of the pipeline.
        name: first part of the fingerprint.
        blocks_name: name of the list of blocks in the transformer.
        batched: whether the pipeline runs both passes of guidance as one batch, and adds them in float32.
        float32_vae: whether the VAE is in float32 beside a transformer of lower precision, unless told otherwise.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub, or a LoRA cannot be read.
        ValueError: if the model cannot make videos of this size, or a LoRA, schedule or quantisation does not fit it.
    """

    pipeline_class: ClassVar[Any]
    name: ClassVar[str]
    blocks_name: ClassVar[str] = "transformer_blocks"
    batched: ClassVar[bool] = True
    float32_vae: ClassVar[bool] = False

    def __init__(
        self,
        pretrained: str | DiffusionPipeline,
        height: int,
        width: int,
        num_frames: int,
        num_inference_steps: int,
        guidance_scale: float,
        max_sequence_length: int,
        fps: int,
        negative_prompt: str = "",
        dtype: Dtype = "float32",
        vae_dtype: Dtype | None = None,
        placement: Placement | None = None,
        loras: list[Lora] | None = None,
        schedule: Schedule | None = None,
        quantization: Quantization | None = None,
    ) -> None:
        for name, value, unit in (
            ("height", height, "pixels"),
            ("width", width, "pixels"),
            ("num_frames", num_frames, "frames of the video"),
            ("num_inference_steps", num_inference_steps, "denoising steps"),
            ("max_sequence_length", max_sequence_length, "tokens"),
            ("fps", fps, "frames per second"),
        ):  # before the model is loaded
            check_range(name, value, least=1, meaning=unit)
        check_range("guidance_scale", guidance_scale, least=0, meaning="guidance is off at 1 and below")
        self.pretrained = pretrained
        self.height = height
        self.width = width
        self.num_frames = num_frames
        self.num_inference_steps = num_inference_steps
        self.guidance_scale = guidance_scale
        self.negative_prompt = negative_prompt
        self.max_sequence_length = max_sequence_length
        self._fps = fps
        self.placement = placement or Placement()
        self.quantization = quantization
        if quantization is not None and self.placement.storage_dtype is not None:
            raise ValueError("placement.storage_dtype and quantization both make the weights small; leave one out")
        vae: Dtype = vae_dtype or ("float32" if self.float32_vae else dtype)
        self.pipe = self._load(getattr(torch, dtype), getattr(torch, vae))
        self._dtype: torch.dtype = self.pipe.transformer.dtype
        load_loras(self.pipe, loras or ())
        self._guidance = guidance_scale > 1
        self._check_size()
        self.schedule = schedule or Schedule()
        self.pipe.scheduler = self.schedule.scheduler_from(self.pipe.scheduler)
        self._placer = Placer(self.pipe, self.placement, self.blocks_name)

    def _load(self, dtype: torch.dtype, vae_dtype: torch.dtype) -> Any:
        if isinstance(self.pretrained, DiffusionPipeline):
            if self.quantization is not None:
                raise ValueError("a loaded pipeline cannot be quantised; load it so, or give its folder")
            return frozen(self.pretrained)
        return load_pipeline(self.pipeline_class, self.pretrained, dtype, vae_dtype, self.quantization)

    # What a model is

    @property
    @abstractmethod
    def _compression(self) -> tuple[int, int]:
        """Frames and pixels per latent."""

    @property
    @abstractmethod
    def _patch(self) -> tuple[int, int, int]:
        """Latent frames, rows and columns per token."""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the adapted transformer's config, a sample of every weight, and the LoRAs that are on."""
        return fingerprint(self.pipe.transformer, self.name, getattr(self.pipe, "transformer_2", None))

    @property
    def grid(self) -> tuple[int, int, int]:
        """Frames, rows and columns of the attention grid."""
        (temporal, spatial), (frames, rows, columns) = self._compression, self._patch
        latent_frames = (self._sampled_frames - 1) // temporal + 1
        return latent_frames // frames, self.height // spatial // rows, self.width // spatial // columns

    @property
    def num_blocks(self) -> int:
        """Transformer blocks."""
        return len(self._blocks)

    @cached_property
    def num_steps(self) -> int:
        """Denoising steps of a video: the calls of the transformer, of which some schedulers make more than asked."""
        self._set_timesteps()
        return len(self.pipe.scheduler.timesteps)

    @property
    def fps(self) -> int:
        """Frames per second of a video."""
        return self._fps

    @property
    def _blocks(self) -> Any:
        return getattr(self.pipe.transformer, self.blocks_name)

    @property
    def _sampled_frames(self) -> int:
        """Frames that are sampled, of which ``num_frames`` are decoded."""
        return self.num_frames

    def _check_size(self) -> None:
        (temporal, spatial), (_, rows, columns) = self._compression, self._patch
        if self.height % (spatial * rows) or self.width % (spatial * columns):
            raise ValueError(
                f"height × width is {self.height} × {self.width}; this model makes multiples of "
                f"{spatial * rows} × {spatial * columns}"
            )
        if (self.num_frames - 1) % temporal:
            fitting = (self.num_frames - 1) // temporal * temporal + 1
            raise ValueError(
                f"num_frames is {self.num_frames}; this model makes a multiple of {temporal} and one, e.g. {fitting}"
            )

    # Where it is

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self._placer.device

    def to(self, device: torch.device) -> None:
        """Put the pipeline on a device, as ``placement`` says."""
        _ = self.fingerprint  # of the weights as they were loaded, before any cast
        self._placer.place(device, self._guided_blocks)

    @property
    def _guided_blocks(self) -> int:
        """Blocks, from the first on, that are optimised through."""
        return 0

    # Text

    def _clean(self, prompt: str) -> str:
        """Return the prompt as the pipeline gives it to the tokenizer."""
        return prompt

    def token_positions(self, prompt: str, words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[int]:
        """Return the token positions of an object's words."""
        cleaned = self._clean(prompt)
        spans = spans_in(cleaned, prompt, spans)
        return token_positions(self.pipe.tokenizer, cleaned, words, spans, self.max_sequence_length)

    @torch.no_grad()
    def encode(self, prompt: str, image: Path | None = None) -> Conditioning:
        """Encode the prompt and the negative prompt."""
        self.check_image(image)
        with self._placer.text_encoder():
            encoded = self.pipe.encode_prompt(
                prompt=prompt,
                negative_prompt=self.negative_prompt,
                do_classifier_free_guidance=self._guidance,
                max_sequence_length=self.max_sequence_length,
                device=self.device,
            )
        return self._conditioning(*encoded)

    def _conditioning(self, *encoded: Any) -> Conditioning:
        """Return what the pipeline's ``encode_prompt`` returned, under our names."""
        return Conditioning(*encoded)

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return the mean of the text encoder's token embeddings, normalised."""
        encoded = self.pipe.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(self.device)
        with self._placer.text_encoder() as text_encoder:
            hidden = text_encoder(encoded.input_ids, encoded.attention_mask).last_hidden_state.float()
        mask = encoded.attention_mask.unsqueeze(-1)
        return F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).cpu()

    # Sampling

    @property
    def _latent_channels(self) -> int:
        return int(self.pipe.transformer.config.in_channels)

    @property
    def _latent_dtype(self) -> torch.dtype:
        return torch.float32

    def start(self, seed: int) -> Tensor:
        """Reset the scheduler and draw the noise as the pipeline does, from a CPU generator."""
        self._generator = torch.Generator().manual_seed(seed)
        self._set_timesteps()
        latents: Tensor = self.pipe.prepare_latents(
            batch_size=1,
            num_channels_latents=self._latent_channels,
            height=self.height,
            width=self.width,
            num_frames=self._sampled_frames,
            dtype=self._latent_dtype,
            device=self.device,
            generator=self._generator,
        )
        return latents

    def _set_timesteps(self, **arguments: Any) -> None:
        self.schedule.set_timesteps(self.pipe.scheduler, self.num_inference_steps, self.device, **arguments)

    @abstractmethod
    def _inputs(self, latents: Tensor, timestep: Tensor, conditioning: Conditioning) -> dict[str, Any]:
        """Return what the transformer is called with, but for the text; ``latents`` may be a batch of two."""

    def _transformer(self, index: int) -> Any:
        """Return the transformer of a step."""
        return self.pipe.transformer

    def _scale(self, index: int) -> float:
        """Return the guidance scale of a step."""
        return self.guidance_scale

    def _text(self, embeds: Tensor, mask: Tensor | None) -> dict[str, Any]:
        return {"encoder_hidden_states": embeds}

    def _advance(self, noise: Tensor, index: int, latents: Tensor) -> Tensor:
        """Return the latents after the scheduler's step; if it draws noise, it draws it from the prompt's seed."""
        scheduler = self.pipe.scheduler
        drawn = {"generator": self._generator} if "generator" in signature(scheduler.step).parameters else {}
        stepped: Tensor = scheduler.step(noise, scheduler.timesteps[index], latents, **drawn, return_dict=False)[0]
        return stepped

    @property
    def _one_batch(self) -> bool:
        """Whether both passes of guidance run as one batch."""
        return self.batched if self.placement.batched_guidance is None else self.placement.batched_guidance

    def _predict(
        self, latents: Tensor, index: int, conditioning: Conditioning, embeds: Tensor, mask: Tensor | None
    ) -> Tensor:
        latents = torch.cat([latents] * len(embeds))
        timestep = self.pipe.scheduler.timesteps[index].to(latents.device).expand(len(latents))
        inputs = self._inputs(latents, timestep, conditioning) | self._text(embeds, mask)
        prediction: Tensor = self._transformer(index)(**inputs, return_dict=False)[0]
        return prediction.float() if self.batched else prediction

    @torch.no_grad()
    def step(self, latents: Tensor, index: int, conditioning: Conditioning) -> Tensor:
        """Take one step of the pipeline's sampling loop."""
        prompt = (conditioning.prompt_embeds, conditioning.prompt_mask)
        negative = (conditioning.negative_prompt_embeds, conditioning.negative_prompt_mask)
        if negative[0] is None:
            noise = self._predict(latents, index, conditioning, *prompt)
            return self._advance(noise, index, latents)
        if self._one_batch:
            mask = None if prompt[1] is None or negative[1] is None else torch.cat([negative[1], prompt[1]])
            both = self._predict(latents, index, conditioning, torch.cat([negative[0], prompt[0]]), mask)
            unconditional, conditional = both.chunk(2)
        else:
            conditional = self._predict(latents, index, conditioning, *prompt)
            unconditional = self._predict(latents, index, conditioning, negative[0], negative[1])
        noise = unconditional + self._scale(index) * (conditional - unconditional)
        return self._advance(noise, index, latents)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Decode as the pipeline does."""
        video = self._decode(latents)
        frames: Tensor = self.pipe.video_processor.postprocess_video(video, output_type="pt")[0]
        self.pipe.maybe_free_model_hooks()
        return frames

    @abstractmethod
    def _decode(self, latents: Tensor) -> Tensor:
        """Return the VAE's video, shape (1, 3, F, H, W) in [-1, 1]."""
