"""Each preset under the memory cap of the card that its head names: peaks and seconds of each stage.

    python benchmarks/caps.py --out runs/caps                      # on a card as large as the largest of them
    python benchmarks/caps.py --presets wan2.1-1.3b --out runs/caps
    python benchmarks/caps.py --tiny --out runs/caps               # tiny models on the CPU, where there is no cap

Models and text encoders of their real sizes with random weights, placed as the preset says. Of the card's gigabytes one
is left to the driver and CUDA's context. The table is written anew after each preset, with what ran out of memory.
``benchmarks/stages.py`` counts the same.
"""

import argparse
import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from cost import OBJECTS, markdown
from counting import Alive
from diffusers.utils import logging as diffusers_logging
from preset_models import MODELS, PRESETS, Model, build
from procedures import LAYOUT, random_conditioning

from ttom_pl.backbones import Placement
from ttom_pl.layout import object_targets
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.scene import Scene

STAGES = ("text", "iteration", "step", "second transformer", "decoding")
ORDER = [
    "hunyuanvideo1.5-480p",
    "hunyuanvideo-13b",
    "mochi-10b",
    "kandinsky5-2b",
    "skyreels-v2-14b",
    "wan2.2-a14b",
    "wan2.1-1.3b",
    "cogvideox-5b",
    "cogvideox-2b",
    "wan2.1-14b",
]
SMALLER = {"wan2.1-14b": (48, {"storage_dtype": "float8_e4m3fn", "gradient_checkpointing": True})}
"""Further placements of presets, with the card that the preset's head names for them."""


class Stages:
    """The stages of a prompt of a model, on a device under a cap.

    Args:
        model: what to build.
        device: where.
        card: gigabytes of the card to fit; on the CPU there is no cap.
        **changes: options of the placement other than the preset's.
    """

    def __init__(self, model: Model, device: torch.device, card: int, **changes: Any) -> None:
        self.device = device
        section = model.section
        placement = Placement(**section["backbone"]["init_args"].get("placement", {}) | changes)
        torch.manual_seed(0)
        self.backbone = build(model, device, encoder=True, placement=placement)
        self.backbone.pipe.text_encoder.to("cpu")
        settings = {name: section[name] for name in ("guided_steps", "iterations", "loss_blocks", "rank", "lr")}
        self.module = LayoutTTO(self.backbone, **settings)
        self.backbone.to(device)
        if device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
            total = torch.cuda.get_device_properties(device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, (card - 1) * 2**30 / total))
        self.conditioning = random_conditioning(self.backbone, model, device)
        self.latents = self.backbone.start(0)
        objects, (_, targets) = [list(each) for each in OBJECTS], object_targets(LAYOUT, self.backbone.grid)
        self.module.begin(Scene(LAYOUT, self.conditioning, self.latents, objects, targets.to(device)))
        self.optimizer = self.module.configure_optimizers()

    def run(self) -> dict[str, tuple[float, float]]:
        """Return GiB at the peak and seconds of each stage, in the order of a prompt."""
        stages: dict[str, Callable[[], object]] = {
            "text": self._text,
            "iteration": self._iteration,
            "step": lambda: self._step(0),
            "second transformer": lambda: self._step(self.backbone.num_steps - 1),
            "decoding": lambda: self.backbone.decode(self.latents),
        }
        if getattr(self.backbone.pipe, "transformer_2", None) is None:
            del stages["second transformer"]
        taken = {}
        for name, stage in stages.items():
            if name == "iteration":
                stage()  # not to be timed: what is done once
            taken[name] = self._measure(stage)
        return taken

    @torch.no_grad()
    def _text(self) -> None:
        ids = torch.ones(1, self.backbone.settings.max_sequence_length, dtype=torch.long, device=self.device)
        with self.backbone._placer.text_encoder() as encoder:
            encoder(ids)

    def _iteration(self) -> None:
        self.optimizer.zero_grad()
        self.module.layout_loss(0).backward()
        self.optimizer.step()

    def _step(self, index: int) -> None:
        adapter = self.module.adapter
        assert adapter is not None
        self.backbone.start(0)
        with adapter.enabled() if index == 0 else nullcontext():
            self.backbone.step(self.latents, index, self.conditioning)

    def _measure(self, stage: Callable[[], object]) -> tuple[float, float]:
        cuda, alive = self.device.type == "cuda", Alive()
        if cuda:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        start = time.perf_counter()
        with nullcontext() if cuda else alive:
            stage()
        if cuda:
            torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated() if cuda else alive.peak
        return peak / 2**30, time.perf_counter() - start


def row(name: str, title: str, card: int, device: torch.device, changes: Mapping[str, Any]) -> list[str]:
    """Return a row of the table: peaks and seconds of a preset's stages, or that it ran out of memory."""
    try:
        measured = Stages(MODELS[name], device, card, **changes).run()
    except torch.OutOfMemoryError as error:
        return [name, title, str(card), f"out of memory: {str(error).partition('.')[0]}", *[""] * (len(STAGES) - 1)]
    cells = {stage: f"{peak:.1f}, {seconds:.2f} s" for stage, (peak, seconds) in measured.items()}
    return [name, title, str(card), *(cells.get(stage, "") for stage in STAGES)]


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=ORDER, choices=list(PRESETS))
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU")
    parser.add_argument("--out", type=Path, required=True, help="folder for caps.md")
    options = parser.parse_args(args)
    diffusers_logging.set_verbosity_error()
    device = torch.device("cpu" if options.tiny else "cuda")
    options.out.mkdir(parents=True, exist_ok=True)
    where = "the CPU, tiny models" if options.tiny else torch.cuda.get_device_name()
    versions = ", ".join(f"{name} {version(name)}" for name in ("ttom_pl", "torch", "diffusers", "transformers"))
    head = f"# Presets under the cap of their card\n\n`{_command(options)}` on {datetime.now(UTC).date()}, {where}; "
    head += f"{versions}.\n\nGiB at the peak, and seconds; steps are with the adapter on, or the second transformer's."
    tried: list[tuple[str, str, int, Mapping[str, Any]]] = [
        (name, "as shipped", MODELS[name].card, {}) for name in options.presets
    ]
    tried += [(name, ", ".join(made), card, made) for name, (card, made) in SMALLER.items() if name in options.presets]
    rows: list[list[str]] = []
    for name, title, card, changes in tried:
        rows.append(row(name + "-tiny" * options.tiny, title, card, device, changes))
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.set_per_process_memory_fraction(1.0)
        print(" | ".join(rows[-1]), flush=True)
        table = markdown(["preset", "placement", "card, GB", *STAGES], rows)
        (options.out / "caps.md").write_text(f"{head}\n\n{table}\n", encoding="utf-8")


def _command(options: argparse.Namespace) -> str:
    presets = [] if options.presets == ORDER else ["--presets", *options.presets]
    return " ".join(["python benchmarks/caps.py", *["--tiny"] * options.tiny, *presets])


if __name__ == "__main__":
    main()
