"""The main claims on the embedded model, on held-out prompts, the same noise for every method.

    python benchmarks/sprites.py --out runs/benchmark

Takes about ten minutes on two cores, each run on one of them; goes on where it was stopped. Writes ``results.md``
and a contact sheet to the folder. Prompts and noise come from ``--seed`` alone, see ``sprites_prompts.py``; each prompt
has noise of its own. ``stream.py`` looks at the memory more closely.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from diffusers import WanPipeline
from harness import COLD, PLAIN, Claim, arguments, claim, claims_table, default, run, write
from sprites_prompts import main_prompts

from ttom_pl.backbones import WanBackbone
from ttom_pl.evaluation.compare import ITERATIONS, SECONDS, Comparison, compare
from ttom_pl.prompts.datamodule import read_prompts

SAMPLING = ("height", "width", "num_frames", "num_inference_steps", "guidance_scale", "max_sequence_length")
"""What the pipeline is called with."""


def main() -> None:
    parser = arguments(__doc__, "runs/benchmark", count=60)
    parser.add_argument("--stream", type=int, default=120, help="prompts of the stream")
    options = parser.parse_args()
    out, seed = options.out, 1000 * options.seed
    prompts = main_prompts(out / "prompts", options.seed, options.count, options.stream)

    with ThreadPoolExecutor(options.jobs) as pool:
        stream = (prompts["stream"], 2 * seed)
        on = pool.submit(run, out / "stream-on", *stream)
        off = pool.submit(run, out / "stream-off", *stream, *COLD)
        fill = pool.submit(
            run, out / "fill", *stream, "--memory.recall.iterations", "null", "--memory.recall.min_merged", "1"
        )
        one = pool.submit(run, out / "one-plain", prompts["one"], seed, *PLAIN)
        plain = pool.submit(run, out / "two-plain", prompts["two"], seed, *PLAIN)
        cold = pool.submit(run, out / "two-cold", prompts["two"], seed, *COLD)
        as_it_is = ("--memory.mode", "read-only", "--memory.recall.iterations", "0", "--memory.path")
        loaded, default_loaded = (
            pool.submit(run, out / name, prompts["two"], seed, *as_it_is, str(made.result() / "memory"))
            for name, made in (("two-loaded", fill), ("two-loaded-default", on))
        )

    first = options.stream * 2 // 3 + 1
    single = compare([one.result()], ["plain model"])
    runs = [each.result() for each in (plain, cold, loaded, default_loaded)]
    two = compare(runs, ["plain model", "TTOM cold", "loaded, not optimised", "loaded from the default memory"])
    stream_runs = [off.result(), on.result()], ["memory off", "memory on"]
    streams, whole = compare(*stream_runs, first), compare(*stream_runs)
    equal = identical(prompts["two"], seed)
    lines = [
        claims_table([*claims(single, two, streams), equal]),
        "",
        f"One object: {len(single.ids)} videos of all 72 captions, which are in the training set; noise is held out.",
        "",
        f"Two objects ({len(two.ids)} prompts); loaded is from a memory of the stream whose entries answered at once,",
        "hits rehearsed in full, or from the default one, of the stream below:",
        "",
        two.table(),
        "",
        f"Stream, prompts {first} to {options.stream}:",
        "",
        streams.table(),
        "",
        "The whole stream:",
        "",
        whole.table(),
        "",
        f"Seed {options.seed}.",
    ]
    write(out, "The main claims on the embedded model", lines)
    two.sheet().save(out / "contact_sheet.png")


def identical(path: Path, seed: int, number: int = 10) -> Claim:
    """Return the row of the backbone without TTO against the pipeline, an adapter attached but off."""
    settings = default("model.backbone.init_args")
    size = {name: settings[name] for name in SAMPLING}
    backbone, pipe = WanBackbone(**settings), WanPipeline.from_pretrained(settings["pretrained"])
    pipe.set_progress_bar_config(disable=True)
    adapter = backbone.add_adapter(default("model.rank"), None, default("model.loss_blocks"))
    for parameter in adapter.parameters():
        torch.nn.init.normal_(parameter)
    equal = 0
    prompts = read_prompts(path)[:number]
    for noise, prompt in enumerate(prompts, start=seed):
        conditioning, latents = backbone.encode(prompt.text), backbone.start(noise)
        for step in range(backbone.num_steps):
            latents = backbone.step(latents, step, conditioning)
        generator = torch.Generator().manual_seed(noise)
        frames = pipe(prompt.text, **size, generator=generator, output_type="pt").frames[0]
        equal += torch.equal(backbone.decode(latents), frames)
    measured = f"{equal} of {len(prompts)} videos"
    return claim("TTO off: frames bit-identical to WanPipeline's", "all", measured, equal == len(prompts))


def claims(single: Comparison, two: Comparison, stream: Comparison) -> Iterator[Claim]:
    """Yield claim, bound, measurement and verdict."""
    right = (single.values["shape"][0] == 1) & (single.values["all_motions"][0] == 1)
    yield claim(
        "plain, one object: colour, shape and direction right", "≥ 90%", f"{right.mean():.0%}", right.mean() >= 0.9
    )

    both = two.values["all_motions"].mean(1)
    yield claim("plain, two objects: both motions right", "reported", f"{both[0]:.0%}")
    d = two.difference("all_motions", 1)
    enough = both[1] >= 1.5 * both[0] or (1 - both[1]) <= (1 - both[0]) / 2
    measured = f"{both[1]:.0%}, ×{_ratio(both[1], both[0])}, difference {d.low:+.2f} … {d.high:+.2f}"
    yield claim("TTOM cold: both motions right", "≥ 1.5× plain, interval above 0", measured, enough and d.low > 0)

    iou = two.values["layout_iou"].mean(1)
    measured = f"{iou[1]:.3f} against {iou[0]:.3f}, ×{_ratio(iou[1], iou[0])}"
    yield claim("TTOM cold: layout IoU", "≥ 2.5× plain", measured, iou[1] >= 2.5 * iou[0])
    for metric in ("color", "shape", "stability"):
        d = two.difference(metric, 1)
        means = two.values[metric].mean(1)
        measured = f"{means[1]:.2f} against {means[0]:.2f}, difference {d.low:+.2f} … {d.high:+.2f}"
        yield claim(f"TTOM cold: {metric}", "no significant loss", measured, d.high >= 0)

    iterations = stream.values[ITERATIONS].mean(1)
    saved = 1 - iterations[1] / iterations[0]
    measured = f"{iterations[1]:.1f} against {iterations[0]:.1f}, {saved:.0%} fewer"
    yield claim("memory on, last third of the stream: iterations", "≥ 30% fewer", measured, saved >= 0.3)
    for metric in ("all_motions", "motion", "layout_iou", "shape"):
        d = stream.difference(metric, 1)
        means = stream.values[metric].mean(1)
        measured = f"{means[1]:.2f} against {means[0]:.2f}, difference {d.low:+.2f} … {d.high:+.2f}"
        yield claim(
            f"memory on, last third: {metric.replace('_', ' ')}", "not significantly lower", measured, d.high >= 0
        )

    iou = two.values["layout_iou"].mean(1)
    measured = f"{iou[2]:.3f} against {iou[0]:.3f}, ×{_ratio(iou[2], iou[0])}"
    yield claim("loaded from memory, not optimised: layout IoU", "≥ 2× plain", measured, iou[2] >= 2 * iou[0])
    seconds = [*np.median(two.values[SECONDS][:2], axis=1), np.median(stream.values[SECONDS][1])]
    measured = "{:.1f} s plain, {:.1f} s cold, {:.1f} s with memory".format(*seconds)
    yield claim("median seconds a prompt, one core", "reported", measured)


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}" if base else "∞"


if __name__ == "__main__":
    main()
