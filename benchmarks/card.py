"""All that needs a graphics card, one part after the other, each with its result as it goes; see ``card.sh``.

    python benchmarks/card.py                      # all parts, results below runs/card
    python benchmarks/card.py --tiny               # tiny models on the CPU, to see that all parts run
    python benchmarks/card.py --parts tests stream

Parts, what was measured least first: when the time is up, a part is stopped, with what it has written until then.

- ``caps``: each preset under the cap of the card that it names (``caps.py``) → ``caps.md``;
- ``tests``: ``pytest -m gpu`` → ``tests.txt``;
- ``stream``: ``ttom stream`` of two prompts of one scene with the preset of Wan2.1 1.3B in 12 steps → ``stream.md``;
- ``iteration``: TTO against the reference procedure (``iteration.py``) on four presets → ``iteration.md``.

All they print is in ``log.txt`` too. The command fails if a part fails, not if it is stopped.
"""

import argparse
import contextlib
import gc
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROMPTS = (
    "a red circle moves left and a blue square moves up",
    "a green triangle moves left and a cyan circle moves up",
)
"""One scene, so that the second is a hit; in the words of the embedded model's tokenizer."""
STEPS = 12
ITERATIONS = ("cogvideox-5b", "wan2.1-14b", "cogvideox-2b", "wan2.1-1.3b")
H200_TFLOPS = "790"
"""What an H200 reaches in bfloat16 matrix products."""


def caps(out: Path, tiny: bool) -> None:
    """Measure each preset under its cap."""
    import caps as script

    script.main(["--out", str(out), *["--tiny"] * tiny])


def tests(out: Path, tiny: bool) -> None:
    """Run the tests that need a card; with ``tiny`` they are only collected."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-v", "-p", "no:cacheprovider", "tests"]
    done = _tee([*command, *["--collect-only"] * tiny], out / "tests.txt")
    if done:
        raise RuntimeError(f"pytest ended with {done}; see tests.txt")


def stream(out: Path, tiny: bool) -> None:
    """Serve two prompts of one scene, from a folder of random weights to the report, the second by a hit."""
    import torch

    device = "cpu" if tiny else "cuda"
    with tempfile.TemporaryDirectory() as folder:
        model, run, prompts = (Path(folder, name) for name in ("model", "run", "prompts.txt"))
        backbone = save_model(model, torch.device(device), tiny)
        gc.collect()
        prompts.write_text("\n".join(PROMPTS) + "\n", encoding="utf-8")
        options = {"pretrained": str(model), "num_inference_steps": STEPS} | backbone
        command = [sys.executable, "-m", "ttom_pl", "stream", "--config", str(ROOT / "configs" / "wan2.1-1.3b.yaml")]
        command += [f"--model.backbone.init_args.{name}={value}" for name, value in options.items()]
        command += ["--data.prompts", str(prompts), "--stream.out", str(run), "--stream.on_error=raise"]
        # Of random weights no video is worth more than another.
        command += ["--memory.keep.min_gain=-1", f"--trainer.accelerator={device}"]
        start = time.perf_counter()
        done = _tee(command, out / "stream.txt")
        seconds = time.perf_counter() - start
        if done:
            raise RuntimeError(f"ttom stream ended with {done}; see stream.txt")
        (out / "stream.md").write_text(_stream_table(run, seconds, tiny), encoding="utf-8")
        (out / "contact_sheet.png").write_bytes((run / "contact_sheet.png").read_bytes())
    print((out / "stream.md").read_text(encoding="utf-8"))


def save_model(folder: Path, device: Any, tiny: bool) -> Mapping[str, Any]:
    """Write a pipeline of the size of Wan2.1 1.3B with random weights, and return its backbone's arguments.

    All parts are of real size but the text encoder, which has two of its 24 layers and the embedded model's words.
    """
    from dataclasses import replace

    from preset_models import MODELS, build
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(ROOT / "checkpoints" / "sprites" / "tokenizer")
    model = MODELS["wan2.1-1.3b-tiny" if tiny else "wan2.1-1.3b"]
    words = {"vocab_size": len(tokenizer), "num_layers": min(2, model.encoder["num_layers"])}
    built = build(replace(model, encoder=model.encoder | words), device, encoder=True)
    built.pipe.register_modules(tokenizer=tokenizer)
    built.pipe.save_pretrained(folder)
    return model.backbone


def _stream_table(run: Path, seconds: float, tiny: bool) -> str:
    """Return what the prompts took.

    Raises:
        RuntimeError: if the second was no hit.
    """
    import torch
    from harness import machine

    from ttom_pl.run import read_results

    results = list(read_results(run).served.values())
    hits = [result.hit for result in results]
    if hits != [False, True]:
        raise RuntimeError(f"hits are {hits}; the second prompt must be one, the first none")
    stages = list(results[0].seconds)
    rows = [["prompt", "memory", "iterations", "loss", *(f"{stage}, s" for stage in stages)]]
    for result in results:
        losses, memory = result.iterations, result.memory
        read = "" if memory is None else f"{memory.read}, {memory.write}"
        taken = [f"{result.seconds.get(stage, 0):.2f}" for stage in stages]
        rows.append([result.prompt, read, str(result.updates), f"{losses[0]:.3f} → {losses[-1]:.3f}", *taken])
    rows.insert(1, ["---"] * len(rows[0]))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    where = "CPU, tiny" if tiny else torch.cuda.get_device_name()
    sheet = (run / "contact_sheet.png").stat().st_size / 1e6
    head = f"# A stream at the size of Wan2.1 1.3B, {STEPS} steps\n\n`python benchmarks/card.py --parts stream` on "
    head += f"{datetime.now(UTC).date()}, {where}; {machine().partition(', one CPU')[0]}."
    return f"{head}\n\n{table}\n\nThe whole command took {seconds:.0f} s; the contact sheet has {sheet:.2f} MB.\n"


def iteration(out: Path, tiny: bool) -> None:
    """Time TTO against the reference procedure on four presets."""
    import iteration as script
    import torch

    for name in ITERATIONS:
        device = ["cpu"] if tiny else ["cuda", "--peak-tflops", H200_TFLOPS]
        given = ["--model", name + "-tiny" * tiny, "--rounds", "1", "--out", str(out / "iteration.md")]
        script.main([*given, "--device", *device])
        gc.collect()
        if not tiny:
            torch.cuda.empty_cache()


PARTS: Mapping[str, Callable[[Path, bool], None]] = {
    "caps": caps,
    "tests": tests,
    "stream": stream,
    "iteration": iteration,
}


def _tee(command: Sequence[str], path: Path) -> int:
    """Run a command, with what it says on our output and in a file, and return its exit code."""
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with path.open("w", encoding="utf-8") as file, subprocess.Popen(command, **piped) as process:
        assert process.stdout is not None
        for line in process.stdout:
            file.write(re.sub(r".*\r", "", line))
            print(line, end="", flush=True)
    return process.returncode


def run_part(name: str, out: Path, tiny: bool, seconds: float) -> str:
    """Run a part as a process of its own, stop it when its time is up, and say how it ended."""
    command = [sys.executable, str(Path(__file__)), "--part", name, "--out", str(out), *["--tiny"] * tiny]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, (out / "log.txt").open("a", encoding="utf-8") as log:
        print(f"== {name}", file=log, flush=True)
        environment = os.environ | {"PYTHONPATH": paths, "TMPDIR": scratch}
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, start_new_session=True, env=environment)
        try:
            ended = process.wait(seconds)
        except subprocess.TimeoutExpired:
            ended = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started as well
            process.wait()
    how = "stopped, its time was up" if ended is None else "done" if ended == 0 else f"failed with {ended}"
    return f"{name}: {how} after {time.perf_counter() - start:.0f} s"


def main(args: Sequence[str] | None = None) -> None:
    """Run the parts and say how each of them ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/card"))
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--seconds", type=float, default=470, help="for all parts together")
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    options = parser.parse_args(args)
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if options.part:
        PARTS[options.part](out, options.tiny)
        return
    deadline = time.monotonic() + options.seconds
    ends = []
    for name in options.parts:
        left = deadline - time.monotonic()
        ends.append(run_part(name, out, options.tiny, left) if left > 0 else f"{name}: not begun, the time was up")
        print(ends[-1], flush=True)
        (out / "parts.txt").write_text("\n".join(ends) + "\n", encoding="utf-8")
    if any("failed" in end for end in ends):
        sys.exit(1)


if __name__ == "__main__":
    main()
