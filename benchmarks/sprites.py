"""The main claims on the embedded model, on held-out prompts, the same noise for every method.

    python benchmarks/sprites.py --out runs/benchmark

Takes about half an hour on two cores; goes on where it was stopped. Writes ``results.md`` and a contact sheet to the
folder. Prompts and noise come from ``--seed`` alone, see ``sprites_prompts.py``.
"""

import argparse
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from sprites_prompts import make_prompts

from ttom_pl.cli import main as ttom
from ttom_pl.compare import ITERATIONS, SECONDS, Comparison, compare

ROOT = Path(__file__).parent.parent
PLAIN = ["--model.guided_steps", "0", "--memory.mode", "off"]
COLD = ["--memory.mode", "off"]
MEMORY = ["--memory.mode", "read-write"]


def run(out: Path, prompts: Path, seed: int, *options: str) -> Path:
    """Serve a prompt file into a run folder."""
    print(f"\n== {out}", flush=True)
    config = ["--config", str(ROOT / "configs" / "sprites.yaml"), "--data.prompts", str(prompts)]
    ttom(
        ["stream", *config, "--stream.out", str(out), "--stream.seed", str(seed), "--trainer.logger", "false", *options]
    )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark"))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=100, help="prompts of one object and of two objects")
    parser.add_argument("--stream", type=int, default=120, help="prompts of the stream")
    options = parser.parse_args()
    out, seed = options.out, 1000 * options.seed
    prompts = make_prompts(out / "prompts", options.seed, options.count, options.stream)

    one = run(out / "one-plain", prompts["one"], seed, *PLAIN)
    plain = run(out / "two-plain", prompts["two"], seed, *PLAIN)
    cold = run(out / "two-cold", prompts["two"], seed, *COLD)
    off = run(out / "stream-off", prompts["stream"], 2 * seed, *COLD)
    on = run(out / "stream-on", prompts["stream"], 2 * seed, *MEMORY)
    loaded_from = ["--memory.mode", "read-only", "--memory.path", str(on / "memory"), "--memory.hit_iterations", "0"]
    loaded = run(out / "two-loaded", prompts["two"], seed, *loaded_from)

    single = compare([one], ["plain"])
    two = compare([plain, cold, loaded], ["plain model", "TTOM cold", "loaded, not optimised"])
    first = options.stream * 2 // 3 + 1
    stream = compare([off, on], ["memory off", "memory on"], first)
    lines = [
        "| claim | must reach | measured | reached |",
        "| --- | --- | --- | --- |",
        *("| " + " | ".join(row) + " |" for row in claims(single, two, stream)),
        "",
        f"Two objects ({len(two.ids)} prompts):",
        "",
        two.table(),
        "",
        f"Stream, prompts {first} to {options.stream}:",
        "",
        stream.table(),
        "",
        f"Seed {options.seed}; {machine()}.",
    ]
    (out / "results.md").write_text("\n".join(lines) + "\n")
    two.sheet([plain, cold, loaded], 12).save(out / "contact_sheet.png")
    print("\n".join(lines))


def claims(single: Comparison, two: Comparison, stream: Comparison) -> Iterator[tuple[str, str, str, str]]:
    """Yield claim, bound, measurement and verdict."""
    right = (single.values["shape"][0] == 1) & (single.values["all_motions"][0] == 1)
    yield _row(
        "plain, one object: colour, shape and direction right", "≥ 90%", f"{right.mean():.0%}", right.mean() >= 0.9
    )

    both = two.values["all_motions"].mean(1)
    yield _row("plain, two objects: both motions right", "reported", f"{both[0]:.0%}", None)
    d = two.difference("all_motions", 1)
    enough = both[1] >= 1.5 * both[0] or (1 - both[1]) <= (1 - both[0]) / 2
    measured = f"{both[1]:.0%}, ×{_ratio(both[1], both[0])}, difference {d.low:+.2f} … {d.high:+.2f}"
    yield _row("TTOM cold: both motions right", "≥ 1.5× plain, interval above 0", measured, enough and d.low > 0)

    iou = two.values["layout_iou"].mean(1)
    measured = f"{iou[1]:.3f} against {iou[0]:.3f}, ×{_ratio(iou[1], iou[0])}"
    yield _row("TTOM cold: layout IoU", "≥ 2.5× plain", measured, iou[1] >= 2.5 * iou[0])
    for metric in ("color", "shape", "stability"):
        d = two.difference(metric, 1)
        means = two.values[metric].mean(1)
        measured = f"{means[1]:.2f} against {means[0]:.2f}, difference {d.low:+.2f} … {d.high:+.2f}"
        yield _row(f"TTOM cold: {metric}", "no significant loss", measured, d.high >= 0)

    iterations = stream.values[ITERATIONS].mean(1)
    saved = 1 - iterations[1] / iterations[0]
    measured = f"{iterations[1]:.1f} against {iterations[0]:.1f}, {saved:.0%} fewer"
    yield _row("memory on, last third of the stream: iterations", "≥ 30% fewer", measured, saved >= 0.3)
    for metric in ("all_motions", "motion", "layout_iou", "shape"):
        d = stream.difference(metric, 1)
        means = stream.values[metric].mean(1)
        measured = f"{means[1]:.2f} against {means[0]:.2f}, difference {d.low:+.2f} … {d.high:+.2f}"
        yield _row(
            f"memory on, last third: {metric.replace('_', ' ')}", "not significantly lower", measured, d.high >= 0
        )

    measured = f"{iou[2]:.3f} against {iou[0]:.3f}, ×{_ratio(iou[2], iou[0])}"
    yield _row("loaded from memory, not optimised: layout IoU", "≥ 2× plain", measured, iou[2] >= 2 * iou[0])
    seconds = np.median(two.values[SECONDS], axis=1)
    measured = f"{seconds[0]:.1f} s plain, {seconds[1]:.1f} s cold, {seconds[2]:.1f} s loaded"
    yield _row("median seconds a prompt", "reported", measured, None)


def _row(claim: str, bound: str, measured: str, reached: object) -> tuple[str, str, str, str]:
    return claim, bound, measured, "" if reached is None else "yes" if reached else "**no**"


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}" if base else "∞"


def machine() -> str:
    """Describe what the numbers were measured with."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("ttom_pl", "torch", "diffusers", "peft", "lightning"))
    return f"{versions}, Python {platform.python_version()}, {torch.get_num_threads()} CPU threads"


if __name__ == "__main__":
    main()
