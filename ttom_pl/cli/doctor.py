"""``ttom doctor``: what of this machine and its packages can be used, what cannot, and how to mend it.

Nothing is written, downloaded or sent. It exits with 1 if something essential is broken, else with 0.
"""

import json
import platform
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ttom_pl.cli._parser import make_parser
from ttom_pl.doctor import TOPICS, Check, examine

_WIDTH = 110


def main(args: Sequence[str]) -> None:
    """Look, and tell, e.g. ``--out runs``."""
    parser = make_parser("doctor", __doc__)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder that runs are to go to")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    options = parser.parse_args(list(args))
    checks = examine(options.out)
    broken = [check for check in checks if check.state == "broken"]
    about = {"ttom_pl": _version(), "python": platform.python_version(), "platform": platform.platform()}
    if options.json:
        print(json.dumps({**about, "broken": bool(broken), "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        print(f"ttom {about['ttom_pl']}, Python {about['python']}, {about['platform']}")
        for topic in TOPICS:
            print("\n".join(["", topic, *_lines([check for check in checks if check.topic == topic])]))
        notes = sum(check.state == "note" for check in checks)
        print(f"\n{len(broken) or 'nothing'} broken, {notes or 'no'} notes")
    if broken:
        sys.exit(1)


def _version() -> str:
    try:
        return version("ttom_pl")
    except PackageNotFoundError:
        return "of unknown version"


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    """Yield the lines of a topic, of packages without a fault one paragraph."""
    fine = [check for check in checks if check.topic == "packages" and check.state == "ok"]
    if fine:
        yield from _wrapped("ok", ", ".join(f"{check.name} {check.text.split()[0]}" for check in fine))
    for check in checks:
        if check not in fine:
            remedy = f" → {check.remedy}" if check.remedy else ""
            yield from _wrapped(check.state, f"{check.name}: {check.text}{remedy}")


def _wrapped(state: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=f"  {state:<7} ", subsequent_indent=" " * 10, break_long_words=False
    )
