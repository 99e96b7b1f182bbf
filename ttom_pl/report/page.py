"""The page, made from the files of a run folder."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from ttom_pl.evaluation.metrics import HitRate, IterationsSaved
from ttom_pl.evaluation.truth import grammar_caveat
from ttom_pl.io.whole_files import write_text
from ttom_pl.report.cards import INK
from ttom_pl.report.charts import Chart, bar_chart, line_chart
from ttom_pl.report.fragments import INLINE, keep_body, make_head
from ttom_pl.report.lineage import lineage
from ttom_pl.report.summary import hit_rates, scores, seconds
from ttom_pl.run import CONFIG, RESULTS, Result, Skipped, read_results
from ttom_pl.run.config import modern

NAME = "report.html"
_LINKS = (RESULTS, CONFIG, "contact_sheet.png")


def write_report(run: Path) -> Path:
    """Write ``report.html`` into a run folder and return its path.

    The page needs nothing but the folder's ``videos`` and, in a long run, ``report``, so that the folder can be moved
    and looked at anywhere; pictures of the first prompts are in the page itself.

    Args:
        run: a folder that ``ttom stream`` wrote; it may belong to a run that has not ended.

    Raises:
        RunError: if it is no run.
    """
    links = [link for link in _LINKS if (run / link).is_file()]
    return write_page(run, run.resolve().name, list(read_results(run).lines.values()), links, method(run))


def method(run: Path) -> str:
    """Return what a run's config makes of the guided steps, e.g. ``"TTO, memory read-write"``; empty if unknown."""
    try:
        config = modern(yaml.safe_load((run / CONFIG).read_text(encoding="utf-8")))
        model, mode = config["model"], config["memory"]["mode"]
        if not model["guided_steps"]:
            return "plain model"
        kind = str((model.get("method") or {}).get("class_path", "AdapterTTO")).rpartition(".")[2]
        name = "TTO" if kind == "AdapterTTO" else kind
        return f"{name}, no memory" if mode in ("off", False) else f"{name}, memory {mode}"
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return ""


def write_page(
    folder: Path, name: str, results: Sequence[Result | Skipped], links: Sequence[str] = (), method: str = ""
) -> Path:
    """Write ``report.html`` into a folder and return its path.

    Args:
        folder: where the page goes; files of the results are relative to it.
        name: its title.
        results: the results; what they lack is left out.
        links: files to link to, relative to the folder.
        method: how the videos were made.
    """
    served = sorted((line for line in results if isinstance(line, Result)), key=lambda result: result.number)
    environment = _environment()
    page = environment.get_template("report.html.j2").render(
        name=name,
        method=method,
        links=links,
        tiles=_tiles(served),
        charts=_charts(served) if served else [],
        scores=scores(served),
        doubt=_doubt(served),
        entries=lineage(served),
        cards=[make_head(folder, result, environment, place < INLINE) for place, result in enumerate(served)],
        boxes=any(result.layout is not None for result in served),
        skipped=[line for line in results if isinstance(line, Skipped)],
        versions=served[-1].versions if served else {},
    )
    path = folder / NAME
    write_text(path, page)
    return path


def keep_card(run: Path, result: Result) -> None:
    """Make the part of a page that is a prompt's own, so that the page is quick to make later."""
    keep_body(run, result, _environment())


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("ttom_pl.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["ink"] = INK
    return environment


def _doubt(served: Sequence[Result]) -> str:
    """Return what is to be said of scores that rest on the grammar alone."""
    truths: dict[str, dict[str, str]] = {}
    for result in served:
        truths.setdefault(result.source, {}).update(result.truth)
    return grammar_caveat(list(truths.values()))


def _tiles(served: Sequence[Result]) -> list[tuple[str, str]]:
    """Return the numbers on top, each with what it is."""
    tiles = [(str(len({result.source for result in served})), "prompts served")]
    if not served:
        return tiles
    hit_rate, saved = HitRate(), IterationsSaved()
    for result in served:
        hit_rate.update(result.memory)
        saved.update(result.memory)
    if hit_rate.videos:
        tiles += [(f"{hit_rate.compute():.0%}", "hit rate"), (f"{saved.total:.0f}", "iterations saved")]
    if all(result.seed is None for result in served):  # videos of another tool
        return [(str(len(served)), "videos")]
    kind = _kind(served)
    if kind == "video":
        tiles.insert(1, (str(len(served)), "videos"))
    tiles.append((f"{np.mean([result.updates for result in served]):.1f}", f"iterations a {kind}"))
    spent = [sum(result.seconds.values()) for result in served]
    tiles.append((f"{np.median(spent):.3g} s", f"a {kind}, median"))
    return tiles


def _kind(served: Sequence[Result]) -> str:
    """Return what a result is to its reader: of several samples of a prompt, each is a video."""
    return "video" if any(result.sample_of for result in served) else "prompt"


def _charts(served: Sequence[Result]) -> list[Chart]:
    charts, what = [], f"{_kind(served)}s"
    so_far, last, width = hit_rates(served)
    if so_far:
        lines = {"so far": so_far, f"last {width} {what}": last}
        charts.append(line_chart("hit rate", what, lines, top=1.0, percent=True))
    stages = seconds(served)
    if stages:
        charts.append(bar_chart("seconds", what, stages))
    updates = [float(result.updates) for result in served]
    hits = [bool(result.hit) for result in served]
    if so_far:
        known = [u * h for u, h in zip(updates, hits, strict=True)]
        unknown = [u * (not h) for u, h in zip(updates, hits, strict=True)]
        charts.append(bar_chart("iterations", what, {"memory hit": known, "miss": unknown}))
    elif any(updates):
        charts.append(bar_chart("iterations", what, {"iterations": updates}))
    return charts
