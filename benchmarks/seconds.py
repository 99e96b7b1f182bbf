"""Seconds of a prompt on the embedded model: plain, rehearsed cold, and from what others of its scene have learnt.

    python benchmarks/seconds.py --out runs/seconds

The three take turns in one process with one thread, prompt by prompt, so that whatever else the machine does falls on
all of them alike; ratios are of a prompt's own times, and their medians are what counts. Settings are those of the
shipped config. A hit starts from the mean of three prompts of its scene. Writes ``results.md`` to the folder.
"""

import time

import numpy as np
import torch
from harness import arguments, claim, claims_table, default, noises, write
from lightning.pytorch import Trainer
from sprites_prompts import stream_prompts

from ttom_pl.backbones import WanBackbone
from ttom_pl.planners import GrammarPlanner
from ttom_pl.prompts.datamodule import read_prompts
from ttom_pl.recall.keys import abstract_scene
from ttom_pl.rehearsal import JointTTO, LayoutTTO, rehearse
from ttom_pl.scene import Fit, Scene, Start

BOUNDS = {"cold": 1.6, "hit": 1.3}
"""Ratios to plain sampling that are claimed."""


def main() -> None:
    options = arguments(__doc__, "runs/seconds", count=60).parse_args()
    torch.set_num_threads(1)
    prompts = read_prompts(stream_prompts(options.out / "prompts", options.seed, options.count))
    (noise,) = noises(options.seed, 1)
    seconds = measure([prompt.text for prompt in prompts], noise)
    ratios = {name: np.array(seconds[name]) / np.array(seconds["plain"]) for name in BOUNDS}
    rows = [
        claim(
            f"seconds, {name}, over plain",
            f"≤ {BOUNDS[name]:g}",
            "median {1:.2f} (quartiles {0:.2f} … {2:.2f})".format(*np.quantile(ratio, (0.25, 0.5, 0.75))),
            bool(np.median(ratio) <= BOUNDS[name]),
        )
        for name, ratio in ratios.items()
    ]
    medians = ", ".join(f"{np.median(values):.2f} s {name}" for name, values in seconds.items())
    write(options.out, "Seconds of a prompt", [claims_table(rows), "", f"{medians}; {len(seconds['hit'])} prompts."])


def measure(texts: list[str], noise: int) -> dict[str, list[float]]:
    """Return the seconds of each prompt that has three others of its scene before it, by how it was served."""
    module, planner = joint(), GrammarPlanner(steer="phrase")
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = Trainer(accelerator="cpu", **dict.fromkeys(quiet, False))
    learnt: dict[str, list[Fit]] = {}
    seconds: dict[str, list[float]] = {"plain": [], "cold": [], "hit": []}
    for number, text in enumerate(texts):
        layout = planner.plan(text)
        scene = module.prepare(layout, noise + number)
        known = learnt.setdefault(abstract_scene(layout), [])
        plain, _ = serve(trainer, module, scene, None)
        cold, fit = serve(trainer, module, scene, Start())
        if len(known) >= 3:
            hit, _ = serve(trainer, module, scene, mean(known[:3]))
            for way, taken in (("plain", plain), ("cold", cold), ("hit", hit)):
                seconds[way].append(taken)
        known.append(fit)
    return seconds


def serve(trainer: Trainer, module: LayoutTTO, scene: Scene, start: Start | None) -> tuple[float, Fit]:
    """Return what it takes to make the video of a scene, without a rehearsal where there is no start, and its fit."""
    begin = time.perf_counter()
    module.backbone.start(scene.seed)
    fit = Fit.none(scene) if start is None else rehearse(trainer, module, scene, start)
    module.backbone.decode(module.denoise(scene, fit))
    return time.perf_counter() - begin, fit


def joint() -> LayoutTTO:
    """Return the shipped rehearsal."""
    backbone = WanBackbone(**default("model.backbone.init_args"))  # type: ignore[arg-type]
    options = {name: default(f"model.{name}") for name in ("guided_steps", "iterations", "stop_loss", "rank", "lr")}
    method = JointTTO(**default("model.method.init_args"))  # type: ignore[arg-type]
    return LayoutTTO(backbone, loss_blocks=default("model.loss_blocks"), method=method, **options)  # type: ignore[arg-type]


def mean(fits: list[Fit]) -> Start:
    """Return the start from what several rehearsals have learnt."""
    adapter = {name: torch.stack([fit.learnt[name] for fit in fits]).mean(0) for name in fits[0].learnt}
    shifts = tuple(torch.stack(each).mean(0) for each in zip(*(fit.shifts for fit in fits), strict=True))
    return Start(adapter, shifts=shifts)


if __name__ == "__main__":
    main()
