"""First stage of pretraining: the VAE."""

from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLWan
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torchmetrics.image import PeakSignalNoiseRatio

from ttom_pl.io.ranges import check_range
from ttom_pl.io.shipped import shipped
from ttom_pl.io.whole_files import replacing_in
from ttom_pl.sprites.render import rgb
from ttom_pl.sprites.world import BACKGROUND


class SpritesVAE(LightningModule):
    """Train a tiny ``AutoencoderKLWan``: spatial factor 4, temporal factor 2, 9 × 32 × 32 pixels to 8 × 5 × 8 × 8.

    The loss is MSE + ``l1_weight`` · L1 + ``kl_weight`` · KL (per latent element). Pixels of sprites and those next to
    them, a small part of the frame, count ``foreground_weight`` times more than the rest of the background.

    Args:
        pipeline: folder whose ``vae/`` is written at the end of the training.
        base_dim: channels of the first level.
        z_dim: latent channels.
        lr: peak learning rate of AdamW; it warms up and falls linearly to zero over the last 40% of the training.
        l1_weight: weight of the absolute error.
        kl_weight: weight of the KL divergence; from about 2e-3 the latents collapse.
        foreground_weight: weight of the sprites' pixels and of the pixels around them; without it, shapes blur into
            discs, and without those around them, edges stay soft on the outside.
        latent_noise: standard deviation of noise that is added to the latents before they are decoded, in units of the
            standard deviation of ``start_from``'s latents; a transformer's latents are never exact.
        start_from: ``WanPipeline`` folder whose VAE is trained further; ``base_dim`` and ``z_dim`` are then its own.
        train_encoder: whether the encoder is trained; if not, latents stay what they are and only the decoder learns.
    """

    def __init__(
        self,
        pipeline: Path,
        base_dim: int = 16,
        z_dim: int = 8,
        lr: float = 3e-3,
        l1_weight: float = 0.5,
        kl_weight: float = 1e-5,
        foreground_weight: float = 5.0,
        latent_noise: float = 0.0,
        start_from: Path | None = None,
        train_encoder: bool = True,
    ) -> None:
        super().__init__()
        check_range("base_dim", base_dim, least=1)
        check_range("z_dim", z_dim, least=1)
        check_range("lr", lr, above=0)
        check_range("l1_weight", l1_weight, least=0)
        check_range("kl_weight", kl_weight, least=0)
        check_range("latent_noise", latent_noise, least=0)
        check_range("foreground_weight", foreground_weight, above=0)
        self.save_hyperparameters()
        self.pipeline = pipeline
        self.lr = lr
        self.l1_weight = l1_weight
        self.kl_weight = kl_weight
        self.foreground_weight = foreground_weight
        self.latent_noise = latent_noise
        self.train_encoder = train_encoder
        self.vae = (
            _make_vae(base_dim, z_dim)
            if start_from is None
            else AutoencoderKLWan.from_pretrained(shipped(start_from / "vae"))
        )
        self.vae.requires_grad_(True).train()
        if not train_encoder:
            self.vae.encoder.requires_grad_(False)
            self.vae.quant_conv.requires_grad_(False)
        self.psnr = PeakSignalNoiseRatio(data_range=(-1.0, 1.0))

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Return the loss of a batch of videos, shape (B, 3, F, H, W) in [-1, 1]."""
        posterior = self.vae.encode(batch).latent_dist
        latents = posterior.sample()
        scale = torch.tensor(self.vae.config.latents_std).to(latents).view(-1, 1, 1, 1)
        decoded = self.vae.decode(latents + self.latent_noise * scale * torch.randn_like(latents)).sample
        error = (decoded - batch).abs()
        weight = self._pixel_weights(batch)
        reconstruction = (weight * (error**2 + self.l1_weight * error)).mean()
        kl = posterior.kl().sum() / posterior.mean.numel()
        self.log_dict({"mse": (error**2).mean(), "kl": kl}, prog_bar=True)
        loss: Tensor = reconstruction + self.kl_weight * kl
        return loss

    def _pixel_weights(self, batch: Tensor) -> Tensor:
        """Return ``foreground_weight`` at and around sprites and 1 elsewhere, to a mean of 1: (B, 1, F, H, W)."""
        foreground = (batch - rgb(BACKGROUND).to(batch)).abs().amax(1, keepdim=True) > 0.02
        around = F.max_pool3d(foreground.to(batch), (1, 3, 3), stride=1, padding=(0, 1, 1))
        weights = 1 + (self.foreground_weight - 1) * around
        return weights / weights.mean()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Log the PSNR of the reconstruction from the mode of the posterior."""
        decoded = self.vae.decode(self.vae.encode(batch).latent_dist.mode()).sample
        self.psnr.update(decoded.clamp(-1, 1), batch)
        self.log("val_psnr", self.psnr, prog_bar=True)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW, with the schedule over the whole training."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=self.lr, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.lr_factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def lr_factor(self, step: int) -> float:
        """Return the factor of the learning rate at a step: warm-up, plateau, linear fall to zero."""
        total = self.trainer.estimated_stepping_batches
        return max(0.0, min(1.0, (step + 1) / 100, (total - step) / (0.4 * total)))

    @torch.inference_mode()
    def on_train_end(self) -> None:
        """Write the VAE; the config holds its latents' mean and standard deviation, as Wan's does."""
        self.vae.eval()
        if self.train_encoder:
            modes = torch.cat([self.vae.encode(b.to(self.device)).latent_dist.mode() for b in self._val_batches()])
            self.vae.register_to_config(
                latents_mean=modes.mean((0, 2, 3, 4)).tolist(), latents_std=modes.std((0, 2, 3, 4)).tolist()
            )
        with replacing_in(self.pipeline / "vae") as unfinished:
            self.vae.save_pretrained(unfinished)

    def _val_batches(self) -> list[Tensor]:
        loaders = self.trainer.val_dataloaders
        assert loaders is not None, "the latents' statistics are taken from the validation set"
        return list(loaders)


def _make_vae(base_dim: int, z_dim: int) -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=base_dim,
        z_dim=z_dim,
        dim_mult=[1, 2],
        num_res_blocks=1,
        temperal_downsample=[True],
        patch_size=2,
        in_channels=12,
        out_channels=12,
        scale_factor_temporal=2,
        scale_factor_spatial=4,
        latents_mean=[0.0] * z_dim,
        latents_std=[1.0] * z_dim,
    )
