"""Methods against each other, on held-out prompts of three categories, the same noise for every method.

    python benchmarks/methods.py --out runs/methods
    python benchmarks/methods.py --out runs/methods-one-noise --one_noise

Motion is two objects that move in different directions, spatial a relation between two objects that stay, numeracy one
object and two others that do the same; captions are drawn by the rules of ``sprites_prompts.py``. Each method is its
config in ``configs/methods``, run once for each noise; a prompt's score is the mean over these runs, and the
intervals are bootstrapped over prompts. Each prompt of a run has noise of its own, or all of them share one with
``--one_noise``, as in the paper's runs. The read-only memory is filled first by a run over other prompts and, if these
have noise of their own, other noise.

Takes about two hours on two cores; goes on where it was stopped. Writes ``results.md`` and, for each
category, a plot and a contact sheet to the folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from harness import (
    COLD,
    EVALUATION,
    ONE_NOISE,
    ROOT,
    SECONDS_NOTE,
    Claim,
    arguments,
    claim,
    claims_table,
    hit_rate,
    interval,
    method_config,
    noises,
    run,
    side_by_side,
    write,
)
from plots import forest
from sprites_prompts import category_prompts

from ttom_pl.evaluation.compare import ITERATIONS, SECONDS, Comparison, compare

METRICS = {"numeracy": ("--config", str(ROOT / "benchmarks" / "numeracy.yaml"))}
"""What a category is scored by besides."""
READ_ONLY = ("--memory.mode", "read-only")
METHODS = {
    "plain model": ("plain", ()),
    "attention bias": ("bias", ()),
    "latents alone": ("latents", ()),
    "adapter alone (the paper's)": ("paper", COLD),
    "joint": ("joint", COLD),
    "joint, memory read-only": ("joint", READ_ONLY),
    "joint, memory read-write": ("joint", ()),
}
"""Methods, each with its config and options."""
NOISE_OF_FILL = 500_000
"""What the seed of the noise changes by for the prompts that fill a memory."""
LATENTS, ADAPTER, JOINT = 2, 3, 4
RIGHT = {"motion": ("all_motions", 0.95), "spatial": ("relation", 0.97), "numeracy": ("count", 0.0)}
"""For each category what must be right, and in how many videos of the joint rehearsal; 0: as many as plain."""
QUALITY = ("temporal_consistency", "temporal_flickering", "persistence", "stability")
SCORES = {
    "motion": ("motion", "all_motions", "motion_binding", "layout_iou", "color", "shape", "correct"),
    "spatial": ("relation", "spatial_relationship", "layout_iou", "color", "shape", "correct"),
    "numeracy": ("count", "generative_numeracy", "layout_iou", "color", "shape", "correct"),
}
"""For each category the scores that say whether the video is right, the first of them and T2V-CompBench's named."""
MAIN = {
    "motion": ("motion", "motion_binding"),
    "spatial": ("relation", "spatial_relationship"),
    "numeracy": ("count", "generative_numeracy"),
}


def method_run(out: Path, method: str, category: str, prompts: dict[str, Path], noise: int, *options: str) -> Path:
    """Run a method over a category's prompts, after filling its memory if it only reads one."""
    name, given = METHODS[method]
    options = (*EVALUATION, *METRICS.get(category, ()), *options, *method_config(name))
    if given == READ_ONLY:
        fill = out / f"{category}-fill-{noise}"
        other = noise if ONE_NOISE[0] in options else noise + NOISE_OF_FILL
        run(fill, prompts[f"{category}-fill"], other, *options)
        options += ("--memory.path", str(fill / "memory"))
    kind = "-".join((name, *given[1:]))
    return run(out / f"{category}-{kind}-{noise}", prompts[category], noise, *options, *given)


def main() -> None:
    parser = arguments(__doc__, "runs/methods", count=100, seeds=2)
    parser.add_argument("--fill", type=int, default=60, help="prompts that fill the memory that is only read")
    parser.add_argument("--categories", nargs="+", choices=list(SCORES), default=list(SCORES))
    parser.add_argument("--one_noise", action="store_true", help="one noise for all prompts of a run")
    options = parser.parse_args()
    out = options.out
    prompts = category_prompts(out / "prompts", options.seed, options.count, options.fill)
    seeds = noises(options.seed, options.seeds)
    noise = ONE_NOISE if options.one_noise else ()
    calls = [
        partial(method_run, out, method, category, prompts, seed, *noise)
        for category in options.categories
        for seed in seeds
        for method in METHODS
    ]
    made = iter(side_by_side(options.jobs, calls))
    runs = {category: [[next(made) for _ in METHODS] for _ in seeds] for category in options.categories}

    comparisons = {category: compare(list(zip(*each, strict=True)), list(METHODS)) for category, each in runs.items()}
    lines = [claims_table(row for category, c in comparisons.items() for row in claims(category, c)), ""]
    for category, comparison in comparisons.items():
        lines += [f"## {category.capitalize()}", "", *section(category, comparison, runs[category], seeds)]
        forest(comparison, (*MAIN[category], "layout_iou", "shape", QUALITY[0]), out / f"methods-{category}.png")
        comparison.sheet().save(out / f"{category}-contact_sheet.png")
    rule = "One noise for all prompts of a run" if options.one_noise else "Noise of its own for each prompt"
    lines += [f"{rule}. Prompts by seed {options.seed}, {options.fill} others in the read-only memory. {SECONDS_NOTE}"]
    write(out, "Methods against each other", lines)


def claims(category: str, comparison: Comparison) -> Iterator[Claim]:
    """Yield what must hold of the joint rehearsal, cold: more is right than by either half, and nothing is lost."""
    means = {metric: values.mean(1) for metric, values in comparison.values.items()}
    right, least = RIGHT[category]
    d, reached = comparison.difference(right, JOINT), means[right][JOINT]
    what = f"{category}: {right.replace('_', ' ')}"
    if least:
        yield claim(f"{what}, joint", f"≥ {least:g}", f"{reached:.3f}", reached >= least)
        e = comparison.difference(right, JOINT, baseline=LATENTS)
        yield claim(f"{what}, joint against latents alone", "interval not below 0", interval(e), e.high >= 0)
    else:
        yield claim(f"{what}, joint against the plain model", "interval not below 0", interval(d), d.high >= 0)
    for other in (LATENTS, ADAPTER):
        e = comparison.difference("layout_iou", JOINT, baseline=other)
        text = f"{category}: layout IoU, joint against {comparison.names[other]}"
        yield claim(text, "interval above 0", interval(e), e.low > 0)
    took = means[ITERATIONS]
    measured = f"{took[JOINT]:.1f} (adapter {took[ADAPTER]:.1f}, latents {took[LATENTS]:.1f})"
    yield claim(f"{category}: iterations, joint", "≤ 6", measured, took[JOINT] <= 6)
    for metric in ("color", "shape", "stability", "temporal_consistency"):
        d = comparison.difference(metric, JOINT)
        text = f"{category}: {metric.replace('_', ' ')}, joint against the plain model"
        yield claim(text, "interval not below 0", interval(d, 4), d.high >= 0)


def section(category: str, comparison: Comparison, runs: Sequence[Sequence[Path]], seeds: Sequence[int]) -> list[str]:
    """Return the tables of a category: right or wrong, quality and cost, against the joint rehearsal, by noise."""
    cost = (*QUALITY, ITERATIONS, SECONDS)
    held_out = [id for id in comparison.ids if not id.endswith("-seen")]
    rates = [f"{hit_rate([each[m] for each in runs]):.0%} {comparison.names[m]}" for m in (JOINT + 1, JOINT + 2)]
    lines = [
        comparison.table(SCORES[category], digits=3),
        "",
        comparison.table(cost, digits=4),
        "",
        "Against the joint rehearsal without a memory:",
        "",
        comparison.table((*SCORES[category], QUALITY[0], ITERATIONS, SECONDS), baseline=JOINT, digits=3),
        "",
        f"![differences from the plain model](methods-{category}.png)",
        "",
        f"Hits: {', '.join(rates)}. {len(held_out)} of the {len(comparison.ids)} captions are not in the training set.",
        "",
    ]
    if 1 < len(held_out) < len(comparison.ids):
        lines += ["These alone:", "", subset(comparison, held_out).table(SCORES[category], digits=3), ""]
    if len(seeds) > 1:
        lines += [f"{MAIN[category][0].capitalize()} by noise:", "", *by_noise(comparison, runs, seeds, category), ""]
    return lines


def by_noise(
    comparison: Comparison, runs: Sequence[Sequence[Path]], seeds: Sequence[int], category: str
) -> Iterator[str]:
    """Yield a table of the main score, a row for each noise."""
    yield "| seed | " + " | ".join(comparison.names) + " |"
    yield "| --- " * (len(comparison.names) + 1) + "|"
    for seed, each in zip(seeds, runs, strict=True):
        values = compare(each).values[MAIN[category][0]]
        yield f"| {seed} | " + " | ".join(f"{value:.3f}" for value in np.nanmean(values, axis=1)) + " |"


def subset(comparison: Comparison, ids: Sequence[str]) -> Comparison:
    """Return a comparison over some of its prompts."""
    chosen = [number for number, id in enumerate(comparison.ids) if id in set(ids)]
    return replace(comparison, ids=list(ids), values={m: v[:, chosen] for m, v in comparison.values.items()})


if __name__ == "__main__":
    main()
