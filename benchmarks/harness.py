"""What the benchmarks on the embedded model share: runs as processes side by side, their machine, rows of claims."""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import yaml

from ttom_pl.evaluation.compare import Difference
from ttom_pl.evaluation.metrics import HitRate
from ttom_pl.run import read_results

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "sprites.yaml"
EVALUATION = ("--config", str(ROOT / "benchmarks" / "evaluation.yaml"))
ONE_NOISE = ("--stream.vary_seed", "false")
COLD = ("--memory.mode", "off")
PLAIN = ("--model.guided_steps", "0", *COLD)
SECONDS_NOTE = (
    "Seconds are wall-clock: compare them where nothing else used the machine; iterations do not depend on it."
)

Job = Callable[[], Path]
Claim = tuple[str, str, str, str]
"""Claim, what it must reach, measurement, verdict."""


def arguments(doc: str | None, out: str, count: int, seeds: int | None = None) -> argparse.ArgumentParser:
    """Return the options that the benchmarks have in common."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--seed", type=int, default=2026, help="of the prompts; the seeds of the noise follow from it")
    if seeds is not None:
        parser.add_argument("--seeds", type=int, default=seeds, help="runs of each method, which differ in noise")
    parser.add_argument("--count", type=int, default=count, help="prompts")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time, one core each")
    return parser


def method_config(name: str) -> tuple[str, str]:
    """Return the options that put a method on top of the shipped config."""
    return "--config", str(ROOT / "configs" / "methods" / f"{name}.yaml")


def noises(seed: int, seeds: int) -> list[int]:
    """Return the seeds of the noise, far enough apart for noise of its own for each prompt."""
    return [1000 * seed + 1_000_000 * number for number in range(seeds)]


def run(out: Path, prompts: Path, seed: int, *options: str) -> Path:
    """Serve a prompt file into a run folder, on one core; a run that was stopped goes on.

    Raises:
        RuntimeError: if it fails; the message ends with the last lines of its log.
    """
    command = [sys.executable, "-m", "ttom_pl", "stream", "--config", str(CONFIG), *options]
    command += ["--data.prompts", str(prompts), "--stream.out", str(out), "--stream.seed", str(seed)]
    out.mkdir(parents=True, exist_ok=True)
    print(f"{out} …", flush=True)
    with (out / "log.txt").open("a") as log:
        done = subprocess.run(
            [*command, "--trainer.logger", "false"],
            check=False,
            stdout=log,
            stderr=log,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    if done.returncode:
        tail = "\n".join((out / "log.txt").read_text(errors="replace").splitlines()[-5:])
        raise RuntimeError(f"the run {str(out)!r} failed; its log.txt ends with\n{tail}")
    return out


def side_by_side(jobs: int, calls: Iterable[Job]) -> list[Path]:
    """Make runs, some at a time, and return their folders in the order of the calls."""
    with ThreadPoolExecutor(jobs) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def default(option: str, method: str | None = None) -> object:
    """Return an option of the shipped config, e.g. ``"model.iterations"``, or of a method on top of it."""
    for path in (CONFIG,) if method is None else (Path(method_config(method)[1]), CONFIG):
        value = yaml.safe_load(path.read_text())
        for part in option.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return value
    raise KeyError(option)


def hit_rate(runs: Sequence[Path]) -> float:
    """Return hits per prompt over some runs."""
    rate = HitRate()
    for run in runs:
        for result in read_results(run).served.values():
            rate.update(result.memory)
    return float(rate.compute())


def claim(text: str, bound: str, measured: str, reached: object = None) -> Claim:
    """Return a row of a table of claims; without ``reached`` it is only reported."""
    return text, bound, measured, "" if reached is None else "yes" if reached else "**no**"


def claims_table(claims: Iterable[Claim]) -> str:
    """Return claims as a Markdown table."""
    rows = [("claim", "must reach", "measured", "reached"), ("---",) * 4, *claims]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def interval(d: Difference, digits: int = 3) -> str:
    """Write a difference with its interval."""
    return f"{d.mean:+.{digits}f} ({d.low:+.{digits}f} … {d.high:+.{digits}f})"


def write(out: Path, title: str, lines: Iterable[str]) -> None:
    """Write ``results.md`` to a folder, under a title and the command that made it, and print it."""
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    made = f"`{command}` on {datetime.now(UTC).date()}; {machine()}"
    text = "\n".join([f"# {title}", "", made, "", *lines]) + "\n"
    (out / "results.md").write_text(text)
    print(text)


def machine() -> str:
    """Describe what the numbers were measured with."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("ttom_pl", "torch", "diffusers", "peft", "lightning"))
    return f"{versions}, Python {platform.python_version()}, one CPU thread a run."
