"""``ttom plan``: from prompts to layouts, with pictures of what will be asked of the model."""

import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace
from tqdm import tqdm

from ttom_pl.cli._names import NAMES, with_class_names
from ttom_pl.cli._parser import make_parser
from ttom_pl.layout.schema import Layout
from ttom_pl.planners import GrammarPlanner, Planner, plan_prompts
from ttom_pl.prompts.authors import write_authors_cache
from ttom_pl.prompts.layout_files import write_layouts
from ttom_pl.prompts.prompt import Prompt, first
from ttom_pl.prompts.readers import read_any
from ttom_pl.report.preview import Plan, write_preview


def main(args: Sequence[str]) -> None:
    """Plan the prompts of a file, e.g. ``prompts.txt --out layouts.jsonl --preview pictures``."""
    parser = _parser()
    config = parser.parse_args(with_class_names(args))
    frame = _frame(config.frame)
    prompts = first(read_any(config.prompts, config.long), config.limit)
    if config.out.resolve() == config.prompts.resolve():
        raise ValueError(f"--out is {str(config.out)!r}, which holds the prompts; write the layouts to another file")
    planner: Planner = parser.instantiate_classes(config).planner or GrammarPlanner()
    plans = list(tqdm(_plan(planner, prompts), "planning", len(prompts), leave=False, disable=None))
    layouts = [plan.layout for plan in plans if plan.layout is not None]
    images = {prompt.id: prompt.image for prompt in prompts if prompt.image is not None}
    if not layouts:
        _report(prompts, plans, config, [])
        sys.exit(1)
    if config.out.suffix == ".json":
        if images:
            warnings.warn("a cache as TTOM's authors have it has no images; write .jsonl to keep them", stacklevel=2)
        write_authors_cache(config.out, layouts, frame)
    else:
        write_layouts(config.out, layouts, images)
    sheets = write_preview(config.preview, plans, frame) if config.preview else []
    _report(prompts, plans, config, sheets)
    if config.strict and len(layouts) < len(plans):
        sys.exit(1)


def _parser() -> ArgumentParser:
    parser = make_parser("plan", __doc__, config=True)
    parser.add_argument(
        "prompts", type=Path, help="prompts (.txt, .csv, .jsonl, T2V-CompBench) or layouts (.jsonl, TTOM's, LVD's)"
    )
    parser.add_argument("--long", type=Path | None, help="file of the long prompts that the videos are made from")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="file of layouts to write: JSON lines, or with the ending .json a cache as TTOM's authors have it",
    )
    parser.add_argument("--preview", type=Path | None, help="folder for a contact sheet and a GIF for each prompt")
    parser.add_argument(
        "--planner",
        type=Planner | None,
        help=f"{', '.join(NAMES['--planner'])} or a class, with its options as --planner.OPTION; else grammar",
    )
    parser.add_argument("--limit", type=int | None, help="take only so many prompts from the start")
    parser.add_argument("--frame", default="832x480", help="width x height of the video, for pictures and pixels")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if any prompt has no layout")
    return parser


def _frame(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ValueError(f"frame is {text!r}; give width and height in pixels as 832x480")
    return int(width), int(height)


def _plan(planner: Planner, prompts: Sequence[Prompt]) -> Iterator[Plan]:
    """Yield what becomes of each prompt; one that brings its layout keeps it."""
    for prompt, layout in zip(prompts, plan_prompts(planner, prompts), strict=True):
        if isinstance(layout, Layout):
            yield Plan(prompt.id, prompt.text, layout)
        else:
            yield Plan(prompt.id, prompt.text, None, str(layout))


def _report(prompts: Sequence[Prompt], plans: Sequence[Plan], config: Namespace, sheets: Sequence[Path]) -> None:
    """Say what was written, what was not understood, and what failed."""
    layouts = [plan.layout for plan in plans if plan.layout is not None]
    makers = Counter(layout.planner or "by hand" for layout in layouts)
    by = f" ({', '.join(f'{count} {name}' for name, count in makers.most_common())})" if makers else ""
    unsure = [layout for layout in layouts if layout.confidence < 1]
    sure = [layout for layout in layouts if layout.confidence >= 1 and layout.reason]
    failed = [plan for plan in plans if plan.layout is None]
    print(f"{len(plans)} prompts, {len(layouts)} layouts{by}")
    for title, lines in (
        ("not understood in full", [_line(plan, f"{plan.confidence:.2f} {plan.reason}") for plan in unsure]),
        ("with a note", [_line(plan, plan.reason) for plan in sure]),
        ("layouts of the file that cannot be used", [f"  {prompt.note}" for prompt in prompts if prompt.note]),
        ("failed", [f"  {plan.id}  {plan.prompt[:60]!r}: {plan.error}" for plan in failed]),
    ):
        if lines:
            print("\n".join([f"\n{len(lines)} {title}:", *lines]))
    print(f"\nlayouts: {config.out if layouts else 'none, and nothing is written'}")
    for sheet in sheets:
        print(f"preview: {sheet}")


def _line(layout: Layout, text: str) -> str:
    prompt = layout.original_prompt or layout.prompt
    return f"  {layout.id}  {prompt if len(prompt) <= 60 else prompt[:59] + '…'}: {text}"
