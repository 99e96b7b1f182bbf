"""``ttom compare``: runs over the same prompts, side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ttom_pl.compare import compare


def main(args: Sequence[str]) -> None:
    """Print the table and write it with a contact sheet."""
    parser = argparse.ArgumentParser(prog="ttom compare", description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders; the first is the baseline")
    parser.add_argument("--names", nargs="+", default=[], help="what to call them (default: the folders' names)")
    parser.add_argument("--first", type=int, default=1, help="first prompt that counts, by its number in the stream")
    parser.add_argument("--out", type=Path, help="folder for table.md and contact_sheet.png")
    parser.add_argument("--prompts", type=int, default=12, help="rows of the contact sheet")
    options = parser.parse_args(list(args))
    if options.names and len(options.names) != len(options.runs):
        parser.error(f"{len(options.names)} names for {len(options.runs)} runs; give one name a run")
    comparison = compare(options.runs, options.names, options.first)
    table = comparison.table()
    print(table)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "table.md").write_text(table + "\n")
        comparison.sheet(options.runs, options.prompts).save(options.out / "contact_sheet.png")
        print(f"\n{options.out / 'table.md'}\n{options.out / 'contact_sheet.png'}")
