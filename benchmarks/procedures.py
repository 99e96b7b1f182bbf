"""Ours and the reference procedure on the same weights, and what it takes to time them."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from cost import OBJECTS
from counting import Alive
from preset_models import Model, build
from reference_procedure import ReferenceProcedure
from torch import Tensor

from ttom_pl.backbones import Placement
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.layout import Layout, Track, object_targets
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.scene import Conditioning, Scene

LAYOUT = Layout(
    "a red circle moves left and a blue square moves up",
    (
        Track(0, "a red circle", ("circle",), tuple((0.7 - 0.12 * k, 0.1, 0.95 - 0.12 * k, 0.4) for k in range(6))),
        Track(1, "a blue square", ("square",), tuple((0.4, 0.7 - 0.1 * k, 0.7, 0.95 - 0.1 * k) for k in range(6))),
    ),
)
"""Two objects that move; the cost hardly depends on it."""


def random_conditioning(backbone: PipelineBackbone, model: Model, device: torch.device) -> Conditioning:
    """Return noise in place of an encoded prompt and negative prompt; the cost does not depend on it."""
    generator, dtype = torch.Generator().manual_seed(0), backbone.pipe.transformer.dtype

    def draw(*size: int) -> Tensor:
        return torch.randn(size, generator=generator).to(device, dtype)

    return model.family.conditioning(backbone, draw)


class Procedures:
    """Ours and the reference procedure on the same weights.

    Args:
        model: what to build.
        device: where.
        checkpointing: whether both recompute blocks in the backward pass.
        compiled: whether our blocks, and the plain model's, are compiled, all but those that the loss reads: these are
            left half-way, by an exception.
    """

    def __init__(self, model: Model, device: torch.device, checkpointing: bool = False, compiled: bool = False) -> None:
        self.device = device
        section = model.section
        given = section["backbone"]["init_args"].get("placement", {})
        whole = {"release_text_encoder": False, "offload": "none", "gradient_checkpointing": checkpointing}
        placement = Placement(**given | whole)
        torch.manual_seed(0)
        self.backbone = build(model, device, placement=placement)
        # Another module around the same weights, so that each procedure has its own adapter.
        transformer = self.backbone.pipe.transformer
        shared = {id(each): each for each in chain(transformer.parameters(), transformer.buffers())}
        twin = copy.deepcopy(transformer, shared)
        settings = {name: section[name] for name in ("guided_steps", "iterations", "loss_blocks", "rank", "lr")}
        self.module = LayoutTTO(self.backbone, **settings)
        self.backbone.to(device)
        self.conditioning = random_conditioning(self.backbone, model, device)
        _, targets = object_targets(LAYOUT, self.backbone.grid)
        self.latents = self.backbone.start(0)
        objects = [list(positions) for positions in OBJECTS]
        self.module.begin(Scene(LAYOUT, self.conditioning, self.latents, objects, targets.to(device)))
        self.optimizer = self.module.configure_optimizers()
        self.reference = ReferenceProcedure(
            twin,
            self.backbone.blocks.lists[0],
            self.backbone.reader.attention,
            section["loss_blocks"],
            section["rank"],
            section["lr"],
            self.module.weight_decay,
            self.backbone.settings.max_sequence_length,
            self.backbone.grid,
        )
        if checkpointing:
            self.checkpoint_reference()
        for number, block in enumerate(self.backbone.blocks.of(transformer) if compiled else ()):
            if number not in section["loss_blocks"]:
                block.compile()

    def checkpoint_reference(self) -> None:
        """Let the reference procedure recompute its blocks in the backward pass."""
        self.reference.transformer.enable_gradient_checkpointing()

    @property
    def inputs(self) -> dict[str, Any]:
        """What the transformer is called with in the conditional pass of the first step."""
        timestep = self.backbone.pipe.scheduler.timesteps[0].to(self.device).expand(1)
        inputs = self.backbone._inputs(self.latents, timestep, self.conditioning)
        return inputs | {"encoder_hidden_states": self.conditioning.prompt_embeds}

    def iteration(self) -> float:
        """Take one optimiser iteration, ours, and return the loss before it."""
        loss = self.module.layout_loss(0)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def reference_iteration(self) -> float:
        """Take one optimiser iteration by the reference procedure, and return the loss before it."""
        return self.reference.iteration(self.inputs, OBJECTS, LAYOUT)

    def step(self) -> Tensor:
        """Take a step of the sampler, both passes of guidance, adapter off but within :meth:`adapted`."""
        return self.backbone.step(self.latents, 0, self.conditioning)

    @contextmanager
    def adapted(self, reference: bool) -> Iterator[None]:
        """Switch our adapter on for a while, or take the reference's transformer in place of ours."""
        assert self.module.adapter is not None
        if not reference:
            with self.module.adapter.enabled():
                yield
            return
        own, self.backbone.pipe.transformer = self.backbone.pipe.transformer, self.reference.transformer
        try:
            yield
        finally:
            self.backbone.pipe.transformer = own

    def time(self, run: Callable[[], object]) -> float:
        """Return the seconds that a call takes."""
        self._wait()
        start = time.perf_counter()
        run()
        self._wait()
        return time.perf_counter() - start

    def time_step(self, adapter: str) -> float:
        """Return the seconds of a step of the sampler with no adapter on, ours or the reference's."""
        self.backbone.start(0)
        if adapter == "off":
            return self.time(self.step)
        with self.adapted(adapter == "reference"):
            return self.time(self.step)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def decode(self) -> Tensor:
        """Decode the noise; what it shows does not matter to the time."""
        return self.backbone.decode(self.latents)

    @torch.no_grad()
    def share_adapter(self) -> None:
        """Give both the same adapter, far from neutral."""
        adapter = self.module.adapter
        assert adapter is not None
        generator = torch.Generator().manual_seed(0)
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / (2 * parameter.shape[1] ** 0.5))
        own = {name.removeprefix("transformer."): value for name, value in adapter.state_dict().items()}
        whole = {name: torch.zeros_like(value) for name, value in self.reference.state_dict().items()}
        self.reference.load_state_dict(whole | own)

    @property
    def adapter_sizes(self) -> tuple[int, int]:
        """Bytes of our adapter and of the reference's."""
        assert self.module.adapter is not None
        ours, reference = (
            sum(p.numel() * p.element_size() for p in each)
            for each in (self.module.adapter.parameters(), self.reference.parameters)
        )
        return ours, reference

    @property
    def weights(self) -> int:
        """Bytes of the transformers' weights, adapters apart."""
        pipe = self.backbone.pipe
        both = [each for each in (pipe.transformer, getattr(pipe, "transformer_2", None)) if each is not None]
        named = chain.from_iterable(each.named_parameters() for each in both)
        return sum(p.numel() * p.element_size() for name, p in named if "lora_" not in name)

    def peak(self, run: Callable[[], object]) -> int:
        """Return the bytes that a call has on the device at the peak, weights included."""
        if self.device.type != "cuda":
            with Alive() as alive:
                run()
            return self.weights + alive.peak
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self.device)
        run()
        return torch.cuda.max_memory_allocated(self.device)
