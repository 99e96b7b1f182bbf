"""The paper's TTO where there are few denoising steps to guide: 4 and 8 of them, as distilled models take.

    python benchmarks/few_steps.py --out runs/few_steps             # reported: held-out captions
    python benchmarks/few_steps.py --out runs/few_steps_7 --seed 7  # those that the default was chosen on

The embedded model is no distilled one: it makes worse videos in few steps, and TTO has fewer steps to work in. What is
measured is what guided steps are worth there, memory off, on captions of two objects that move in different directions
(``category_prompts`` of ``sprites_prompts.py``), the same noise for each method; ``hard.py`` has joint rehearsals.
Takes about half an hour on two cores; goes on where it was stopped. Writes ``results.md`` to the folder.
"""

from functools import partial

from harness import (
    COLD,
    EVALUATION,
    PLAIN,
    SECONDS_NOTE,
    arguments,
    interval,
    method_config,
    noises,
    run,
    side_by_side,
    write,
)
from sprites_prompts import category_prompts

from ttom_pl.evaluation.compare import ITERATIONS, SECONDS, Comparison, compare
from ttom_pl.rehearsal.module import default_guided_steps

STEPS = {4: (1, 2, 3, 4), 8: (1, 2, 4, 6), 20: (5,)}
"""Denoising steps, and the guided steps that are tried with each; 20 is the shipped config's."""
PAPER = (*method_config("paper"), *COLD)
SCORES = ("motion", "all_motions", "layout_iou", "color", "shape", "stability", ITERATIONS, SECONDS)


def main() -> None:
    options = arguments(__doc__, "runs/few_steps", count=100, seeds=1).parse_args()
    out, seeds = options.out, noises(options.seed, options.seeds)
    prompts = category_prompts(out / "prompts", options.seed, options.count, 0)["motion"]
    calls, lines = [], []
    for steps, tried in STEPS.items():
        few = ("--model.backbone.init_args.num_inference_steps", str(steps))
        for name, given in [("plain", PLAIN)] + [(str(n), (*PAPER, "--model.guided_steps", str(n))) for n in tried]:
            calls += [
                partial(run, out / f"{steps}-{name}-{seed}", prompts, seed, *EVALUATION, *given, *few) for seed in seeds
            ]
    made = iter(side_by_side(options.jobs, calls))
    for steps, tried in STEPS.items():
        names = ["plain model", *(f"{n} guided" for n in tried)]
        comparison = compare([[next(made) for _ in seeds] for _ in names], names)
        lines += [
            f"## {steps} denoising steps",
            "",
            comparison.table(SCORES, digits=3),
            "",
            _default(comparison, steps),
            "",
        ]
    lines.append(f"Noise of its own for each prompt; prompts by seed {options.seed}. {SECONDS_NOTE}")
    write(out, "TTO in few denoising steps", lines)


def _default(comparison: Comparison, steps: int) -> str:
    """Say what the default comes to, and whether another number of guided steps is better."""
    default = default_guided_steps(steps, steps)
    at = comparison.names.index(f"{default} guided")
    gain = comparison.difference("all_motions", at)
    text = f"By default {default} of {steps} steps are guided: all motions right {interval(gain)} over the plain model"
    better = [
        name
        for place, name in enumerate(comparison.names)
        if place != at and comparison.difference("all_motions", place, baseline=at).low > 0
    ]
    return f"{text}; significantly better than that: {', '.join(better) or 'none'}."


if __name__ == "__main__":
    main()
