"""How long TTO takes and what it holds, ours against the reference procedure, on the same weights in the same run.

    python benchmarks/iteration.py                                    # a scaled Wan on the CPU, some minutes
    python benchmarks/iteration.py --model cogvideox-scaled
    python benchmarks/iteration.py --device cuda --model wan2.1-14b --peak-tflops 989   # real size, random weights

Ours is the package's own code, the other is ``reference_procedure.py``. Both must find the same loss before anything is
timed. Timings alternate between the two; the table has medians over ``--rounds``, in brackets the fastest and slowest,
and ratios of medians. A guided step is all iterations, none spared by convergence, and a step of the sampler with the
adapter on; a whole prompt is the guided steps, the other steps with the adapter off, and the decoding. Peak memory
includes the weights; on the CPU it is the bytes of all tensors alive at once. With ``--peak-tflops``, the device's peak
in the precision of the weights, the table says how much of it the counted operations (``cost.py``) make use of.
"""

import argparse
import datetime
import platform
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import torch
from cost import Case
from counting import count
from diffusers.utils import logging as diffusers_logging
from preset_models import MODELS
from procedures import LAYOUT, OBJECTS, Procedures

HEAD = "# TTO, measured: ours against the reference procedure\n"
KNOWN = [name for name in MODELS if not name.startswith(("hunyuan", "kandinsky", "mochi"))]
"""Models that the reference procedure can read: its authors' code knows no text stream with projections of its own."""
ITERATION, ADAPTED, PLAIN = "TTO iteration", "sampling step, adapter on", "sampling step, adapter off"


@dataclass
class Seconds:
    """Wall-clock seconds of the stages, a list for each."""

    stages: dict[str, list[float]] = field(default_factory=dict)

    def add(self, stage: str, seconds: float) -> None:
        """Take down how long a stage took."""
        self.stages.setdefault(stage, []).append(seconds)

    def median(self, stage: str) -> float:
        """Return the median of a stage."""
        return statistics.median(self.stages[stage])

    def spread(self, stage: str) -> str:
        """Return the median of a stage with the fastest and the slowest."""
        times = self.stages[stage]
        return f"{statistics.median(times):.3g} s ({min(times):.3g} – {max(times):.3g})"

    def guided_step(self, iterations: int) -> float:
        """Return the seconds of all iterations and a step of the sampler with the adapter on."""
        return iterations * self.median(ITERATION) + self.median(ADAPTED)


@dataclass
class Measured:
    """What a run found; of pairs the first is ours, the second the reference procedure's.

    Attributes:
        losses: the layout loss with the same adapter.
        ours: seconds of ours, and of the plain model.
        reference: seconds of the reference procedure.
        decode: seconds of the VAE.
        peaks: bytes at the peak of an iteration.
        weights: bytes of the transformers' weights.
        adapters: bytes of the adapters.
        notes: what a reader must know.
    """

    losses: tuple[float, float]
    ours: Seconds
    reference: Seconds
    decode: float
    peaks: tuple[int, int]
    weights: int
    adapters: tuple[int, int]
    notes: list[str]


def measure(both: Procedures, rounds: int, tolerance: float) -> Measured:
    """Check that both find the same loss, then time them in turn.

    Raises:
        RuntimeError: if the losses differ by more than a fraction ``tolerance``.
    """
    theirs, notes = _reference_peak(both)
    peaks = both.peak(both.iteration), theirs
    losses = check(both, tolerance)
    ours, reference = Seconds(), Seconds()
    for kept in [False] + [True] * rounds:
        taken = (
            (ours, ITERATION, both.time(both.iteration)),
            (reference, ITERATION, both.time(both.reference_iteration)),
            (ours, ADAPTED, both.time_step("ours")),
            (reference, ADAPTED, both.time_step("reference")),
            (ours, PLAIN, both.time_step("off")),
        )
        for seconds, stage, time in taken if kept else ():
            seconds.add(stage, time)
    return Measured(losses, ours, reference, both.time(both.decode), peaks, both.weights, both.adapter_sizes, notes)


def _reference_peak(both: Procedures) -> tuple[int, list[str]]:
    with suppress(torch.OutOfMemoryError):
        return both.peak(both.reference_iteration), []
    # After the error is gone, and with it the tensors that it holds.
    both.checkpoint_reference()
    note = "the reference procedure recomputes its blocks in the backward pass: else it runs out of memory"
    return both.peak(both.reference_iteration), [note]


def check(both: Procedures, tolerance: float) -> tuple[float, float]:
    """Return the layout loss by ours and by the reference procedure, with the same adapter.

    Raises:
        RuntimeError: if they differ by more than a fraction ``tolerance``.
    """
    both.share_adapter()
    with torch.no_grad():
        ours = both.module.layout_loss(0).item()
        theirs = both.reference.loss(both.inputs, OBJECTS, LAYOUT).item()
    if not abs(ours - theirs) <= tolerance * theirs:
        raise RuntimeError(f"the loss is {ours} by ours and {theirs} by the reference procedure; they must agree")
    return ours, theirs


@dataclass(frozen=True)
class Work:
    """Counted TFLOPs of an iteration, ours and the reference procedure's, and of a step of the sampler."""

    ours: float
    reference: float
    step: float


def work(name: str) -> Work:
    """Count what a model's iterations and a step compute."""
    case = Case(name)
    step = 2 * count(case.prediction).flops / 1e12
    case.adapt_reachable()
    ours = count(case.iteration).flops / 1e12
    case.adapt_everything()
    return Work(ours, count(case.reference).flops / 1e12, step)


def table(name: str, counted: Work, measured: Measured, both: Procedures, peak_tflops: float | None) -> str:
    """Return the measurement as a Markdown table."""
    ours, reference = measured.ours, measured.reference
    iterations, guided, steps = both.module.iterations, both.module.guided_steps, both.backbone.num_steps
    plain = steps * ours.median(PLAIN) + measured.decode
    prompts = [plain + guided * (each.guided_step(iterations) - ours.median(PLAIN)) for each in (ours, reference)]
    rows = [
        [stage, ours.spread(stage), reference.spread(stage), _ratio(ours.median(stage), reference.median(stage))]
        for stage in (ITERATION, ADAPTED)
    ]
    rows += [
        _row(f"guided step: {iterations} iterations, a step", *_guided(measured, iterations), unit="s"),
        [PLAIN, ours.spread(PLAIN), "the same", ""],
        ["decoding", f"{measured.decode:.3g} s", "the same", ""],
        _row(f"whole prompt: {guided} guided steps, {steps - guided} others, decoding", *prompts, unit="s"),
        ["whole prompt without TTO", f"{_number(plain)} s", "the same", ""],
        ["TTO over plain sampling", *(f"+{prompt / plain - 1:.1%}" for prompt in prompts), ""],
        _row("peak memory of an iteration", *(peak / 1e9 for peak in measured.peaks), unit="GB"),
        _row("without the weights", *((peak - measured.weights) / 1e9 for peak in measured.peaks), unit="GB"),
        _row("adapter", *(size / 1e6 for size in measured.adapters), unit="MB"),
        *_work_rows(counted, measured, peak_tflops),
        ["layout loss with the same adapter", *(f"{loss:.6f}" for loss in measured.losses), ""],
    ]
    head = [name, "ours", "reference", "reference ÷ ours"]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---", "--:", "--:", "--:"], *rows))


def _work_rows(counted: Work, measured: Measured, peak_tflops: float | None) -> list[list[str]]:
    """Return the counted FLOPs, and what share of the device's peak they come to."""
    rows = [
        _row("an iteration, counted", counted.ours, counted.reference, unit="TFLOP"),
        ["sampling step, counted", f"{_number(counted.step)} TFLOP", "the same", ""],
    ]
    if peak_tflops:
        times = (measured.ours.median(ITERATION), measured.reference.median(ITERATION), measured.ours.median(PLAIN))
        pairs = zip((counted.ours, counted.reference, counted.step), times, strict=True)
        shares = [f"{flops / time / peak_tflops:.0%}" for flops, time in pairs]
        rows += [
            [f"iteration: share of {peak_tflops:g} TFLOP/s", *shares[:2], ""],
            [f"sampling step: share of {peak_tflops:g} TFLOP/s", shares[2], "the same", ""],
        ]
    return rows


def _guided(measured: Measured, iterations: int) -> tuple[float, float]:
    return measured.ours.guided_step(iterations), measured.reference.guided_step(iterations)


def _row(what: str, ours: float, reference: float, unit: str) -> list[str]:
    return [what, f"{_number(ours)} {unit}", f"{_number(reference)} {unit}", _ratio(ours, reference)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(ours: float, reference: float) -> str:
    return f"{reference / ours:.2f}×"


def _describe(both: Procedures, command: str, notes: Sequence[str]) -> str:
    backbone, config = both.backbone, both.backbone.pipe.transformer.config
    width = config["num_attention_heads"] * config["attention_head_dim"]
    model = (
        f"{type(backbone).__mro__[1].__name__}: {backbone.num_blocks} blocks of width {width}, grid "
        f"{' × '.join(map(str, backbone.grid))}, {backbone.settings.max_sequence_length} text tokens, "
        f"{str(backbone.pipe.transformer.dtype).removeprefix('torch.')}, random weights"
    )
    where = torch.cuda.get_device_name() if both.device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    versions = ", ".join(f"{each} {version(each)}" for each in ("ttom_pl", "torch", "diffusers", "peft"))
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [f"`{command}` on {today}, {where}; {versions}, Python {platform.python_version()}.", "", f"{model}."]
    return "\n".join([*lines, *(f"Note: {note}." for note in notes)])


def main(args: Sequence[str] | None = None) -> None:
    """Measure a model and print, or add to a file, the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="wan-scaled", choices=KNOWN)
    parser.add_argument("--device", default="cpu", type=torch.device)
    parser.add_argument("--rounds", default=5, type=int, help="timings of each stage, after one to warm up")
    parser.add_argument("--checkpointing", action="store_true", help="both recompute blocks in the backward pass")
    parser.add_argument("--compile", action="store_true", help="torch.compile for our blocks and the plain model's")
    parser.add_argument("--peak-tflops", type=float, help="peak of the device in the weights' precision")
    parser.add_argument("--tolerance", type=float, help="by how much the losses may differ, as a fraction")
    parser.add_argument("--out", type=Path, help="Markdown file for the table, in place of an earlier one of this kind")
    options = parser.parse_args(args)
    diffusers_logging.set_verbosity_error()
    counted = work(options.model)
    both = Procedures(MODELS[options.model], options.device, options.checkpointing, options.compile)
    half = both.backbone.pipe.transformer.dtype != torch.float32
    measured = measure(both, options.rounds, options.tolerance or (2e-2 if half else 1e-3))
    given = [f"--model {options.model}", f"--device {options.device}", f"--rounds {options.rounds}"]
    given += [f"--{name}" for name in ("checkpointing", "compile") if getattr(options, name)]
    given += [f"--peak-tflops {options.peak_tflops:g}"] if options.peak_tflops else []
    command = " ".join(["python benchmarks/iteration.py", *given])
    rows = table(options.model, counted, measured, both, options.peak_tflops)
    title = ", ".join([options.model, str(options.device), *(["compiled"] if options.compile else [])])
    text = f"## {title}\n\n{_describe(both, command, measured.notes)}\n\n{rows}\n"
    print(text)
    if options.out:
        _keep(options.out, title, text)


def _keep(path: Path, title: str, text: str) -> None:
    """Put a section in a file, in place of an earlier one of the same title."""
    path.parent.mkdir(parents=True, exist_ok=True)
    old = path.read_text(encoding="utf-8") if path.is_file() else HEAD
    head, *sections = old.rstrip("\n").split("\n\n## ")
    kept = [f"## {each}" for each in sections if each.partition("\n")[0] != title]
    path.write_text("\n\n".join([head, *kept, text.rstrip("\n")]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
