"""``ttom probe``: which blocks of a model the layout loss should read."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from jsonargparse import ArgumentParser
from tqdm import tqdm

import ttom_pl.backbones  # so that configs can name its classes without their module
from ttom_pl.cli._names import NAMES, with_class_names
from ttom_pl.cli._parser import make_parser
from ttom_pl.cli._quiet import quieten
from ttom_pl.evaluation.detectors import Detector
from ttom_pl.evaluation.detectors.device import choose_device
from ttom_pl.io.ranges import check_range
from ttom_pl.io.whole_files import write_text
from ttom_pl.layout import Layout
from ttom_pl.planners import GrammarPlanner, Planner, plan_prompts
from ttom_pl.probe import probe, probe_agreement
from ttom_pl.prompts.prompt import first
from ttom_pl.prompts.readers import read_any
from ttom_pl.report.heat_map import write_heat_map

RESULT, TABLE, PICTURE, BLOCKS = "probe.json", "probe.md", "probe.png", "loss_blocks.yaml"


def main(args: Sequence[str]) -> None:
    """Probe a model, e.g. ``--config configs/probe.yaml``."""
    quieten()
    parser = _parser()
    config = parser.parse_args(with_class_names(args))
    prompts = first(read_any(config.prompts), config.limit)
    check_range("steps", config.steps, least=1)
    device = choose_device(config.device)
    config.out.mkdir(parents=True, exist_ok=True)
    init = parser.instantiate_classes(config)
    planner: Planner = init.planner or GrammarPlanner()
    layouts: list[Layout] = []
    for layout in plan_prompts(planner, prompts):
        if isinstance(layout, ValueError):
            raise layout
        layouts.append(layout)
    init.backbone.to(torch.device(device))
    images = [prompt.image for prompt in prompts]

    def progress(items: Sequence[Layout]) -> Iterable[Layout]:
        return tqdm(items, "probing", unit="prompt", leave=False, disable=None)

    if init.detector is None:
        result = probe_agreement(init.backbone, layouts, config.steps, config.seed, images, progress)
    else:
        result = probe(init.backbone, layouts, init.detector, config.steps, config.seed, images, progress)
    write_text(config.out / RESULT, json.dumps(result.to_dict(), indent=2) + "\n")
    write_text(config.out / TABLE, result.table() + "\n")
    write_heat_map(result, config.out / PICTURE)
    (config.out / BLOCKS).unlink(missing_ok=True)
    made = [config.out / name for name in (TABLE, RESULT, PICTURE)]
    if result.recommended():
        write_text(config.out / BLOCKS, result.loss_blocks())
        made.append(config.out / BLOCKS)
    if config.json:
        print(json.dumps(result.to_dict(), indent=2))
    else:
        print(result.table(), "", *made, sep="\n")


def _parser() -> ArgumentParser:
    parser = make_parser("probe", __doc__, config=True)
    parser.add_argument("--backbone", type=ttom_pl.backbones.Backbone, required=True, help="the model")
    parser.add_argument("--prompts", type=Path, required=True, help="prompts or layouts, as for 'ttom stream'")
    parser.add_argument("--limit", type=int | None, help="take only so many prompts from the start")
    parser.add_argument(
        "--planner",
        type=Planner | None,
        help=f"finds the objects: {', '.join(NAMES['--planner'])} or a class; else the grammar",
    )
    parser.add_argument(
        "--detector",
        type=Detector | None,
        help=f"finds them in the videos: {', '.join(NAMES['--detector'])} or a class, its options as --detector.OPTION"
        "; without one no video is made, and the attention of the last step says where they are",
    )
    parser.add_argument("--steps", type=int, default=5, help="denoising steps to measure, from the first on")
    parser.add_argument("--seed", type=int, default=42, help="seed of the first prompt's noise")
    parser.add_argument("--device", type=str | None, help="where the model runs (default: a GPU if there is one)")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {RESULT}, {TABLE}, {PICTURE} and {BLOCKS}")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    return parser
