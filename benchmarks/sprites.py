"""The main claims on the embedded model, on held-out prompts, the same noise for every method.

    python benchmarks/sprites.py --out runs/benchmark

Takes about half an hour on two cores, each run on one of them; goes on where it was stopped. Writes ``results.md`` and
a contact sheet to the folder. Prompts and noise come from ``--seed`` alone, see ``sprites_prompts.py``. Prompts of one
object and of two have noise of their own each. The stream has one noise for all prompts, as the paper's runs and the
shipped configs do; what the memory gives with noise that changes from prompt to prompt is reported beside.
"""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sprites_prompts import make_prompts

from ttom_pl.compare import ITERATIONS, SECONDS, Comparison, compare

ROOT = Path(__file__).parent.parent
PLAIN = ("--model.guided_steps", "0", "--memory.mode", "off")
COLD = ("--memory.mode", "off")
OWN_NOISE = ("--stream.vary_seed", "true")


def run(out: Path, prompts: Path, seed: int, *options: str) -> Path:
    """Serve a prompt file into a run folder, on one core."""
    command = [sys.executable, "-m", "ttom_pl", "stream", "--config", str(ROOT / "configs" / "sprites.yaml")]
    command += ["--data.prompts", str(prompts), "--stream.out", str(out), "--stream.seed", str(seed)]
    out.mkdir(parents=True, exist_ok=True)
    print(f"{out} …", flush=True)
    with (out / "log.txt").open("a") as log:
        subprocess.run(
            [*command, "--trainer.logger", "false", *options],
            check=True,
            stdout=log,
            stderr=log,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark"))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=100, help="prompts of one object and of two objects")
    parser.add_argument("--stream", type=int, default=120, help="prompts of the stream")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time")
    options = parser.parse_args()
    out, seed = options.out, 1000 * options.seed
    prompts = make_prompts(out / "prompts", options.seed, options.count, options.stream)

    with ThreadPoolExecutor(options.jobs) as pool:
        stream = (prompts["stream"], 2 * seed)
        on = pool.submit(run, out / "stream-on", *stream)
        off = pool.submit(run, out / "stream-off", *stream, *COLD)
        own_on = pool.submit(run, out / "stream-own-noise-on", *stream, *OWN_NOISE)
        own_off = pool.submit(run, out / "stream-own-noise-off", *stream, *OWN_NOISE, *COLD)
        one = pool.submit(run, out / "one-plain", prompts["one"], seed, *OWN_NOISE, *PLAIN)
        plain = pool.submit(run, out / "two-plain", prompts["two"], seed, *OWN_NOISE, *PLAIN)
        cold = pool.submit(run, out / "two-cold", prompts["two"], seed, *OWN_NOISE, *COLD)
        before = pool.submit(run, out / "two-same-noise-plain", prompts["two"], 2 * seed, *PLAIN)
        memory = on.result() / "memory"
        loaded_from = ("--memory.mode", "read-only", "--memory.path", str(memory), "--memory.hit_iterations", "0")
        loaded = pool.submit(run, out / "two-same-noise-loaded", prompts["two"], 2 * seed, *loaded_from)

    first = options.stream * 2 // 3 + 1
    single = compare([one.result()], ["plain"])
    two = compare([plain.result(), cold.result()], ["plain model", "TTOM cold"])
    reuse = compare([before.result(), loaded.result()], ["plain model", "loaded, not optimised"])
    streams = compare([off.result(), on.result()], ["memory off", "memory on"], first)
    own = compare([own_off.result(), own_on.result()], ["memory off", "memory on"], first)
    lines = [
        "| claim | must reach | measured | reached |",
        "| --- | --- | --- | --- |",
        *("| " + " | ".join(row) + " |" for row in claims(single, two, reuse, streams)),
        "",
        f"Two objects ({len(two.ids)} prompts):",
        "",
        two.table(),
        "",
        f"Two objects, one noise, the stream's memory loaded and not optimised ({len(reuse.ids)} prompts):",
        "",
        reuse.table(),
        "",
        f"Stream, one noise, prompts {first} to {options.stream}:",
        "",
        streams.table(),
        "",
        f"Stream, noise of its own for each prompt, prompts {first} to {options.stream}:",
        "",
        own.table(),
        "",
        f"Seed {options.seed}; {machine()}.",
    ]
    (out / "results.md").write_text("\n".join(lines) + "\n")
    two.sheet([plain.result(), cold.result()], 12).save(out / "contact_sheet.png")
    print("\n".join(lines))


def claims(
    single: Comparison, two: Comparison, reuse: Comparison, stream: Comparison
) -> Iterator[tuple[str, str, str, str]]:
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

    iou = reuse.values["layout_iou"].mean(1)
    measured = f"{iou[1]:.3f} against {iou[0]:.3f}, ×{_ratio(iou[1], iou[0])}"
    yield _row("loaded from memory, not optimised: layout IoU", "≥ 2× plain", measured, iou[1] >= 2 * iou[0])
    seconds = [*np.median(two.values[SECONDS], axis=1), np.median(stream.values[SECONDS][1])]
    measured = "{:.1f} s plain, {:.1f} s cold, {:.1f} s with memory".format(*seconds)
    yield _row("median seconds a prompt, one core", "reported", measured, None)


def _row(claim: str, bound: str, measured: str, reached: object) -> tuple[str, str, str, str]:
    return claim, bound, measured, "" if reached is None else "yes" if reached else "**no**"


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}" if base else "∞"


def machine() -> str:
    """Describe what the numbers were measured with."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("ttom_pl", "torch", "diffusers", "peft", "lightning"))
    return f"{versions}, Python {platform.python_version()}, one CPU thread a run"


if __name__ == "__main__":
    main()
