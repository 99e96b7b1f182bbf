"""What the choices of a method are worth: iterations, guided steps, loss blocks, rank, step size, and its halves.

    python benchmarks/ablations.py --out runs/ablations
    python benchmarks/ablations.py --out runs/ablations-paper --method paper

Each variant changes one option of the joint rehearsal, or of the paper's, on the embedded model, memory off, on
held-out captions of two objects that move in different directions (``category_prompts`` of ``sprites_prompts.py``),
the same noise for each, of its own for each prompt. Where the paper has a finding, the text says whether this model
agrees.

Takes about three quarters of an hour on two cores; goes on where it was stopped. Writes ``results.md`` and
``ablations.png`` to the folder.
"""

import json
from collections.abc import Iterator
from functools import partial

import numpy as np
from harness import (
    COLD,
    EVALUATION,
    ROOT,
    SECONDS_NOTE,
    arguments,
    default,
    interval,
    method_config,
    noises,
    run,
    side_by_side,
    write,
)
from plots import forest
from sprites_prompts import category_prompts

from ttom_pl.evaluation.compare import ITERATIONS, SECONDS, Comparison, Difference, compare

SWEEPS: dict[str, tuple[str, tuple[float, ...]]] = {
    "iterations": ("iterations in a guided step", (2, 4, 8, 16)),
    "guided_steps": ("guided steps", (1, 3, 5, 7)),
    "rank": ("rank", (2, 8, 32)),
}
"""Options of the module, how they are called, and their values."""
OF_JOINT: dict[str, tuple[str, tuple[float, ...]]] = {
    "stop_loss": ("loss that ends a step", (0.05, 0.1, 0.15, 0.2, 0.3)),
    "method.init_args.step_size": ("step size", (0.03, 0.05, 0.08, 0.12)),
}
"""Those of the joint rehearsal besides."""
HALVES = {"adapter half": ("--model.method.step_size", "0"), "latents half": ("--model.lr", "0")}
"""The joint rehearsal without either half, all else equal."""
DEFAULT, LATENTS = "default", "latents"
SCORES = ("motion", "all_motions", "motion_binding", "layout_iou", "shape", "temporal_consistency", ITERATIONS, SECONDS)
MAIN = "motion_binding"
"""The paper's score of motion."""


def variants(method: str = "paper") -> dict[str, tuple[str, ...]]:
    """Return the options of each variant of a method; the one that is the default is called so."""
    made: dict[str, tuple[str, ...]] = {DEFAULT: ()}
    for option, (_, values) in (SWEEPS | (OF_JOINT if method == "joint" else {})).items():
        for value in values:
            if value != default(f"model.{option}", method):
                path = option.replace(".init_args", "")
                made[f"{path.rsplit('.', 1)[-1]}-{value:g}"] = (f"--model.{path}", str(value))
    for block in blocks():
        made[f"block-{block}"] = ("--model.loss_blocks", f"[{block}]")
    if method == "joint":
        made |= HALVES | {"paper": method_config("paper")}
    return made | {LATENTS: method_config("latents")}


def blocks() -> range:
    """Return the blocks of the embedded model."""
    folder = ROOT / str(default("model.backbone.init_args.pretrained"))
    return range(json.loads((folder / "transformer" / "config.json").read_text())["num_layers"])


def main() -> None:
    parser = arguments(__doc__, "runs/ablations", count=100, seeds=1)
    parser.add_argument("--method", choices=("joint", "paper"), default="joint")
    options = parser.parse_args()
    out, seeds = options.out, noises(options.seed, options.seeds)
    prompts = category_prompts(out / "prompts", options.seed, options.count, 0)["motion"]
    wanted = variants(options.method)
    calls = [
        partial(run, out / f"{name}-{seed}", prompts, seed, *EVALUATION, *method_config(options.method), *COLD, *given)
        for name, given in wanted.items()
        for seed in seeds
    ]
    made = iter(side_by_side(options.jobs, calls))
    comparison = compare([[next(made) for _ in seeds] for _ in wanted], list(wanted))

    forest(comparison, ("motion", MAIN, "layout_iou", "shape", ITERATIONS), out / "ablations.png")
    lines = [
        comparison.table(SCORES, digits=3),
        "",
        f"The default is configs/methods/{options.method}.yaml on the embedded model: {_defaults(options.method)}.",
        "",
        "![differences from the default](ablations.png)",
        "",
        f"Noise of its own for each prompt; prompts by seed {options.seed}. {SECONDS_NOTE}",
    ]
    if options.method == "paper":
        lines += ["", "## Against the paper's findings", ""]
        lines += [f"By {MAIN.replace('_', ' ')}, the paper's on Wan2.1-14B; 95% paired bootstrap intervals.", ""]
        lines += [f"- {finding}" for finding in findings(comparison)]
    write(out, "What the choices of a method are worth", lines)


def _defaults(method: str) -> str:
    names = (*SWEEPS, *(OF_JOINT if method == "joint" else ()), "loss_blocks")
    return ", ".join(f"{name.rsplit('.', 1)[-1]} {default(f'model.{name}', method)}" for name in names)


def findings(comparison: Comparison) -> Iterator[str]:
    """Yield each finding of the paper and whether this model agrees, as the intervals say."""
    yield _sweep(comparison, "iterations", 16, 8, "twice as many iterations are worse (0.432 at 8, 0.355 at 16)", -1)
    yield _sweep(comparison, "guided_steps", 5, 1, "one guided step is too few (0.273 at 1, 0.432 at 5)", 1)
    yield _sweep(comparison, "guided_steps", 7, 5, "more than five guided steps bring nothing (0.432, 0.430 at 7)", 0)
    yield _of_blocks(comparison)
    d = comparison.difference(MAIN, 0, baseline=comparison.names.index(LATENTS))
    finding = "optimising parameters is better than guiding latents (0.492 against 0.286 for LVD)"
    yield f"{finding}: {_verdict(d, 1)}, {interval(d)} here."


def _sweep(comparison: Comparison, option: str, value: int, base: int, finding: str, sign: int) -> str:
    """Compare two values of an option."""
    one, other = (_variant(comparison, option, each) for each in (value, base))
    if one is None or other is None:
        return f"{finding}: not measured here"
    d = comparison.difference(MAIN, one, baseline=other)
    what = SWEEPS[option][0]
    values = (
        f"{comparison.values[MAIN][other].mean():.3f} at {base}, {comparison.values[MAIN][one].mean():.3f} at {value}"
    )
    return f"{finding}: {_verdict(d, sign)}; {what} here: {values}, difference {interval(d)}."


def _variant(comparison: Comparison, option: str, value: int) -> int | None:
    """Return the number of the variant that has a value of an option."""
    name = DEFAULT if value == default(f"model.{option}", "paper") else f"{option}-{value}"
    return comparison.names.index(name) if name in comparison.names else None


def _verdict(d: Difference, sign: int) -> str:
    """Say whether a difference has the sign that the paper found; 0 is no difference."""
    if sign == 0:
        return "**this model disagrees**" if d.significant else "this model agrees, no significant difference"
    if not d.significant:
        return "**not seen here**, no significant difference"
    return "this model agrees" if np.sign(d.mean) == sign else "**this model disagrees**"


def _of_blocks(comparison: Comparison) -> str:
    """Compare the single blocks: the paper reads one early block, 3 of 40."""
    singles = {block: comparison.names.index(f"block-{block}") for block in blocks()}
    means = {block: comparison.values[MAIN][variant].mean() for block, variant in singles.items()}
    best = max(means, key=means.__getitem__)
    worse = [
        str(block)
        for block, variant in singles.items()
        if block != best and comparison.difference(MAIN, singles[best], baseline=variant).low > 0
    ]
    text = f"one early block is enough, and the best (block 3 of 40): block {best} of {len(singles)} is the best here"
    alone = comparison.difference(MAIN, singles[best])
    values = ", ".join(f"{block}: {mean:.3f}" for block, mean in means.items())
    early = "**not an early one, this model disagrees**" if best >= len(singles) / 2 else "this model agrees"
    return (
        f"{text}, {early}; by block {values}; significantly behind the best: {', '.join(worse) or 'none'}. Alone it "
        f"differs from the default's {default('model.loss_blocks')} by {interval(alone)}."
    )


if __name__ == "__main__":
    main()
