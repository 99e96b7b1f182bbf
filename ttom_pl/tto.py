"""Test-time optimisation of one prompt, as a tiny Lightning fit.

An epoch is a guided denoising step, a batch is one optimiser iteration.
"""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ttom_pl.backbones import Backbone, Conditioning
from ttom_pl.baselines.base import Guidance
from ttom_pl.layout import Layout, object_targets
from ttom_pl.losses import layout_loss
from ttom_pl.ranges import check_range

warnings.filterwarnings("ignore", ".*`training_step` returned `None`.*")
warnings.filterwarnings("ignore", ".*does not have many workers.*")


@dataclass(frozen=True)
class Rehearsal:
    """All that the optimisation of one prompt starts from.

    Attributes:
        layout: where the objects should be.
        conditioning: the encoded prompt.
        noise: the initial latents.
        objects: for each of M objects the positions of its tokens.
        targets: distributions over the frame, shape (M, T, h, w).
    """

    layout: Layout
    conditioning: Conditioning
    noise: Tensor
    objects: list[list[int]]
    targets: Tensor


class LayoutTTO(LightningModule):
    """Optimise the adapter of a frozen backbone so that attention follows the layout (TTOM).

    The adapter is on during the guided steps and off in the others; latents and base weights are never optimised.

    Args:
        backbone: the frozen text-to-video model.
        guided_steps: first denoising steps that are optimised; 0 is the plain model. When not given, the paper's five,
            or the first half of fewer than ten; no more than the adapted transformer takes.
        iterations: optimiser iterations in a guided step, at most.
        stop_loss: layout loss under which a guided step ends early.
        loss_blocks: transformer blocks whose attention the loss reads.
        rank: rank of the LoRA matrices.
        alpha: LoRA scale times rank; the rank itself when not given.
        lr: learning rate of AdamW.
        weight_decay: weight decay of AdamW.
        adapter_seed: seed of the LoRA initialisation, the same for every prompt, so that adapters can be averaged.
        conditional_only: whether the adapter stays out of the pass of the negative prompt, which the loss does not
            read; guidance then amplifies what it changes.
        guidance: a baseline that takes the guided steps in place of the optimisation; there is no adapter then.

    Raises:
        ValueError: if a number is out of its range, or the guidance cannot be used with the model.
    """

    def __init__(
        self,
        backbone: Backbone,
        guided_steps: int | None = None,
        iterations: int = 8,
        stop_loss: float = 0.03,
        loss_blocks: Sequence[int] = (3,),
        rank: int = 32,
        alpha: float | None = None,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        adapter_seed: int = 0,
        conditional_only: bool = True,
        guidance: Guidance | None = None,
    ) -> None:
        super().__init__()
        if guided_steps is None:
            guided_steps = default_guided_steps(backbone.num_steps, backbone.max_guided_steps)
        if not 0 <= guided_steps <= backbone.max_guided_steps:
            raise ValueError(
                f"guided_steps is {guided_steps}; it must be from 0 to the {backbone.max_guided_steps} denoising steps "
                "that the adapted transformer takes"
            )
        check_range("stop_loss", stop_loss, meaning="0 and below never ends a step early")
        check_range("rank", rank, least=1)
        check_range("alpha", alpha, above=0)
        check_range("lr", lr, least=0)
        check_range("weight_decay", weight_decay, least=0)
        check_range("adapter_seed", adapter_seed, least=-(2**63), most=2**63 - 1)
        if iterations < 1:
            raise ValueError(f"iterations is {iterations}; it must be at least 1 (guided_steps: 0 is the plain model)")
        if guided_steps and not (loss_blocks and all(0 <= block < backbone.num_blocks for block in loss_blocks)):
            raise ValueError(
                f"loss_blocks is {list(loss_blocks)}; this model has blocks 0 to {backbone.num_blocks - 1}"
            )
        self.backbone = backbone
        self.guided_steps = guided_steps
        self.iterations = iterations
        self.stop_loss = stop_loss
        self.loss_blocks = tuple(loss_blocks)
        self.lr = lr
        self.weight_decay = weight_decay
        self.adapter_seed = adapter_seed
        self.guidance = guidance
        if guidance is not None:
            guidance.check(backbone)
        adapted = guided_steps and guidance is None
        self.adapter = backbone.add_adapter(rank, alpha, self.loss_blocks) if adapted else None
        if self.adapter is not None:
            self.adapter.conditional_only = conditional_only
        # Only the LoRA parameters belong to this module: the backbone looks after its own weights and device.
        self.adapter_parameters = nn.ParameterList(self.adapter.parameters() if self.adapter else [])

    def prepare(self, layout: Layout, seed: int, image: Path | None = None) -> Rehearsal:
        """Encode a prompt and its layout.

        Args:
            layout: the layout, with the prompt.
            seed: seed of the initial noise.
            image: the image that the video starts from, where the model wants one.

        Raises:
            ValueError: if a word of the layout is not among the prompt's tokens.
        """
        tracks, targets = object_targets(layout, self.backbone.grid)
        objects = [self.backbone.token_positions(layout.prompt, track.words, track.spans) for track in tracks]
        conditioning, noise = self.backbone.encode(layout.prompt, image), self.backbone.start(seed)
        return Rehearsal(layout, conditioning, noise, objects, targets.to(noise.device))

    def begin(self, rehearsal: Rehearsal) -> None:
        """Take up a prompt: initial latents, a neutral adapter, an empty record.

        ``budget``, the iterations that a guided step may take, can be lowered from here on (0 uses the adapter as it
        is); ``learnt`` will be the mean of the adapters of the guided steps, which other prompts can start from.
        """
        self.rehearsal = rehearsal
        self.latents = rehearsal.noise
        self.losses: list[list[float]] = []
        self.updates = 0
        self.budget = self.iterations
        self.learnt: dict[str, Tensor] = {}
        if self.adapter is not None:
            self.adapter.reset(self.adapter_seed)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One AdamW for all guided steps of a prompt."""
        return torch.optim.AdamW(self.adapter_parameters, lr=self.lr, weight_decay=self.weight_decay)

    def train_dataloader(self) -> DataLoader[int]:
        """The iterations of a guided step."""
        return DataLoader(range(self.iterations), batch_size=None)  # type: ignore[arg-type]

    def on_train_epoch_start(self) -> None:
        """Begin a guided step."""
        self.losses.append([])

    def on_train_batch_start(self, batch: int, batch_idx: int) -> int | None:
        """End the guided step (-1) once its loss has converged or its budget of iterations is spent."""
        return -1 if self.converged or batch_idx >= self.budget else None

    def training_step(self, batch: int, batch_idx: int) -> Tensor | None:
        """Return the layout loss; ``None``, so that no update is made, once it is under ``stop_loss``."""
        loss = self.layout_loss(len(self.losses) - 1)
        self.losses[-1].append(loss.item())
        self.log("layout_loss", loss.detach())
        if self.converged:
            return None
        self.updates += 1
        return loss

    def layout_loss(self, step: int, latents: Tensor | None = None) -> Tensor:
        """Return the layout loss of the model, adapted if it has an adapter, at a denoising step, with gradient.

        Args:
            step: the denoising step.
            latents: where to take it; at the current latents when not given.
        """
        latents = self.latents if latents is None else latents
        with nullcontext() if self.adapter is None else self.adapter.enabled():
            maps = self.backbone.object_attention(
                latents, step, self.rehearsal.conditioning, self.rehearsal.objects, self.loss_blocks
            )
            return layout_loss(maps, self.rehearsal.targets)

    def first_attention(self, adapted: bool, state: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the mean of :meth:`first_maps` over the loss blocks, shape (M, T, h, w)."""
        return self.first_maps(adapted, state).mean(0)

    @torch.no_grad()
    def first_maps(self, adapted: bool, state: Mapping[str, Tensor] | None = None) -> Tensor:
        """Return the attention at the initial noise and first step, shape (loss blocks, M, T, h, w).

        Args:
            adapted: with an adapter, or under the guidance if there is one, rather than without.
            state: the adapter's parameters; what was learnt when not given.
        """
        if adapted and self.guidance is not None and self.guided_steps:
            return self.guidance.first_maps(self)
        given = (self.rehearsal.noise, 0, self.rehearsal.conditioning, self.rehearsal.objects, self.loss_blocks)
        if self.adapter is None or not adapted:
            return self.backbone.object_attention(*given)
        current = self.adapter.state_dict()
        self.adapter.load_state_dict(self.learnt if state is None else state)
        with self.adapter.enabled():
            maps = self.backbone.object_attention(*given)
        self.adapter.load_state_dict(current)
        return maps

    def on_train_epoch_end(self) -> None:
        """Advance the sampler by the guided step, adapter on, and take the adapter into the mean."""
        assert self.adapter is not None
        with self.adapter.enabled():
            self.latents = self.backbone.step(self.latents, len(self.losses) - 1, self.rehearsal.conditioning)
        for name, tensor in self.adapter.state_dict().items():
            self.learnt[name] = torch.lerp(self.learnt.get(name, tensor), tensor, 1 / len(self.losses))

    def guide(self) -> None:
        """Take the guided steps by the baseline's guidance, without a fit."""
        assert self.guidance is not None
        for step in range(self.guided_steps):
            self.losses.append([])
            self.latents = self.guidance.step(self, step)

    def denoise(self) -> Tensor:
        """Take the denoising steps that are left, adapter off, and return the final latents."""
        for step in range(len(self.losses), self.backbone.num_steps):
            self.latents = self.backbone.step(self.latents, step, self.rehearsal.conditioning)
        return self.latents

    @property
    def converged(self) -> bool:
        """Whether the current guided step's loss is under ``stop_loss``."""
        return bool(self.losses[-1]) and self.losses[-1][-1] < self.stop_loss


def default_guided_steps(num_steps: int, max_guided_steps: int) -> int:
    """Return how many of the first denoising steps are optimised when nobody says.

    Args:
        num_steps: denoising steps.
        max_guided_steps: those that the adapted transformer takes.
    """
    return min(5, max(1, num_steps // 2), max_guided_steps)
