"""``ttom probe``: which blocks of a model the layout loss should read."""

import json
from collections.abc import Sequence
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
from ttom_pl.probe import probe
from ttom_pl.prompts.prompt import first
from ttom_pl.prompts.readers import read_any
from ttom_pl.report.heat_map import write_heat_map

RESULT, TABLE, PICTURE = "probe.json", "probe.md", "probe.png"


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
    result = probe(
        init.backbone,
        layouts,
        init.detector,
        config.steps,
        config.seed,
        [prompt.image for prompt in prompts],
        lambda items: tqdm(items, "probing", unit="prompt", leave=False, disable=None),
    )
    write_text(config.out / RESULT, json.dumps(result.to_dict(), indent=2) + "\n")
    write_text(config.out / TABLE, result.table() + "\n")
    write_heat_map(result, config.out / PICTURE)
    if config.json:
        print(json.dumps(result.to_dict(), indent=2))
    else:
        print(result.table(), "", *(config.out / name for name in (TABLE, RESULT, PICTURE)), sep="\n")


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
        type=Detector,
        required=True,
        help=f"finds them in the videos: {', '.join(NAMES['--detector'])} or a class; its options as --detector.OPTION",
    )
    parser.add_argument("--steps", type=int, default=5, help="denoising steps to measure, from the first on")
    parser.add_argument("--seed", type=int, default=42, help="seed of the first prompt's noise")
    parser.add_argument("--device", type=str | None, help="where the model runs (default: a GPU if there is one)")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {RESULT}, {TABLE} and {PICTURE}")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    return parser
