"""``ttom report``: the page of a run, made from its folder."""

from collections.abc import Sequence
from pathlib import Path

from ttom_pl.cli._parser import make_parser
from ttom_pl.report.page import write_report


def main(args: Sequence[str]) -> None:
    """Write ``report.html`` into run folders, e.g. ``runs/sprites``."""
    parser = make_parser("report", __doc__)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders that 'ttom stream' wrote")
    for run in parser.parse_args(list(args)).runs:
        print(write_report(run))
