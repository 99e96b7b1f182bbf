"""The memory where a rehearsal is hard: few sampling steps, few iterations, counts; against none at equal iterations.

    python benchmarks/hard.py --out runs/hard

One guided step of two iterations, all of which are taken (``stop_loss`` 0), so that as many are spent with the memory
as without. The memory was filled by other prompts of the same scenes, rehearsed with up to eight iterations, and is
only read. Held-out captions by ``category_prompts`` of ``sprites_prompts.py``; noise of its own for each prompt, and
other noise for those that fill the memory.

Takes about twenty minutes on two cores; goes on where it was stopped. Writes ``results.md`` to the folder.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from harness import (
    COLD,
    EVALUATION,
    SECONDS_NOTE,
    Claim,
    arguments,
    claim,
    claims_table,
    interval,
    method_config,
    noises,
    run,
    side_by_side,
    write,
)
from sprites_prompts import category_prompts

from ttom_pl.evaluation.compare import ITERATIONS, Comparison, compare

STEPS = "--model.backbone.init_args.num_inference_steps"
JOINT = (*EVALUATION, *method_config("joint"), "--model.guided_steps", "1")
PLAIN = (*EVALUATION, *method_config("plain"))
BUDGET = ("--model.iterations", "2", "--model.stop_loss", "0")
SITUATIONS = {
    "4 sampling steps": ("motion", "all_motions", (STEPS, "4")),
    "8 sampling steps": ("motion", "all_motions", (STEPS, "8")),
    "20 sampling steps": ("motion", "all_motions", ()),
    "three objects of two kinds": ("numeracy", "correct", ()),
}
"""What is hard: its prompts, what must be right, and options."""
METHODS = ["plain model", "joint, no memory", "joint, memory read-only"]
SCORES = ("all_motions", "motion", "layout_iou", "shape", "color", "count", "correct", ITERATIONS)
NOISE_OF_FILL = 500_000


def main() -> None:
    parser = arguments(__doc__, "runs/hard", count=100, seeds=2)
    parser.add_argument("--fill", type=int, default=60, help="prompts that fill the memory")
    options = parser.parse_args()
    prompts = category_prompts(options.out / "prompts", options.seed, options.count, options.fill)
    seeds = noises(options.seed, options.seeds)
    calls = [
        partial(method_run, options.out, name, prompts, seed, method)
        for name in SITUATIONS
        for method in range(len(METHODS))
        for seed in seeds
    ]
    made = iter(side_by_side(options.jobs, calls))
    comparisons = {name: compare([[next(made) for _ in seeds] for _ in METHODS], METHODS) for name in SITUATIONS}
    lines = [claims_table(row for name, each in comparisons.items() for row in claims(name, each)), ""]
    for name, comparison in comparisons.items():
        lines += [f"## {name}", "", comparison.table(SCORES, baseline=1, digits=3), ""]
    lines += [
        f"Differences are from the joint rehearsal without a memory; prompts by seed {options.seed}. {SECONDS_NOTE}"
    ]
    write(options.out, "The memory where a rehearsal is hard", lines)


def method_run(out: Path, name: str, prompts: dict[str, Path], noise: int, method: int) -> Path:
    """Serve a situation's prompts by a method, after filling the memory if it reads one."""
    category, _, options = SITUATIONS[name]
    folder = out / name.replace(" ", "-")
    if method == 0:
        return run(folder / f"plain-{noise}", prompts[category], noise, *PLAIN, *options)
    if method == 1:
        return run(folder / f"cold-{noise}", prompts[category], noise, *JOINT, *BUDGET, *COLD, *options)
    fill = run(folder / f"fill-{noise}", prompts[f"{category}-fill"], noise + NOISE_OF_FILL, *JOINT, *options)
    memory = ("--memory.mode", "read-only", "--memory.path", str(fill / "memory"))
    return run(folder / f"memory-{noise}", prompts[category], noise, *JOINT, *BUDGET, *memory, *options)


def claims(name: str, comparison: Comparison) -> Iterator[Claim]:
    """Yield what the memory must be better at, and that it was given no more iterations."""
    right = SITUATIONS[name][1]
    means = comparison.values[right].mean(1)
    d = comparison.difference(right, 2, baseline=1)
    measured = f"{means[2]:.2f}, without {means[1]:.2f}, plain {means[0]:.2f}: {interval(d)}"
    yield claim(f"{name}: {right.replace('_', ' ')} with the memory", "interval above 0", measured, d.low > 0)
    took = comparison.values[ITERATIONS].mean(1)
    yield claim(f"{name}: iterations", "equal", f"{took[2]:.2f}, without {took[1]:.2f}", took[1] == took[2])


if __name__ == "__main__":
    main()
