"""The memory along a stream: the same prompts with the memory off and on, and what a hit costs.

    python benchmarks/stream.py --out runs/stream
    python benchmarks/stream.py --out runs/stream-one-noise --one_noise

240 held-out captions of two objects that move in different directions, 12 scenes in random order (``stream_prompts``
of ``sprites_prompts.py``). The memory is used in six ways: as the shipped config has it, with entries that answer
from the first prompt on, with hits that start from the shift of the latents alone or from the adapter alone, with
hits that are not rehearsed at all, or not at all if the layout loss with what was loaded is under ``--verified_loss``
(verified hits; others are as in the shipped config). Every prompt with the memory is compared with the same prompt,
from the same noise, with the memory off.

Takes about forty minutes on two cores; goes on where it was stopped. Writes ``results.md``, ``stream.png`` and a
contact sheet to the folder.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from harness import (
    COLD,
    EVALUATION,
    ONE_NOISE,
    SECONDS_NOTE,
    Claim,
    arguments,
    claim,
    claims_table,
    hit_rate,
    interval,
    noises,
    run,
    side_by_side,
    write,
)
from numpy.typing import NDArray
from plots import over_time
from sprites_prompts import stream_prompts

from ttom_pl.evaluation.compare import ITERATIONS, SECONDS, Comparison, compare
from ttom_pl.run import Result

SCORES = ("motion", "all_motions", "motion_binding", "layout_iou", "shape", "temporal_consistency", ITERATIONS, SECONDS)
SHOWN = {"motion": "motion right", "layout_iou": "layout IoU", ITERATIONS: "iterations", SECONDS: "seconds"}
"""What is drawn over the stream, with its title."""


def main() -> None:
    parser = arguments(__doc__, "runs/stream", count=240, seeds=1)
    parser.add_argument("--verified_loss", type=float, default=0.25, help="of the run that verifies its hits")
    parser.add_argument("--window", type=int, default=25, help="prompts of a rolling mean")
    parser.add_argument("--one_noise", action="store_true", help="one noise for all prompts of a run")
    options = parser.parse_args()
    out = options.out
    prompts = stream_prompts(out / "prompts", options.seed, options.count)
    methods = {
        "memory off": ("off", COLD),
        "memory on": ("on", ()),
        "on, entries answer at once": ("at-once", ("--memory.recall.min_merged", "1")),
        "on, shift alone": ("shift", ("--memory.recall.adapter", "0")),
        "on, adapter alone": ("adapter", ("--memory.recall.shift", "0")),
        "on, hits used as they are": ("as-is", ("--memory.recall.iterations", "0")),
        f"on, hits verified at {options.verified_loss:g}": (
            f"verified-{options.verified_loss:g}",
            ("--memory.recall.verified_loss", str(options.verified_loss)),
        ),
    }
    noise = ONE_NOISE if options.one_noise else ()
    calls = [
        partial(run, out / f"{folder}-{seed}", prompts, seed, *EVALUATION, *given, *noise)
        for folder, given in methods.values()
        for seed in noises(options.seed, options.seeds)
    ]
    made = iter(side_by_side(options.jobs, calls))
    runs = [[next(made) for _ in range(options.seeds)] for _ in methods]

    comparison = compare(runs, list(methods))
    over_time(panels(comparison), options.window, out / "stream.png")
    comparison.sheet().save(out / "contact_sheet.png")
    *_, last = thirds(comparison)
    rows = one_noise_claims(comparison) if options.one_noise else last_third_claims(last)
    lines = [claims_table(rows), "", "The whole stream:", "", comparison.table(SCORES, digits=3), ""]
    for number, part in enumerate(thirds(comparison)):
        lines += [f"{('First', 'Second', 'Last')[number]} third:", "", part.table(SCORES, digits=3), ""]
    lines += [f"Hit rate over the stream, of {options.count} prompts:", "", *hit_table(comparison), ""]
    lines += ["![rolling means over the stream](stream.png)", ""]
    lines += ["What a prompt costs by what the memory was used for, against the same prompts with it off:", ""]
    lines += [*costs(comparison), ""]
    rule = "One noise for all prompts" if options.one_noise else "Noise of its own for each prompt"
    write(out, "The memory along a stream", [*lines, f"{rule}; prompts by seed {options.seed}. {SECONDS_NOTE}"])


def last_third_claims(last: Comparison) -> Iterator[Claim]:
    """Yield what must hold of the memory where it is full: half of the iterations, and nothing lost."""
    off, on = last.values[ITERATIONS].mean(1)[:2]
    yield claim("memory on, last third: iterations", "≤ half", f"{on:.1f}, off {off:.1f}", on <= off / 2)
    for metric in ("all_motions", "layout_iou", "shape", "temporal_consistency"):
        d = last.difference(metric, 1)
        text = f"memory on, last third: {metric.replace('_', ' ')}"
        yield claim(text, "interval not below 0", interval(d), d.high >= 0)


def one_noise_claims(whole: Comparison) -> Iterator[Claim]:
    """Yield what must hold where all prompts share a noise, on which what is remembered serves best: better videos."""
    d, means = whole.difference("all_motions", 1), whole.values["all_motions"].mean(1)
    measured = f"{means[1]:.3f}, off {means[0]:.3f}: {interval(d)}"
    yield claim("one noise: both motions right, memory on", "interval above 0", measured, d.low > 0)
    off, on = whole.values[ITERATIONS].mean(1)[:2]
    yield claim("one noise: iterations, memory on", "≤ 60%", f"{on:.1f}, off {off:.1f}", on <= 0.6 * off)


def thirds(comparison: Comparison) -> Iterator[Comparison]:
    """Yield the comparison over the first, second and last third of the stream."""
    for part in np.array_split(np.arange(len(comparison.ids)), 3):
        values = {metric: each[:, part] for metric, each in comparison.values.items()}
        yield replace(comparison, ids=[comparison.ids[i] for i in part], values=values)


def hits(comparison: Comparison, method: int) -> NDArray[np.float64]:
    """Return the share of a method's runs in which each prompt was a hit."""
    return np.array([np.mean([bool(run[id].hit) for run in comparison.results[method]]) for id in comparison.ids])


def panels(comparison: Comparison) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return what is drawn: each method's values along the stream."""
    drawn = {
        title: dict(zip(comparison.names, comparison.values[metric], strict=True)) for metric, title in SHOWN.items()
    }
    rates = {name: hits(comparison, m) for m, name in enumerate(comparison.names) if m}
    return drawn | {"hit rate": {comparison.names[0]: np.zeros(len(comparison.ids)), **rates}}


def hit_table(comparison: Comparison) -> Iterator[str]:
    """Yield the hit rate of each third of the stream."""
    yield "| method | first third | second third | last third | all |"
    yield "| --- | --- | --- | --- | --- |"
    for method in range(1, len(comparison.names)):
        thirds = [each.mean() for each in np.array_split(hits(comparison, method), 3)]
        rates = [*thirds, hit_rate(comparison.runs[method])]
        yield f"| {comparison.names[method]} | " + " | ".join(f"{rate:.0%}" for rate in rates) + " |"


def costs(comparison: Comparison) -> Iterator[str]:
    """Yield, for each way in which a memory was used, means with the memory and without, and what a hit costs."""
    heads = ("method", "use", "prompts", *(metric.replace("_", " ") for metric in USED))
    yield "| " + " | ".join(heads) + " |"
    yield "| --- " * len(heads) + "|"
    summary = []
    for method in range(1, len(comparison.names)):
        for use, pair in uses(comparison, method).items():
            means = {metric: values.mean(1) for metric, values in pair.values.items()}
            cells = [_cell(pair, metric) for metric in USED]
            yield f"| {comparison.names[method]} | {use} | {len(pair.ids)} | " + " | ".join(cells) + " |"
            if use != "miss":
                parts = [
                    f"{means[m][1] / means[m][0]:.0%} of the {m}" for m in (ITERATIONS, FIT, SECONDS) if means[m][0]
                ]
                summary.append(f"- {comparison.names[method]}, {use}: {', '.join(parts)} of a full rehearsal")
    yield "\nIn brackets the 95% paired bootstrap interval of the difference, * where it leaves out 0.\n"
    yield from summary or ["There was no hit."]


FIT = "seconds of the fit"
USED = (ITERATIONS, FIT, SECONDS, "motion", "layout_iou")


def uses(comparison: Comparison, method: int) -> dict[str, Comparison]:
    """Return, for each way in which a method's memory was used, those prompts with the memory off and on."""
    pairs: dict[str, list[tuple[dict[str, float], dict[str, float]]]] = {}
    for off, on in zip(comparison.results[0], comparison.results[method], strict=True):
        for id in comparison.ids:
            pairs.setdefault(_read(on[id]), []).append((_measures(off[id]), _measures(on[id])))
    return {
        use: Comparison(
            ["off", use],
            list(map(str, range(len(each)))),
            {metric: np.array([[pair[side][metric] for pair in each] for side in (0, 1)]) for metric in USED},
            [],
            [],
        )
        for use, each in sorted(pairs.items())
    }


def _read(result: Result) -> str:
    return "" if result.memory is None else result.memory.read


def _measures(result: Result) -> dict[str, float]:
    seconds = result.seconds
    fit = seconds["fit"] + seconds.get("recall", 0.0)
    costs = {ITERATIONS: float(result.updates), FIT: fit, SECONDS: sum(seconds.values())}
    return costs | {metric: result.scores[metric] for metric in ("motion", "layout_iou")}


def _cell(pair: Comparison, metric: str) -> str:
    (off, on), d = pair.values[metric].mean(1), pair.difference(metric, 1)
    return f"{on:.2f}, off {off:.2f} ({d.low:+.2f} … {d.high:+.2f}){'*' if d.significant else ''}"


if __name__ == "__main__":
    main()
