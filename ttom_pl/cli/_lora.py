"""``ttom memory import`` of a LoRA: the model of a run says what its key is, and what its adapter must be."""

from pathlib import Path
from typing import Any

import torch
import yaml

# Imported so that configs can name these classes without their modules.
import ttom_pl.backbones  # noqa: F401
from ttom_pl.callbacks import ParametricMemory
from ttom_pl.callbacks.remembering import Remembering
from ttom_pl.cli._parser import make_parser
from ttom_pl.cli._quiet import quieten
from ttom_pl.evaluation.metrics import HitRate
from ttom_pl.layout import Layout
from ttom_pl.memory import Entry, Memory
from ttom_pl.planners import GrammarPlanner, plan_prompts
from ttom_pl.prompts.readers import read_any
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run.config import modern

CONFIG = "config.yaml"


def import_lora(memory: Memory, path: Path, scene: Path, configs: list[Path]) -> Entry:
    """Remember a LoRA under a scene, as a stream with these configs would have learnt it.

    Args:
        memory: the memory.
        path: the LoRA.
        scene: a file with one prompt or layout.
        configs: configs of ``ttom stream``, the later over the earlier.

    Raises:
        FileNotFoundError: if a file is not there.
        ValueError: if the scene is not one, a config is none, or the LoRA does not fit the rehearsal's adapter.
    """
    layout = _layout(scene)
    quieten()
    module, callback = _made(configs)
    with module.backbone:
        if module.adapter is None:
            raise ValueError(
                f"the method of {configs[-1]} has no adapter, so that its memory holds none; add the config of one "
                "that has, such as configs/methods/paper.yaml"
            )
        module.backbone.to(torch.device("cpu"))
        policies = callback.key_policy, callback.recall_policy, callback.keep_policy
        return Remembering(memory, module, False, *policies, HitRate()).bring(path, layout)


def config_of(memory: Path) -> Path | None:
    """Return the config of the run that a memory is in, if it is in one."""
    return next((folder / CONFIG for folder in (memory, memory.parent) if (folder / CONFIG).is_file()), None)


def _layout(scene: Path) -> Layout:
    prompts = read_any(scene)
    if len(prompts) != 1:
        raise ValueError(f"{scene} holds {len(prompts)} prompts; give a file with the one that the LoRA is for")
    layout = next(plan_prompts(GrammarPlanner(), prompts))
    if isinstance(layout, ValueError):
        raise layout
    return layout


def _made(configs: list[Path]) -> tuple[LayoutTTO, ParametricMemory]:
    """Make what of a stream's config matters to an entry: the rehearsal, and the memory's policies."""
    merged: dict[str, Any] = {}
    for config in configs:
        if not config.is_file():
            raise FileNotFoundError(f"there is no config {str(config)!r}; give --config, as for 'ttom stream'")
        data = yaml.safe_load(config.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or not ({"model", "memory"} & data.keys()):
            raise ValueError(f"{config} is no config of 'ttom stream': it has no section model")
        merged = _over(merged, modern(data))
    parser = make_parser("memory import", None)
    parser.add_class_arguments(LayoutTTO, "model")
    parser.add_class_arguments(ParametricMemory, "memory", skip={"mode", "path"})
    known = {name: merged[name] for name in ("model", "memory") if name in merged}
    known["memory"] = {name: value for name, value in known.get("memory", {}).items() if name not in ("mode", "path")}
    made = parser.instantiate_classes(parser.parse_object(known))
    return made.model, made.memory


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return a config with another over it; a section with another class starts anew."""
    made = dict(below)
    for name, value in above.items():
        old = made.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            same = value.get("class_path", old.get("class_path")) == old.get("class_path")
            made[name] = _over(old, value) if same else value
        else:
            made[name] = value
    return made
