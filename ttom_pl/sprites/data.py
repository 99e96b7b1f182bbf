"""Data for pretraining: endless exact videos for the VAE, cached latents and captions for the transformer."""

import random
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset
from tqdm import tqdm

from ttom_pl.io.ranges import check_range
from ttom_pl.io.shipped import shipped
from ttom_pl.io.whole_files import replacing
from ttom_pl.sprites.render import render
from ttom_pl.sprites.tokenizer import MAX_TOKENS, make_tokenizer
from ttom_pl.sprites.world import Group, SpritesScene, caption, sample_groups, sample_scene


class SceneDataset(Dataset[Tensor]):
    """Rendered scenes, each a function of ``seed`` and its index alone.

    Args:
        length: number of scenes.
        seed: scenes of different seeds share nothing.
        placing_seed: places the sprites anew: other scenes of the same captions.
    """

    def __init__(self, length: int, seed: int, placing_seed: int | None = None) -> None:
        self.length = length
        self.seed = seed
        self.placing_seed = placing_seed

    def __len__(self) -> int:
        return self.length

    def scene(self, index: int) -> SpritesScene:
        """Return the truth behind video ``index``."""
        if self.placing_seed is None:
            return sample_scene(self._rng(index))
        return sample_scene(random.Random(f"placing-{self.placing_seed}-{index}"), *self.groups(index))

    def groups(self, index: int) -> tuple[tuple[Group, ...], str | None]:
        """Return the groups and the relation of ``scene(index)``, without the time to place its sprites."""
        return sample_groups(self._rng(index))

    def caption(self, index: int) -> str:
        """Return the caption of ``scene(index)``, without the time to place its sprites."""
        return caption(*self.groups(index))

    def __getitem__(self, index: int) -> Tensor:
        """Return video ``index``, shape (3, F, H, W) in [-1, 1]."""
        return render(self.scene(index))

    def _rng(self, index: int) -> random.Random:
        return random.Random(f"sprites-{self.seed}-{index}")


class SpritesVideos(LightningDataModule):
    """Rendered videos for the VAE.

    Args:
        num_videos: training videos.
        num_val: validation videos.
        batch_size: videos in a batch.
        num_workers: rendering processes.
        seed: seed of the training scenes; validation uses ``seed + 1``.
    """

    def __init__(
        self, num_videos: int = 20000, num_val: int = 64, batch_size: int = 8, num_workers: int = 0, seed: int = 0
    ) -> None:
        super().__init__()
        check_range("num_videos", num_videos, least=1)
        check_range("num_val", num_val, least=1)
        check_range("batch_size", batch_size, least=1)
        check_range("num_workers", num_workers, least=0)
        self.train_set = SceneDataset(num_videos, seed)
        self.val_set = SceneDataset(num_val, seed + 1)
        self.batch_size = batch_size
        self.num_workers = num_workers

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Shuffled training videos."""
        return DataLoader(self.train_set, self.batch_size, shuffle=True, num_workers=self.num_workers, drop_last=True)

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Validation videos in order."""
        return DataLoader(self.val_set, self.batch_size, num_workers=self.num_workers)


class SpritesCaptions(LightningDataModule):
    """Token ids of captions, for the text encoder; batches of shape (B, L).

    Args:
        num_captions: captions.
        batch_size: captions in a batch.
        seed: seed of the scenes that the captions tell of.
    """

    def __init__(self, num_captions: int = 32000, batch_size: int = 64, seed: int = 2) -> None:
        super().__init__()
        check_range("num_captions", num_captions, least=1)
        check_range("batch_size", batch_size, least=1)
        self.num_captions = num_captions
        self.batch_size = batch_size
        self.seed = seed

    def setup(self, stage: str) -> None:
        """Write and tokenise the captions."""
        scenes = SceneDataset(self.num_captions, self.seed)
        self.train_set = tokenise([scenes.caption(i) for i in range(self.num_captions)])

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Shuffled batches."""
        # A tensor is a dataset of its rows.
        return DataLoader(self.train_set, self.batch_size, shuffle=True, drop_last=True)  # type: ignore[arg-type]


class SpritesLatents(LightningDataModule):
    """Normalised VAE latents and token ids, encoded once and cached.

    Batches are ``(latents, input_ids)`` of shapes (B, C, T, h, w) and (B, L).

    Args:
        pipeline: folder that holds ``vae/``, of the first stage.
        cache: file of the encoded set; made when it is not there, and made anew when it does not fit the arguments.
        num_videos: training videos, before some are left out.
        batch_size: videos in a batch.
        seed: seed of the scenes.
        placing_seed: places the sprites anew: other scenes of the same captions.
        alone: fraction of the videos with one noun phrase that is kept; two have more to teach.

    Raises:
        ValueError: if ``alone`` is no fraction.
    """

    def __init__(
        self,
        pipeline: Path,
        cache: Path,
        num_videos: int = 24000,
        batch_size: int = 32,
        seed: int = 2,
        placing_seed: int | None = None,
        alone: float = 1.0,
    ) -> None:
        super().__init__()
        check_range("num_videos", num_videos, least=1)
        check_range("batch_size", batch_size, least=1)
        check_range("alone", alone, least=0, most=1, meaning="the share of the videos to keep")
        self.pipeline = pipeline
        self.cache = cache
        self.num_videos = num_videos
        self.batch_size = batch_size
        self.seed = seed
        self.placing_seed = placing_seed
        self.alone = alone

    def prepare_data(self) -> None:
        """Encode the videos, if the cache does not hold them."""
        if not self._vae.is_dir():
            raise FileNotFoundError(
                f"no VAE in {self.pipeline}: run the first stage, "
                "'ttom pretrain --config configs/pretrain_vae.yaml', before this one"
            )
        if self.cache.is_file() and torch.load(self.cache)["made_from"] == self._made_from():
            return
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        latents, input_ids = self._encode()
        with replacing(self.cache) as unfinished:
            torch.save({"made_from": self._made_from(), "latents": latents, "input_ids": input_ids}, unfinished)
        rank_zero_info(f"{len(latents)} encoded videos cached in {self.cache}")

    def setup(self, stage: str) -> None:
        """Load the cache."""
        cached = torch.load(self.cache)
        self.train_set = TensorDataset(cached["latents"].float(), cached["input_ids"])

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """Shuffled batches."""
        return DataLoader(self.train_set, self.batch_size, shuffle=True, drop_last=True)

    @property
    def _vae(self) -> Path:
        return shipped(self.pipeline / "vae")

    def _made_from(self) -> dict[str, object]:
        """What the cache depends on."""
        weights = self._vae / "diffusion_pytorch_model.safetensors"
        return {
            "num_videos": self.num_videos,
            "seed": self.seed,
            "placing_seed": self.placing_seed,
            "alone": self.alone,
            "vae": weights.stat().st_mtime_ns,
        }

    def _kept(self, videos: SceneDataset) -> list[int]:
        """Indices of the videos that are not left out."""
        rng = random.Random(f"alone-{self.seed}-{self.placing_seed}")
        return [i for i in range(len(videos)) if rng.random() < self.alone or len(videos.groups(i)[0]) > 1]

    @torch.inference_mode()
    def _encode(self, batch_size: int = 32) -> tuple[Tensor, Tensor]:
        vae = AutoencoderKLWan.from_pretrained(self._vae)
        videos = SceneDataset(self.num_videos, self.seed, self.placing_seed)
        kept = self._kept(videos)
        mean = torch.tensor(vae.config.latents_mean).view(-1, 1, 1, 1)
        std = torch.tensor(vae.config.latents_std).view(-1, 1, 1, 1)
        batches = tqdm(DataLoader(Subset(videos, kept), batch_size), desc="encoding")
        latents = [((vae.encode(batch).latent_dist.mode() - mean) / std).half() for batch in batches]
        captions = [videos.caption(i) for i in kept]
        return torch.cat(latents), tokenise(captions)


def tokenise(captions: list[str]) -> Tensor:
    """Return the token ids of captions, padded, shape (number, L)."""
    tokens = make_tokenizer()(captions, padding="max_length", max_length=MAX_TOKENS, return_tensors="pt")
    input_ids: Tensor = tokens.input_ids
    return input_ids
