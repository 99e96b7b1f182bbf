"""``ttom compare``: runs over the same prompts, side by side.

A run may have a name, and runs that differ in --stream.seed alone are pooled, with commas between them:
ttom compare plain=runs/plain-1,runs/plain-2 TTO=runs/tto-1,runs/tto-2
"""

from collections.abc import Sequence
from pathlib import Path

from ttom_pl.cli._parser import make_parser
from ttom_pl.evaluation.compare import compare
from ttom_pl.io.media import write_picture
from ttom_pl.io.ranges import check_range
from ttom_pl.io.whole_files import write_text


def main(args: Sequence[str]) -> None:
    """Print the table and write it with a contact sheet."""
    parser = make_parser("compare", __doc__)
    parser.add_argument(
        "runs", nargs="+", type=str, metavar="RUN", help="[NAME=]RUN[,RUN...]; the first is the baseline"
    )
    parser.add_argument("--names", nargs="+", type=str, default=[], help="what to call them; else as their folders")
    parser.add_argument("--first", type=int, default=1, help="first prompt that counts, by its number in the stream")
    parser.add_argument("--metrics", nargs="+", type=str, default=[], help="columns of the table; else all")
    parser.add_argument("--out", type=Path | None, help="folder for table.md and contact_sheet.png")
    parser.add_argument("--prompts", type=int, default=12, help="rows of the contact sheet")
    options = parser.parse_args(list(args))
    if options.names and len(options.names) != len(options.runs):
        raise ValueError(f"{len(options.names)} names for {len(options.runs)} runs; give one name a run")
    check_range("prompts", options.prompts, least=1, meaning="rows of the contact sheet")
    named = [_named(run) for run in options.runs]
    for text, (_, folders) in zip(options.runs, named, strict=True):
        if not folders:
            raise ValueError(
                f"{text!r} names no run; write NAME=RUN, or NAME=RUN,RUN for runs that differ in --stream.seed"
            )
    comparison = compare([folders for _, folders in named], options.names or [name for name, _ in named], options.first)
    table = comparison.table(options.metrics)
    print(table)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        write_text(options.out / "table.md", table + "\n")
        write_picture(options.out / "contact_sheet.png", comparison.sheet(options.prompts))
        print(f"\n{options.out / 'table.md'}\n{options.out / 'contact_sheet.png'}")


def _named(text: str) -> tuple[str, list[Path]]:
    """Return the name and the folders of ``NAME=RUN,RUN``; a folder whose own name has such signs is taken as it is."""
    if Path(text).is_dir():
        return Path(text).name, [Path(text)]
    name, _, rest = text.rpartition("=")
    folders = [Path(folder) for folder in rest.split(",") if folder]
    return name or "+".join(folder.name for folder in folders), folders
