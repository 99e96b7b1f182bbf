"""The page, made from the files of a run folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from ttom_pl.metrics import HitRate, IterationsSaved
from ttom_pl.report.cards import INK, make_card
from ttom_pl.report.charts import Chart, bar_chart, line_chart
from ttom_pl.report.lineage import lineage
from ttom_pl.report.summary import hit_rates, scores, seconds
from ttom_pl.run import CONFIG, RESULTS, read_results
from ttom_pl.truth import doubts
from ttom_pl.whole_files import write_text

NAME = "report.html"
_LINKS = (RESULTS, CONFIG, "contact_sheet.png")


def write_report(run: Path) -> Path:
    """Write ``report.html`` into a run folder and return its path.

    The page needs nothing but the folder's ``videos``, so that the folder can be moved and looked at anywhere; pictures
    are in the page itself.

    Args:
        run: a folder that ``ttom stream`` wrote; it may belong to a run that has not ended.

    Raises:
        RunError: if it is no run.
    """
    links = [link for link in _LINKS if (run / link).is_file()]
    return write_page(run, run.resolve().name, list(read_results(run).values()), links, method(run))


def method(run: Path) -> str:
    """Return what a run's config makes of the guided steps, e.g. ``"TTO, memory read-write"``; empty if unknown."""
    try:
        config = yaml.safe_load((run / CONFIG).read_text(encoding="utf-8"))
        model, mode = config["model"], config["memory"]["mode"]
        if not model["guided_steps"]:
            return "plain model"
        if model.get("guidance"):
            return f"baseline {str(model['guidance']['class_path']).rpartition('.')[2]}"
        return "TTO, no memory" if mode in ("off", False) else f"TTO, memory {mode}"
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return ""


def write_page(
    folder: Path, name: str, results: Sequence[Mapping[str, Any]], links: Sequence[str] = (), method: str = ""
) -> Path:
    """Write ``report.html`` into a folder and return its path.

    Args:
        folder: where the page goes; files of the results are relative to it.
        name: its title.
        results: lines as those of ``results.jsonl``; what they lack is left out.
        links: files to link to, relative to the folder.
        method: how the videos were made.
    """
    served = sorted((r for r in results if "error" not in r), key=lambda result: int(result["number"]))
    environment = Environment(
        loader=PackageLoader("ttom_pl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        name=name,
        ink=INK,
        method=method,
        links=links,
        tiles=_tiles(served),
        charts=_charts(served) if served else [],
        scores=scores(served),
        doubt=_doubt(served),
        entries=lineage(served),
        cards=[make_card(folder, result) for result in served],
        skipped=[result for result in results if "error" in result],
        versions=served[-1].get("versions", {}) if served else {},
    )
    path = folder / NAME
    write_text(path, page)
    return path


def _doubt(served: Sequence[Mapping[str, Any]]) -> str:
    """Return what is to be said of scores that rest on the grammar alone."""
    truths: dict[str, dict[str, str]] = {}
    for result in served:
        truths.setdefault(str(result.get("id", "")), {}).update(result.get("truth") or {})
    return doubts(list(truths.values()))


def _tiles(served: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the numbers on top, each with what it is."""
    tiles = [(str(len(served)), "prompts served")]
    if not served:
        return tiles
    hit_rate, saved = HitRate(), IterationsSaved()
    for result in served:
        hit_rate.update(result)
        saved.update(result)
    if hit_rate.videos:
        tiles += [(f"{hit_rate.compute():.0%}", "hit rate"), (f"{saved.total:.0f}", "iterations saved")]
    if not any("updates" in result for result in served):  # videos of another tool
        return [(str(len(served)), "videos")]
    tiles.append((f"{np.mean([r.get('updates', 0) for r in served]):.1f}", "iterations a prompt"))
    spent = [sum((r.get("seconds") or {}).values()) for r in served]
    tiles.append((f"{np.median(spent):.3g} s", "a prompt, median"))
    return tiles


def _charts(served: Sequence[Mapping[str, Any]]) -> list[Chart]:
    charts = []
    so_far, last, width = hit_rates(served)
    if so_far:
        lines = {"so far": so_far, f"last {width} prompts": last}
        charts.append(line_chart("hit rate", "prompts", lines, top=1.0, percent=True))
    stages = seconds(served)
    if stages:
        charts.append(bar_chart("seconds", "prompts", stages))
    updates = [float(result.get("updates", 0)) for result in served]
    hits = [bool((result.get("memory") or {}).get("hit")) for result in served]
    if so_far:
        known = [u * h for u, h in zip(updates, hits, strict=True)]
        unknown = [u * (not h) for u, h in zip(updates, hits, strict=True)]
        charts.append(bar_chart("iterations", "prompts", {"memory hit": known, "miss": unknown}))
    elif any(updates):
        charts.append(bar_chart("iterations", "prompts", {"iterations": updates}))
    return charts
