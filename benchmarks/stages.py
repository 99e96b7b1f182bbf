"""What is on the card at each stage of a prompt, counted: the parts that are there and the most that they make.

    python benchmarks/stages.py                                  # every preset, some minutes on one core
    python benchmarks/stages.py --presets wan2.1-1.3b --out runs/stages

Models and text encoders of their published dimensions, on the meta device (``cost.py``). A stage holds the weights that
``placement`` leaves on the card in it, and the bytes of all tensors alive at once. A card needs more than that: what
the driver and CUDA's context take, workspaces of convolutions and matrix products, and what the allocator cannot use.
Measured peaks, which have the workspaces on top, stand beside the counted ones where there are any.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from cost import Case, markdown
from counting import Alive, count
from diffusers.utils import logging as diffusers_logging
from preset_models import META, MODELS, PRESETS, text_encoder
from torch import nn

MEASURED: Mapping[tuple[str, str], Sequence[float | None]] = {
    ("wan2.1-1.3b", "as shipped"): (None, 11.6, 5.2, 5.5),
    ("wan2.1-14b", "as shipped"): (None, 52.2, 32.8, 37.4),
    ("wan2.1-14b", "float8_e4m3fn, gradient_checkpointing"): (None, 27.7, 21.0, 25.6),
    ("cogvideox-2b", "as shipped"): (None, 9.0, 5.6, 7.9),
    ("cogvideox-5b", "as shipped"): (None, 18.9, 13.8, 14.9),
}
"""GiB at the peak of each stage on an H200, 2026-11-26: iterations as in ``results/iteration.md``, the others with a
VAE in bfloat16, which Wan's now is not by default."""
NOTE = (
    "GiB. In brackets: peaks on an H200, 2026-11-26, random weights, no text encoder; those of steps and decoding with "
    "a VAE in bfloat16, where Wan's is in float32 now."
)
OTHERS: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]] = {
    "wan2.1-1.3b": [("text encoder kept", {"release_text_encoder": False}), ("no tiling", {"vae_tiling": False})],
    "wan2.1-14b": [
        ("text encoder kept", {"release_text_encoder": False}),
        (
            "float8_e4m3fn, gradient_checkpointing",
            {"storage_dtype": "float8_e4m3fn", "gradient_checkpointing": True},
        ),
    ],
    "wan2.2-a14b": [("no offloading", {"offload": "none"})],
    "cogvideox-2b": [("text encoder kept", {"release_text_encoder": False}), ("no tiling", {"vae_tiling": False})],
    "cogvideox-5b": [("text encoder kept", {"release_text_encoder": False}), ("no tiling", {"vae_tiling": False})],
}
"""Placements other than the presets', each with its name."""


@dataclass(frozen=True)
class Stages:
    """Bytes on the card at each stage."""

    text: int
    iteration: int
    step: int
    decode: int


def stages(name: str, **changes: Any) -> Stages:
    """Count what is on the card at each stage.

    Args:
        name: the model's name in ``preset_models.MODELS``.
        **changes: options of the placement other than the preset's.
    """
    model = MODELS[name]
    given = model.section["backbone"]["init_args"].get("placement", {}) | changes
    alone = given.pop("offload", "none") == "model"
    released = given.pop("release_text_encoder", False)
    case = Case(name, given.pop("gradient_checkpointing", False), **given)
    backbone, pipe = case.backbone, case.backbone.pipe
    case.adapt_reachable()
    assert backbone.adapter is not None
    # With AdamW's gradient and two averages of each parameter of the adapter.
    training = 3 * sum(p.numel() * p.element_size() for p in backbone.adapter.parameters())
    if backbone.placement.storage_dtype:
        backbone._placer.place(META, backbone.steering.guided_blocks)  # the casts
    encoder = _encoder(name)
    transformers = [each for each in (pipe.transformer, getattr(pipe, "transformer_2", None)) if each is not None]
    sizes = {"text": _size(encoder), "vae": _size(pipe.vae), "both": sum(_size(each) for each in transformers)}
    resident = 0 if alone else sizes["both"] + sizes["vae"] + (0 if released else sizes["text"])
    running = {
        "text": sizes["text"] if alone or released else 0,
        "transformer": max(_size(each) for each in transformers) if alone else 0,
        "vae": sizes["vae"] if alone else 0,
    }
    ids = torch.ones(1, backbone.settings.max_sequence_length, dtype=torch.long, device=META)
    with torch.no_grad():
        text = count(lambda: encoder(ids)).peak
    weights = [each for module in transformers for each in module.parameters()]
    iteration = count(case.iteration, weights).peak + training
    step = count(lambda: case.prediction(2 if backbone.one_batch else 1), weights).peak
    decoding = _decoding(name, pipe.vae.use_tiling)
    return Stages(
        resident + running["text"] + text,
        resident + running["transformer"] + iteration,
        resident + running["transformer"] + training + step,
        resident + running["vae"] + training + decoding,
    )


@cache
def _decoding(name: str, tiling: bool) -> int:
    case = Case(name, vae_tiling=tiling)
    with Alive() as decoding:
        case.backbone.decode(case.latents)
    return decoding.peak


def _encoder(name: str) -> nn.Module:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        return text_encoder(MODELS[name], META)
    finally:
        torch.set_default_dtype(before)


def _size(module: nn.Module) -> int:
    return sum(each.numel() * each.element_size() for each in chain(module.parameters(), module.buffers()))


def table(names: Sequence[str]) -> str:
    """Return the stages of presets as a Markdown table, in GiB."""
    rows = []
    for name in names:
        for title, changes in [("as shipped", {}), *OTHERS.get(name, ())]:
            print(f"{name}, {title} …", flush=True)
            counted = stages(name, **changes)
            measured = MEASURED.get((name, title), (None,) * 4)
            card = f"{name}, {MODELS[name].card} GB" if title == "as shipped" else ""
            pairs = zip((counted.text, counted.iteration, counted.step, counted.decode), measured, strict=True)
            rows.append([card, title, *(_cell(size, peak) for size, peak in pairs)])
    return markdown(["preset, card", "placement", "text", "iteration", "step", "decoding"], rows)


def _cell(size: int, peak: float | None) -> str:
    return f"{size / 2**30:.1f}" + ("" if peak is None else f" ({peak:.1f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(MODELS))
    parser.add_argument("--out", type=Path, help="folder for stages.md")
    options = parser.parse_args()
    diffusers_logging.set_verbosity_error()
    rows = table(options.presets)
    versions = ", ".join(f"{name} {version(name)}" for name in ("ttom_pl", "torch", "diffusers", "transformers"))
    head = f"# What is on the card at each stage\n\n`python benchmarks/stages.py` on {date.today()}; {versions}."
    text = f"{head}\n\n{NOTE}\n\n{rows}"
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "stages.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
