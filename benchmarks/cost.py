"""What TTO costs on the models people use, counted and not timed: FLOPs, activation bytes, adapter sizes.

    python benchmarks/cost.py                                # every preset of configs/, a few minutes on two cores
    python benchmarks/cost.py --presets wan2.1-1.3b --out runs/cost

The transformers are built from their published dimensions on PyTorch's meta device: shapes without memory, so a 14B
model needs no gigabyte. The counts are those of the operations that PyTorch would run: matrix products and attention
(``torch.utils.flop_counter``, fused attention as FlashAttention), and the bytes of all tensors that are alive at once,
weights apart. Beside them stand the share of the FLOPs that is of float32 numbers, which a card does far slower, and
the bytes that the operations read and write. "Ours" is the package's own code. The reference procedure is the authors':
every block is adapted and run in each iteration. It reads the map by our own fused reading, which favours it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from counting import Count, count
from diffusers.utils import logging as diffusers_logging
from preset_models import META, MODELS, PRESETS, build
from torch import Tensor

from ttom_pl.backbones import Adapter, Placement
from ttom_pl.backbones.attention import token_weights
from ttom_pl.backbones.guidance import Text

_WORK = (
    "preset | tokens | TFLOP an iteration | reference | fewer | in float32 | moved | adapter (fp32) | reference"
    " | smaller"
)
JOINT = (5.7, 2.5)
"""Iterations of a joint rehearsal of two objects on the embedded model, cold and on a hit (``results/methods.md``)."""
OBJECTS = [[2, 3], [8]]
"""Tokens of two objects; the cost hardly depends on them."""


class Case:
    """A model on the meta device, with what an iteration starts from.

    Args:
        name: its name in ``preset_models.MODELS``.
        checkpointing: whether gradient checkpointing is on.
        **placement: how else the model is fitted to a card.
    """

    def __init__(self, name: str, checkpointing: bool = False, **placement: Any) -> None:
        model = MODELS[name]
        section = model.section
        self.blocks: Sequence[int] = section["loss_blocks"]
        self.rank: int = section["rank"]
        self.guided_steps: int = section["guided_steps"]
        self.iterations: int = section["iterations"]
        self.backbone = build(model, META, placement=Placement(gradient_checkpointing=checkpointing, **placement))
        self.latents = self.backbone.start(0).to(META)
        empty = partial(torch.empty, device=META, dtype=self.backbone.pipe.transformer.dtype)
        self.conditioning = model.family.conditioning(self.backbone, empty)
        self.targets = torch.empty(len(OBJECTS), *self.backbone.grid, device=META)

    def iteration(self, backward: bool = True, joint: bool = False) -> None:
        """One optimiser iteration, ours: of the adapter, or of the adapter and the latents, in float32, together."""
        adapter = self.backbone.adapter
        assert adapter is not None
        moved = [self.latents.float().requires_grad_()] if joint else []
        latents = moved[0].to(self.latents.dtype) if joint else self.latents
        with adapter.enabled():
            maps = self.backbone.object_attention(latents, 0, self.conditioning, OBJECTS, self.blocks)
            loss = _mean_loss(maps, self.targets)
        if backward:
            torch.autograd.grad(loss, [*adapter.parameters(), *moved])

    def reference(self) -> None:
        """One optimiser iteration, the authors': all blocks run."""
        backbone, maps = self.backbone, []
        adapter = backbone.adapter
        assert adapter is not None
        weights = token_weights(OBJECTS, self.conditioning.prompt_embeds.shape[1], META)
        weights = backbone._in_sequence(weights, self.conditioning)

        def record(attn: Any, args: Any, kwargs: Any) -> None:
            maps.append(backbone.reader.read(weights, attn, *args, **kwargs))

        blocks = backbone.blocks.of(backbone.pipe.transformer)
        probed = [blocks[number] for number in self.blocks]
        attentions = [backbone.reader.attention_of(block) for block in probed]
        handles = [each.register_forward_pre_hook(record, with_kwargs=True) for each in attentions]
        backbone.steering.checkpointing.probed = probed
        with adapter.enabled():
            output = backbone.predict(self.latents, 0, self.conditioning, Text.prompt(self.conditioning))
            loss = _mean_loss(torch.stack(maps).unflatten(-1, backbone.grid), self.targets)
            reached = torch.autograd.grad(loss, adapter.parameters(), allow_unused=True)
        del output, reached
        for handle in handles:
            handle.remove()

    @torch.no_grad()
    def prediction(self, batch: int = 1) -> None:
        """One forward pass of the transformer without a gradient, as the sampler makes it; of both passes with two."""
        text = Text.prompt(self.conditioning)
        if batch == 2:
            text = Text.both(text, text)
        self.backbone.predict(self.latents, 0, self.conditioning, text)

    def adapt_reachable(self) -> int:
        """Insert our adapter and return its number of parameters."""
        return _size(self.backbone.add_adapter(self.rank, None, self.blocks))

    def adapt_everything(self) -> int:
        """Insert the reference's adapter, in every block, and return its number of parameters."""
        backbone = self.backbone
        reader, transformer = backbone.reader, backbone.pipe.transformer
        layers = [
            f"{name}.{reader.attention}.{layer}"
            for name, block in zip(backbone.blocks.names(transformer), backbone.blocks.of(transformer), strict=True)
            for layer in reader.layers_of(block, carrying=True)
        ]
        steering = backbone.steering
        steering.adapter = steering.checkpointing.adapter = Adapter(transformer, self.rank, None, layers)
        return _size(steering.adapter)


def _mean_loss(maps: Tensor, targets: Tensor) -> Tensor:
    """The layout loss where every object is present: its selection of frames depends on values that meta has not."""
    flat = maps.flatten(-2)
    return (flat / flat.sum(-1, keepdim=True) - targets.flatten(-2)).square().sum()


def _size(adapter: Adapter) -> int:
    return sum(parameter.numel() for parameter in adapter.parameters())


@dataclass(frozen=True)
class Cost:
    """What a preset costs, ours against the reference procedure; FLOPs and bytes."""

    name: str
    weights: int
    tokens: int
    ours: Count
    ours_checkpointed: Count
    check: Count
    reference: Count
    reference_checkpointed: Count
    adapter: int
    reference_adapter: int
    sampling: int
    cold: float
    reference_cold: float
    hit: float
    joint: Count

    def of_joint(self, iterations: float) -> float:
        """What a joint rehearsal of some iterations and a last look at the loss adds to sampling."""
        return (iterations * self.joint.flops + self.check.flops) / self.sampling


def cost(name: str) -> Cost:
    """Count a preset."""
    plain, checkpointed = Case(name), Case(name, checkpointing=True)
    pipe = plain.backbone.pipe
    transformers = [pipe.transformer, getattr(pipe, "transformer_2", None)]
    weights = sum(p.numel() * p.element_size() for each in transformers if each is not None for p in each.parameters())
    one = count(plain.prediction)
    adapter = plain.adapt_reachable()
    checkpointed.adapt_reachable()
    ours, ours_checkpointed = count(plain.iteration), count(checkpointed.iteration)
    check = count(lambda: plain.iteration(backward=False))
    joint = count(lambda: plain.iteration(joint=True))
    reference_adapter = plain.adapt_everything()
    checkpointed.adapt_everything()
    reference, reference_checkpointed = count(plain.reference), count(checkpointed.reference)
    passes = 1 if plain.conditioning.negative_prompt_embeds is None else 2
    sampling = one.flops * passes * plain.backbone.num_steps
    iterations = plain.guided_steps * plain.iterations
    return Cost(
        name,
        weights,
        int(torch.tensor(plain.backbone.grid).prod()),
        ours,
        ours_checkpointed,
        check,
        reference,
        reference_checkpointed,
        adapter,
        reference_adapter,
        sampling,
        iterations * ours.flops / sampling,
        iterations * reference.flops / sampling,
        plain.guided_steps * check.flops / sampling,
        joint,
    )


def table(costs: Sequence[Cost], joint: tuple[float, float] = JOINT) -> str:
    """Return the costs as Markdown tables.

    Args:
        costs: of each preset.
        joint: iterations of a joint rehearsal, cold and on a hit.
    """
    work = [
        [
            each.name,
            f"{each.tokens:,}",
            f"{each.ours.flops / 1e12:,.0f}",
            f"{each.reference.flops / 1e12:,.0f}",
            f"{each.reference.flops / each.ours.flops:.1f}×",
            f"{each.ours.float32 / each.ours.flops:.1%}",
            f"{each.ours.moved / 1e9:,.0f} GB",
            f"{4 * each.adapter / 1e6:.1f} MB",
            f"{4 * each.reference_adapter / 1e6:.1f} MB",
            f"{each.reference_adapter / each.adapter:.1f}×",
        ]
        for each in costs
    ]
    memory = [
        [each.name, *(f"{number / 1e9:.1f} GB" for number in (each.weights, *(peak.peak for peak in _peaks(each))))]
        for each in costs
    ]
    overhead = [
        [
            each.name,
            f"{each.sampling / 1e15:.0f} PFLOP",
            f"+{each.cold:.1%}",
            f"+{each.reference_cold:.1%}",
            f"+{each.hit:.1%}",
            "+0.0%",
        ]
        for each in costs
    ]
    together = [
        [
            each.name,
            f"{each.joint.flops / 1e12:,.0f}",
            f"{each.joint.peak / 1e9:.1f} GB",
            *(f"+{each.of_joint(iterations):.1%}" for iterations in joint),
        ]
        for each in costs
    ]
    joint_head = " | ".join(
        f"{name} at {iterations:g} iterations" for name, iterations in zip(("cold", "hit"), joint, strict=True)
    )
    parts = (
        (
            _WORK,
            work,
        ),
        ("preset | weights | peak activations | checkpointed | reference | checkpointed", memory),
        ("preset | sampling | cold TTO, all iterations | reference | verified hit | hit as it is", overhead),
        (f"preset | TFLOP a joint iteration | peak activations | {joint_head}", together),
    )
    return "\n\n".join(markdown(head.split(" | "), rows) for head, rows in parts)


def _peaks(each: Cost) -> tuple[Count, ...]:
    return each.ours, each.ours_checkpointed, each.reference, each.reference_checkpointed


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a Markdown table, all but the first column to the right."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(MODELS))
    parser.add_argument("--joint", nargs=2, type=float, default=JOINT, help="its iterations, cold and on a hit")
    parser.add_argument("--out", type=Path, help="folder for cost.md")
    options = parser.parse_args()
    diffusers_logging.set_verbosity_error()
    tables = table([cost(name) for name in options.presets], tuple(options.joint))
    versions = ", ".join(f"{name} {version(name)}" for name in ("ttom_pl", "torch", "diffusers", "peft"))
    text = f"# What TTO costs, counted\n\n`python benchmarks/cost.py` on {date.today()}; {versions}.\n\n{tables}"
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "cost.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
