"""How well the grammar planner understands prompts, and how far it can be trusted, without a network.

    python benchmarks/planner.py --data ../shared/data

Prints for each set how many layouts are right, how many the planner is confident of (0.8 or more) and how many of
those are right; how long paragraphs take; and every prompt that does not hold what it must. Sets whose prompts are
missing are left out, for those of other projects are not shipped. The folder holds ``t2vcompbench``, metadata files of
T2V-CompBench as its repository has them in ``meta_data`` (github.com/KaiyueSun98/T2V-CompBench), and
``vbench/given.json``: VBench's prompts of a dimension as lists of ``{"short", "long"}``, the long ones from its
``prompts/augmented_prompts`` for Wan2.1 (github.com/Vchitect/VBench).
"""

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles

sys.path.append(str(Path(__file__).parent))

from paragraphs import held_out, wrong_paragraph
from planner_checks import Check, moves, stands
from planner_prompts import compbench, consistency, lvd
from vbench import mistaken, read_pairs, wrong_pair, wrong_steering

from ttom_pl.planners import GrammarPlanner
from ttom_pl.planners.geometry.arrangement import search

__all__ = ["TARGETS", "Outcome", "calibration", "measure", "moves", "outcomes", "stands"]

TARGETS = {
    "motion": 0.96,
    "spatial": 0.94,
    "numeracy": 0.96,
    "action": 0.90,
    "attribute": 0.90,
    "dynamic": 0.90,
    "interaction": 0.90,
    "lvd": 0.98,
    "vbench short": 0.97,
    "vbench long": 0.85,
    "short to long": 0.98,
    "paragraphs": 0.80,
    "calibration": 0.95,
    "consistency": 1.0,
}
"""The share of each set that must be right. ``calibration`` is that of confident layouts, over all sets."""
CONFIDENT = 0.8
SPEED_TARGET = 20.0
"""Milliseconds for a paragraph of about 150 words."""


@dataclass
class Outcome:
    """What became of a prompt: what is wrong with its layout (empty for nothing) and how far the planner trusts it."""

    category: str
    prompt: str
    wrong: str
    confidence: float

    @property
    def is_confident(self) -> bool:
        """Whether the planner trusts it."""
        return self.confidence >= CONFIDENT


def checks(folder: Path) -> Iterator[Check]:
    """Yield what is to be checked, as far as its prompts are there; a prompt may come several times, once a check."""
    if (folder / "t2vcompbench").is_dir():
        yield from compbench(folder / "t2vcompbench")
    yield from lvd()
    if (folder / "vbench").is_dir():
        for pair in read_pairs(folder / "vbench" / "given.json"):
            yield Check("vbench short", pair.short, partial(wrong_pair, pair=pair, only_these=True, text=pair.short))
            yield Check("vbench long", pair.long, partial(wrong_pair, pair=pair, only_these=False, text=pair.long))
            yield Check("short to long", pair.short, partial(wrong_steering, pair=pair))
    for paragraph in held_out():
        yield Check("paragraphs", paragraph.text, partial(wrong_paragraph, paragraph=paragraph))


def outcomes(planner: GrammarPlanner, folder: Path) -> list[Outcome]:
    """Plan every prompt of every set once, and check its layout.

    Args:
        planner: the planner.
        folder: folder that may hold ``t2vcompbench/`` and ``vbench/``.
    """
    found: dict[tuple[str, str], Outcome] = {}
    for check in checks(folder):
        layout = planner.plan(check.prompt)
        key = check.category, check.prompt
        outcome = found.setdefault(key, Outcome(*key, "", layout.confidence))
        outcome.wrong = outcome.wrong or check.wrong(layout)
    return list(found.values())


def calibration(found: Sequence[Outcome]) -> list[Outcome]:
    """Return the layouts that the planner is confident of; the steering of a layout says nothing of it."""
    return [each for each in found if each.is_confident and each.category != "short to long"]


def inconsistent(planner: GrammarPlanner, families: int | None) -> tuple[int, dict[str, str]]:
    """Return how many prompts of the families were planned, and those with other boxes than most of their family."""
    asked, odd = 0, {}
    for family, prompts in consistency():
        chosen = prompts[:: 1 if families is None else max(1, len(prompts) // families)]
        groups = defaultdict(list)
        for prompt in chosen:
            groups[tuple(track.boxes for track in planner.plan(prompt).tracks)].append(prompt)
        usual = max(groups.values(), key=len)
        others = [prompt for group in groups.values() if group is not usual for prompt in group]
        asked += len(chosen)
        odd |= dict.fromkeys(others, f"other boxes than most of {family!r}")
    return asked, odd


def measure(planner: GrammarPlanner, folder: Path, families: int | None = None) -> tuple[Counter, dict]:
    """Return the number of prompts in each set, and for each set the failures: the prompt and what is wrong.

    Args:
        planner: the planner.
        folder: see :func:`outcomes`.
        families: prompts of each family of the consistency check; all when not given.
    """
    return _summed(outcomes(planner, folder), *inconsistent(planner, families))


def _summed(found: Sequence[Outcome], families: int, odd: dict[str, str]) -> tuple[Counter, dict]:
    asked: Counter = Counter(each.category for each in found)
    failures: dict[str, dict[str, str]] = defaultdict(dict)
    for each in found:
        if each.wrong:
            failures[each.category][each.prompt] = each.wrong
    sure = calibration(found)
    asked["calibration"] = len(sure)
    failures["calibration"] = {each.prompt: f"{each.category}: {each.wrong}" for each in sure if each.wrong}
    asked["consistency"] = families
    failures["consistency"] = odd
    return asked, failures


def seconds_of(planner: GrammarPlanner, prompts: Sequence[str], repeats: int = 3) -> list[float]:
    """Return the processor's seconds for each prompt at best; its placement is searched anew each time."""
    best = []
    for prompt in prompts:
        taken = []
        for _ in range(repeats):
            search.cache_clear()
            start = time.process_time()
            planner.plan(prompt)
            taken.append(time.process_time() - start)
        best.append(min(taken))
    return best


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="holds t2vcompbench/ and vbench/")
    folder = parser.parse_args().data
    planner = GrammarPlanner()
    found = outcomes(planner, folder)
    asked, failures = _summed(found, *inconsistent(planner, None))
    _print_table(found, asked, failures)
    if (folder / "vbench").is_dir():
        lacking, taken = mistaken(planner, list(read_pairs(folder / "vbench" / "given.json")))
        print(f"\nobjects that long prompts lack: {lacking} asked for, {len(taken)} found: {', '.join(taken)}")
    _print_speed(planner, found)
    for category, prompts_and_reasons in failures.items():
        if prompts_and_reasons:
            print(f"\n{category}: {len(prompts_and_reasons)} failures")
        for prompt, wrong in prompts_and_reasons.items():
            print(f"  - {prompt}\n      {wrong}")


def _print_table(found: Sequence[Outcome], asked: Counter, failures: dict) -> None:
    print(f"{'set':14} {'prompts':>8} {'right':>8} {'reach':>8} {'confident':>10} {'right of these':>15}")
    for category, target in TARGETS.items():
        if not asked[category]:
            print(f"{category:14} {'its prompts are missing':>40}")
            continue
        rate = 1 - len(failures[category]) / asked[category]
        line = f"{category:14} {asked[category]:8d} {rate:8.1%} {target:8.0%}"
        sure = [each for each in found if each.category == category and each.is_confident]
        if sure and category != "short to long":
            line += f" {len(sure):10d} {sum(not each.wrong for each in sure) / len(sure):15.1%}"
        print(f"{line}{'' if rate >= target else '  MISSED'}")


def _print_speed(planner: GrammarPlanner, found: Sequence[Outcome]) -> None:
    long = [each.prompt for each in found if each.category in ("vbench long", "paragraphs")]
    taken = [1000 * each for each in seconds_of(planner, long)]
    words = [len(prompt.split()) for prompt in long]
    print(
        f"\n{len(long)} paragraphs of {min(words)} to {max(words)} words: {median(taken):.1f} ms in the middle, "
        f"{quantiles(taken, n=20)[-1]:.1f} ms for 95 %, {max(taken):.1f} ms at most; target {SPEED_TARGET:g} ms"
    )
    short = [each.prompt for each in found if each.prompt not in long][:500]
    print(f"{len(short)} short prompts: {sum(seconds_of(planner, short, 1)):.2f} s")


if __name__ == "__main__":
    main()
