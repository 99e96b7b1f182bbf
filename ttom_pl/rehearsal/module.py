"""The rehearsal of one prompt, as a tiny Lightning fit.

An epoch is a guided denoising step, a batch is one iteration.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ttom_pl.backbones import Backbone
from ttom_pl.io.ranges import check_range
from ttom_pl.layout import Layout, object_targets
from ttom_pl.layout.loss import layout_loss
from ttom_pl.rehearsal.methods import AdapterTTO, Method
from ttom_pl.scene import Fit, Scene, Start

warnings.filterwarnings("ignore", ".*does not have many workers.*")
warnings.filterwarnings("ignore", ".*configure_optimizers` returned `None`.*")


class LayoutTTO(LightningModule):
    """Rehearse a prompt on a frozen backbone until attention follows the layout (TTOM).

    What is optimised is the method's: the adapter, which is on during the guided steps and off in the others, or the
    latents. Base weights never are.

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
        method: what is changed in the guided steps; the adapter when not given, which is TTO.

    Raises:
        ValueError: if a number is out of its range, or the method cannot be used with the model.
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
        method: Method | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False  # one backward pass may serve two updates
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
        self.method = method or AdapterTTO()
        self.method.check(backbone)
        self.adapter = (
            backbone.add_adapter(rank, alpha, self.loss_blocks) if guided_steps and self.method.adapts else None
        )
        if self.adapter is not None:
            self.adapter.conditional_only = conditional_only
        # Only the LoRA parameters belong to this module: the backbone looks after its own weights and device.
        self.adapter_parameters = nn.ParameterList(self.adapter.parameters() if self.adapter else [])

    def prepare(self, layout: Layout, seed: int, image: Path | None = None) -> Scene:
        """Encode a prompt and its layout, and draw the noise.

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
        return Scene(layout, conditioning, noise, tuple(map(tuple, objects)), targets.to(noise.device), seed)

    def begin(self, scene: Scene, start: Start = Start()) -> None:  # noqa: B008
        """Take up a scene: initial latents, the adapter that it starts from, an empty record.

        Raises:
            ValueError: if the adapter to start from does not fit.
        """
        self.scene, self.start = scene, start
        self.latents = self._first_latents = scene.noise
        self.shifts: list[Tensor] = []
        self.losses: list[list[float]] = []
        self.updates = 0
        self.learnt: dict[str, Tensor] = {}
        self.loaded_loss: float | None = None
        self.verified = False
        self.budget = self.iterations if start.iterations is None else min(self.iterations, start.iterations)
        if not (self.method.adapts or self.method.moves):
            self.budget = 0
        if self.adapter is None:
            return
        self.adapter.reset(self.adapter_seed)
        if start.adapter:
            self.adapter.load_state_dict(start.adapter)
        if start.verified_loss is not None and self.budget:
            with torch.no_grad():
                self.loaded_loss = self.layout_loss(0, self._shifted(0)).item()
            self.verified = self.loaded_loss < start.verified_loss
            self.budget *= not self.verified

    @property
    def fit_so_far(self) -> Fit:
        """What the rehearsal has led to."""
        losses = tuple(map(tuple, self.losses))
        return Fit(
            latents=self.latents,
            first_latents=self._first_latents,
            losses=losses,
            updates=self.updates,
            learnt=dict(self.learnt),
            shifts=tuple(self.shifts),
            loaded_loss=self.loaded_loss,
            verified=self.verified,
        )

    def configure_optimizers(self) -> torch.optim.Optimizer | None:
        """One AdamW for the adapter in all guided steps of a prompt; latents have no state to keep."""
        if self.adapter is None:
            return None
        return torch.optim.AdamW(self.adapter_parameters, lr=self.lr, weight_decay=self.weight_decay)

    def train_dataloader(self) -> DataLoader[int]:
        """The iterations of a guided step."""
        return DataLoader(range(self.iterations), batch_size=None)  # type: ignore[arg-type]

    def on_train_epoch_start(self) -> None:
        """Begin a guided step, with what is known of its shift."""
        step = len(self.losses)
        self.losses.append([])
        if self.method.moves:
            self._unmoved, self.latents = self.latents.float(), self._shifted(step)

    def on_train_batch_start(self, batch: int, batch_idx: int) -> int | None:
        """End the guided step (-1) once its loss has converged or its budget of iterations is spent."""
        return -1 if self.converged or batch_idx >= self.budget else None

    def training_step(self, batch: int, batch_idx: int) -> None:
        """Look at the layout loss, and change what the method changes unless it is under ``stop_loss``."""
        step = len(self.losses) - 1
        latents = self.latents.detach().requires_grad_(self.method.moves)
        loss = self.layout_loss(step, latents)
        self.losses[-1].append(loss.item())
        self.log("layout_loss", loss.detach())
        if self.converged:
            return
        self.manual_backward(loss)
        if self.adapter is not None:
            optimizer = self.optimizers()
            optimizer.step()  # type: ignore[union-attr]
            optimizer.zero_grad()  # type: ignore[union-attr]
        if latents.grad is not None:
            moved = self.method.moved(latents.detach(), latents.grad, step, self.guided_steps)
            self.latents = self._unmoved + bounded(moved - self._unmoved, self.method.max_shift)
        self.updates += 1

    def layout_loss(self, step: int, latents: Tensor | None = None) -> Tensor:
        """Return the layout loss of the model, as the method has it in a guided step, with gradient.

        Args:
            step: the denoising step.
            latents: where to take it; at the current latents when not given.
        """
        latents = self.latents if latents is None else latents
        with self._guided(self.scene, step):
            return layout_loss(self._maps(self.scene, latents, step), self.scene.targets)

    def first_attention(self, scene: Scene, fit: Fit | None = None) -> Tensor:
        """Return the mean of :meth:`first_maps` over the loss blocks, shape (M, T, h, w)."""
        return self.first_maps(scene, fit).mean(0)

    @torch.no_grad()
    def first_maps(self, scene: Scene, fit: Fit | None = None) -> Tensor:
        """Return the attention at the first denoising step, shape (loss blocks, M, T, h, w).

        Args:
            scene: the prompt.
            fit: what its rehearsal has led to: the attention is that with the adapter that was learnt, at the latents
                of the first step. Without it, the plain model's at the noise.
        """
        if fit is None or not fit.losses:
            return self._maps(scene, scene.noise, 0)
        if self.adapter is None:
            with self._guided(scene, 0):
                return self._maps(scene, fit.first_latents, 0)
        current = self.adapter.state_dict()
        self.adapter.load_state_dict(fit.learnt)
        try:
            with self._guided(scene, 0):
                return self._maps(scene, fit.first_latents, 0)
        finally:
            self.adapter.load_state_dict(current)

    def on_train_epoch_end(self) -> None:
        """Advance the sampler by the guided step, as the method has it, and take the adapter into the mean."""
        step = len(self.losses) - 1
        if self.method.moves:
            self.shifts.append(self.latents - self._unmoved)
            self.latents = self.latents.to(self.scene.noise.dtype)
        if step == 0:
            self._first_latents = self.latents
        with self._guided(self.scene, step):
            self.latents = self.backbone.step(self.latents, step, self.scene.conditioning)
        for name, tensor in (self.adapter.state_dict() if self.adapter else {}).items():
            self.learnt[name] = torch.lerp(self.learnt.get(name, tensor), tensor, 1 / len(self.losses))

    def denoise(self, scene: Scene, fit: Fit) -> Tensor:
        """Take the denoising steps that a rehearsal has left, adapter off, and return the final latents."""
        latents = fit.latents
        for step in range(len(fit.losses), self.backbone.num_steps):
            latents = self.backbone.step(latents, step, scene.conditioning)
        return latents

    @property
    def converged(self) -> bool:
        """Whether the current guided step's loss is under ``stop_loss``."""
        return bool(self.losses[-1]) and self.losses[-1][-1] < self.stop_loss

    def _shifted(self, step: int) -> Tensor:
        """Return the latents in float32, so that small updates are not rounded away, with what a shift adds to them."""
        latents, shifts = self.latents.float(), self.start.shifts
        if step >= len(shifts):
            return latents
        return latents + bounded(shifts[step].to(latents), self.method.max_shift)

    @contextmanager
    def _guided(self, scene: Scene, step: int) -> Iterator[None]:
        """Have the model as the method has it in a guided step."""
        adapted = nullcontext() if self.adapter is None else self.adapter.enabled()
        with adapted, self.method.around(self.backbone, scene, step, self.guided_steps):
            yield

    def _maps(self, scene: Scene, latents: Tensor, step: int) -> Tensor:
        latents = latents.to(scene.noise.dtype)
        return self.backbone.object_attention(latents, step, scene.conditioning, scene.objects, self.loss_blocks)


def bounded(shift: Tensor, most: float) -> Tensor:
    """Return a shift, made smaller if its root mean square is above ``most``."""
    return shift * (most / shift.square().mean().sqrt().clamp_min(1e-12)).clamp_max(1.0)


def default_guided_steps(num_steps: int, max_guided_steps: int) -> int:
    """Return how many of the first denoising steps are optimised when nobody says.

    Args:
        num_steps: denoising steps.
        max_guided_steps: those that the adapted transformer takes.
    """
    return min(5, max(1, num_steps // 2), max_guided_steps)
