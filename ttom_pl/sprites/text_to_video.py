"""Second stage of pretraining: text encoder and transformer, jointly, by flow matching."""

from itertools import chain
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from transformers import UMT5EncoderModel

from ttom_pl.io.ranges import check_range
from ttom_pl.io.whole_files import replacing_in
from ttom_pl.sprites.text import embed, make_text_encoder
from ttom_pl.sprites.tokenizer import make_tokenizer


class SpritesTextToVideo(LightningModule):
    """Train a tiny ``WanTransformer3DModel`` and the ``UMT5EncoderModel`` that it listens to.

    Flow matching: x_σ = (1 - σ) x + σ ε, the model predicts ε - x at timestep 1000 σ; σ is logit-normal, then shifted
    by ``flow_shift`` (Esser et al. 2024, arXiv 2403.03206). The blocks' matrices are trained by Muon, the rest by
    AdamW; both learning rates warm up, stay, and fall linearly to zero over the last part of the training.

    Args:
        pipeline: folder that holds ``vae/``; the whole ``WanPipeline`` is written to it at the end of the training.
        num_layers: transformer blocks.
        num_attention_heads: heads of a block.
        attention_head_dim: channels of a head.
        ffn_dim: hidden channels of the feed-forward layers.
        text_dim: channels of the text encoder.
        text_layers: layers of the text encoder.
        muon_lr: peak learning rate of Muon.
        adamw_lr: peak learning rate of AdamW.
        warmup_steps: steps of the warm-up.
        decay: fraction of the training over which the learning rates fall.
        caption_dropout: fraction of captions replaced by the empty prompt, for classifier-free guidance.
        flow_shift: shift of the noise levels, in training and in the written scheduler.
        text_encoder: folder of a text encoder that is trained further; sizes are then its own.
        transformer: folder of a transformer that is trained further; sizes are then its own.
        compile: whether the transformer is compiled for the training; minutes at the start for a quarter of the time of
            a step on a CPU.
    """

    def __init__(
        self,
        pipeline: Path,
        num_layers: int = 6,
        num_attention_heads: int = 3,
        attention_head_dim: int = 32,
        ffn_dim: int = 256,
        text_dim: int = 64,
        text_layers: int = 2,
        muon_lr: float = 0.01,
        adamw_lr: float = 2e-3,
        warmup_steps: int = 100,
        decay: float = 0.3,
        caption_dropout: float = 0.1,
        flow_shift: float = 3.0,
        text_encoder: Path | None = None,
        transformer: Path | None = None,
        compile: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (
            ("num_layers", num_layers),
            ("num_attention_heads", num_attention_heads),
            ("attention_head_dim", attention_head_dim),
            ("ffn_dim", ffn_dim),
            ("text_dim", text_dim),
            ("text_layers", text_layers),
            ("warmup_steps", warmup_steps),
        ):
            check_range(name, value, least=1)
        check_range("muon_lr", muon_lr, least=0)
        check_range("adamw_lr", adamw_lr, least=0)
        check_range("decay", decay, above=0, below=1, meaning="a share of the training")
        check_range("caption_dropout", caption_dropout, least=0, most=1)
        check_range("flow_shift", flow_shift, above=0)
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.pipeline = pipeline
        self.muon_lr = muon_lr
        self.adamw_lr = adamw_lr
        self.warmup_steps = warmup_steps
        self.decay = decay
        self.caption_dropout = caption_dropout
        self.flow_shift = flow_shift
        self.compile_transformer = compile
        tokenizer = make_tokenizer()
        self.end_id, self.pad_id = tokenizer.eos_token_id, tokenizer.pad_token_id
        self.text_encoder = (
            make_text_encoder(text_dim, text_layers)
            if text_encoder is None
            else UMT5EncoderModel.from_pretrained(text_encoder)
        )
        self.transformer = (
            WanTransformer3DModel(
                patch_size=(1, 1, 1),
                num_attention_heads=num_attention_heads,
                attention_head_dim=attention_head_dim,
                in_channels=8,
                out_channels=8,
                text_dim=self.text_encoder.config.d_model,
                freq_dim=64,
                ffn_dim=ffn_dim,
                num_layers=num_layers,
                rope_max_seq_len=32,
            )
            if transformer is None
            else WanTransformer3DModel.from_pretrained(transformer)
        )
        self.text_encoder.requires_grad_(True).train()
        self.transformer.requires_grad_(True).train()

    def drop_captions(self, input_ids: Tensor) -> Tensor:
        """Replace a random part of the captions by the empty prompt, a lone end token."""
        empty = torch.full_like(input_ids, self.pad_id)
        empty[:, 0] = self.end_id
        dropped = torch.rand(len(input_ids), 1, device=input_ids.device) < self.caption_dropout
        return torch.where(dropped, empty, input_ids)

    def sample_sigmas(self, count: int) -> Tensor:
        """Draw noise levels in (0, 1), shape (count,)."""
        sigmas = torch.randn(count, device=self.device).sigmoid()
        return self.flow_shift * sigmas / (1 + (self.flow_shift - 1) * sigmas)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Take one step of both optimisers on normalised latents (B, C, T, h, w) and token ids (B, L)."""
        latents, input_ids = batch
        embeds = embed(self.text_encoder, self.drop_captions(input_ids))
        sigmas = self.sample_sigmas(len(latents))
        noise = torch.randn_like(latents)
        noisy = torch.lerp(latents, noise, sigmas.view(-1, 1, 1, 1, 1))
        predicted = self.transformer(noisy, sigmas * 1000, embeds, return_dict=False)[0]
        loss = F.mse_loss(predicted, noise - latents)

        optimizers, schedules = self.optimizers(), self.lr_schedulers()
        assert isinstance(optimizers, list)
        assert isinstance(schedules, list)
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(loss)
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        for optimizer, schedule in zip(optimizers, schedules, strict=True):
            optimizer.step()
            schedule.step()
        self.log("loss", loss, prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Muon for the matrices inside the transformer's blocks, AdamW for everything else."""
        matrices = [p for p in self.transformer.blocks.parameters() if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        others = [
            p for p in chain(self.transformer.parameters(), self.text_encoder.parameters()) if id(p) not in chosen
        ]
        optimizers = [
            torch.optim.Muon(matrices, lr=self.muon_lr, weight_decay=0.01),
            torch.optim.AdamW(others, lr=self.adamw_lr, betas=(0.9, 0.95), weight_decay=0.01),
        ]
        schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, self.lr_factor) for optimizer in optimizers]
        return optimizers, schedules

    def on_fit_start(self) -> None:
        """Compile the transformer, if asked to."""
        if self.compile_transformer:
            self.transformer.compile()

    def lr_factor(self, step: int) -> float:
        """Return the factor of the learning rates at a step: warm-up, plateau, linear fall to zero."""
        total = self.trainer.estimated_stepping_batches
        return max(0.0, min(1.0, (step + 1) / self.warmup_steps, (total - step) / (self.decay * total)))

    def on_train_end(self) -> None:
        """Write the pipeline."""
        self.save_pipeline()

    def save_pipeline(self) -> None:
        """Write the ``WanPipeline`` folder: the given VAE, tokenizer, text encoder, transformer and scheduler."""
        pipeline = WanPipeline(
            tokenizer=make_tokenizer(),
            text_encoder=self.text_encoder.eval(),
            vae=AutoencoderKLWan.from_pretrained(self.pipeline / "vae"),
            scheduler=UniPCMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=self.flow_shift
            ),
            transformer=self.transformer.eval(),
        )
        with replacing_in(self.pipeline) as unfinished:
            pipeline.save_pretrained(unfinished)
