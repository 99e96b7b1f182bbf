"""The optimisation of ``configs/sprites.yaml``, for benchmarks that need it without a stream."""

import logging
from pathlib import Path

import yaml

from ttom_pl.backbones import WanBackbone
from ttom_pl.layout import Layout
from ttom_pl.planners import GrammarPlanner
from ttom_pl.rehearsal import LayoutTTO

CONFIG = Path(__file__).parent.parent / "configs" / "sprites.yaml"


def sprites_module(checkpoint: Path) -> LayoutTTO:
    """Load the embedded model from a folder and return the optimisation of the shipped config."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    section = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["model"]
    backbone = WanBackbone(**section.pop("backbone")["init_args"] | {"pretrained": str(checkpoint)})
    return LayoutTTO(backbone, **section)


def sprites_layout(prompt: str) -> Layout:
    """Plan a prompt by the planner of the shipped config."""
    section = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["stream"]["planner"]
    return GrammarPlanner(**section["init_args"]).plan(prompt)
