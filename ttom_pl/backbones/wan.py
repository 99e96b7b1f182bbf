"""Wan 2.1 as a backbone, through the parts of its diffusers pipeline."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from diffusers import WanPipeline
from diffusers.pipelines.wan.pipeline_wan import prompt_clean
from torch import Tensor

from ttom_pl.attention import object_attention, token_weights
from ttom_pl.backbones.base import Backbone, Conditioning
from ttom_pl.backbones.lora import Adapter
from ttom_pl.backbones.tokens import token_positions


class _Reached(Exception):
    """Raised at the last probed attention: nothing after it matters to the loss."""


class WanBackbone(Backbone):
    """A frozen ``WanPipeline``: the cross-attention family.

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed.

    Args:
        pretrained: a ``WanPipeline`` folder or the id of one on the Hugging Face hub.
        height: pixels.
        width: pixels.
        num_frames: frames of the video.
        num_inference_steps: denoising steps.
        guidance_scale: scale of classifier-free guidance; off at 1 and below.
        negative_prompt: what to steer away from.
        max_sequence_length: tokens that the prompt is padded or cut to.
        fps: frames per second that the video is played at.
        dtype: precision of the weights.
        chunk_size: video tokens whose attention is held at a time.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size.
    """

    def __init__(
        self,
        pretrained: str,
        height: int = 480,
        width: int = 832,
        num_frames: int = 81,
        num_inference_steps: int = 50,
        guidance_scale: float = 5.0,
        negative_prompt: str = "",
        max_sequence_length: int = 512,
        fps: int = 16,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        chunk_size: int = 1024,
    ) -> None:
        if not Path(pretrained).is_dir() and (pretrained.startswith((".", "/")) or pretrained.count("/") != 1):
            raise FileNotFoundError(
                f"no model folder {pretrained!r}; give a WanPipeline folder or a hub id 'owner/name'"
            )
        self.pretrained = pretrained
        self.height = height
        self.width = width
        self.num_frames = num_frames
        self.num_inference_steps = num_inference_steps
        self.guidance_scale = guidance_scale
        self.negative_prompt = negative_prompt
        self.max_sequence_length = max_sequence_length
        self._fps = fps
        self.chunk_size = chunk_size
        self.pipe = load_pipeline(pretrained, getattr(torch, dtype))
        self.pipe.set_progress_bar_config(disable=True)
        self._guidance = guidance_scale > 1
        self._check_size()

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the transformer's config and a sample of every weight."""
        config = {k: v for k, v in self.pipe.transformer.config.items() if not k.startswith("_")}
        digest = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode())
        for name, weight in sorted(self.pipe.transformer.state_dict().items()):
            if "lora_" in name:
                continue
            flat = weight.flatten()
            sample = flat[torch.linspace(0, flat.numel() - 1, 16, device=flat.device).long()].float().cpu()
            digest.update(
                f"{name.replace('.base_layer', '')} {tuple(weight.shape)}".encode() + sample.numpy().tobytes()
            )
        return f"wan-{digest.hexdigest()[:16]}"

    @property
    def grid(self) -> tuple[int, int, int]:
        """Frames, rows and columns of the attention grid."""
        frames, rows, columns = self.pipe.transformer.config.patch_size
        latent_frames = (self.num_frames - 1) // self.pipe.vae_scale_factor_temporal + 1
        spatial = self.pipe.vae_scale_factor_spatial
        return latent_frames // frames, self.height // spatial // rows, self.width // spatial // columns

    @property
    def num_blocks(self) -> int:
        """Transformer blocks."""
        return len(self.pipe.transformer.blocks)

    @property
    def num_steps(self) -> int:
        """Denoising steps of a video."""
        return self.num_inference_steps

    @property
    def fps(self) -> int:
        """Frames per second of a video."""
        return self._fps

    def to(self, device: torch.device) -> None:
        """Move the pipeline to a device."""
        self.pipe.to(device)

    def add_adapter(self, rank: int, alpha: float | None, loss_blocks: Sequence[int]) -> Adapter:
        """Insert LoRA in the cross-attention of all blocks up to the last probed one.

        Of the last probed block only the query and key layers are adapted: its output is never computed.
        """
        last = max(loss_blocks)
        layers = [f"blocks.{i}.attn2.{name}" for i in range(last) for name in ("to_q", "to_k", "to_v", "to_out.0")]
        layers += [f"blocks.{last}.attn2.{name}" for name in ("to_q", "to_k")]
        self.adapter = Adapter(self.pipe.transformer, rank, alpha, layers)
        return self.adapter

    def token_positions(self, prompt: str, words: Sequence[str], spans: Sequence[tuple[int, int]]) -> list[int]:
        """Return the token positions of an object's words."""
        cleaned = prompt_clean(prompt)
        spans = spans if cleaned == prompt else ()
        return token_positions(self.pipe.tokenizer, cleaned, words, spans, self.max_sequence_length)

    @torch.no_grad()
    def encode(self, prompt: str) -> Conditioning:
        """Encode the prompt and the negative prompt."""
        prompt_embeds, negative_prompt_embeds = self.pipe.encode_prompt(
            prompt=prompt,
            negative_prompt=self.negative_prompt,
            do_classifier_free_guidance=self._guidance,
            max_sequence_length=self.max_sequence_length,
            device=self.pipe.device,
        )
        dtype = self.pipe.transformer.dtype
        if negative_prompt_embeds is not None:
            negative_prompt_embeds = negative_prompt_embeds.to(dtype)
        return Conditioning(prompt_embeds.to(dtype), negative_prompt_embeds)

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Tensor:
        """Return the mean of the text encoder's token embeddings, normalised."""
        encoded = self.pipe.tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(
            self.pipe.device
        )
        hidden = self.pipe.text_encoder(encoded.input_ids, encoded.attention_mask).last_hidden_state.float()
        mask = encoded.attention_mask.unsqueeze(-1)
        return F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).cpu()

    def start(self, seed: int) -> Tensor:
        """Reset the scheduler and draw the noise as the pipeline does, from a CPU generator."""
        scheduler, device = self.pipe.scheduler, self.pipe.device
        scheduler.set_timesteps(self.num_inference_steps, device=device)
        scheduler.set_begin_index(0)
        latents: Tensor = self.pipe.prepare_latents(
            1,
            self.pipe.transformer.config.in_channels,
            self.height,
            self.width,
            self.num_frames,
            torch.float32,
            device,
            torch.Generator().manual_seed(seed),
        )
        return latents

    def object_attention(
        self,
        latents: Tensor,
        index: int,
        conditioning: Conditioning,
        objects: Sequence[Sequence[int]],
        blocks: Sequence[int],
    ) -> Tensor:
        """Run the conditional pass as far as the last of ``blocks`` and return the attention it makes on the way."""
        weights = token_weights(objects, conditioning.prompt_embeds.shape[1], latents.device)
        with self._probed(weights, blocks) as maps, suppress(_Reached):
            self._predict(latents, index, conditioning.prompt_embeds)
        attention: Tensor = torch.stack([maps[block] for block in blocks]).unflatten(-1, self.grid)
        return attention

    @torch.no_grad()
    def step(self, latents: Tensor, index: int, conditioning: Conditioning) -> Tensor:
        """Take one step of the pipeline's sampling loop."""
        noise = self._predict(latents, index, conditioning.prompt_embeds)
        if conditioning.negative_prompt_embeds is not None:
            unconditional = self._predict(latents, index, conditioning.negative_prompt_embeds)
            noise = unconditional + self.guidance_scale * (noise - unconditional)
        timestep = self.pipe.scheduler.timesteps[index]
        stepped: Tensor = self.pipe.scheduler.step(noise, timestep, latents, return_dict=False)[0]
        return stepped

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Decode as the pipeline does."""
        vae = self.pipe.vae
        latents = latents.to(vae.dtype)
        mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1, 1).to(latents)
        inverse_std = 1.0 / torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1).to(latents)
        video = vae.decode(latents / inverse_std + mean, return_dict=False)[0]
        frames: Tensor = self.pipe.video_processor.postprocess_video(video, output_type="pt")[0]
        return frames

    def _check_size(self) -> None:
        _, rows, columns = self.pipe.transformer.config.patch_size
        spatial, temporal = self.pipe.vae_scale_factor_spatial, self.pipe.vae_scale_factor_temporal
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

    def _predict(self, latents: Tensor, index: int, prompt_embeds: Tensor) -> Tensor:
        prediction: Tensor = self.pipe.transformer(
            hidden_states=latents.to(self.pipe.transformer.dtype),
            timestep=self.pipe.scheduler.timesteps[index].expand(latents.shape[0]),
            encoder_hidden_states=prompt_embeds,
            return_dict=False,
        )[0]
        return prediction

    @contextmanager
    def _probed(self, weights: Tensor, blocks: Sequence[int]) -> Iterator[dict[int, Tensor]]:
        """Collect the objects' attention of ``blocks``, each (M, S), and end the forward pass at the last of them."""
        maps: dict[int, Tensor] = {}
        last = max(blocks)

        def probe(block: int) -> Any:
            def hook(attn: Any, args: tuple[Any, ...]) -> None:
                hidden, text = args[:2]
                query = attn.norm_q(attn.to_q(hidden)).unflatten(2, (attn.heads, -1))
                key = attn.norm_k(attn.to_k(text)).unflatten(2, (attn.heads, -1))
                maps[block] = object_attention(query, key, weights, self.chunk_size)[0]
                if block == last:
                    raise _Reached

            return hook

        handles = [self.pipe.transformer.blocks[b].attn2.register_forward_pre_hook(probe(b)) for b in blocks]
        try:
            yield maps
        finally:
            for handle in handles:
                handle.remove()


def load_pipeline(pretrained: str, dtype: torch.dtype) -> WanPipeline:
    """Load a ``WanPipeline`` for inference."""
    try:
        pipe = WanPipeline.from_pretrained(pretrained, dtype=dtype)
    except OSError as error:
        if Path(pretrained).is_dir():
            raise
        raise FileNotFoundError(
            f"no model {pretrained!r}: {str(Path(pretrained).absolute())!r} is no folder, and the Hugging Face hub "
            "has no such model or cannot be reached; give a WanPipeline folder or a hub id 'owner/name'"
        ) from error
    for module in (pipe.transformer, pipe.vae, pipe.text_encoder):
        module.requires_grad_(False).eval()
    return pipe
