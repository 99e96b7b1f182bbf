"""``ttom demo``: the main job on the embedded model, three times over the same prompts and noise, and what came of it.

The plain model, TTO by itself, and TTO with its memory. It takes a few minutes on a CPU and needs no network. The same
command goes on where it was stopped.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from ttom_pl.cli import compare, stream
from ttom_pl.cli._configs import with_config_files
from ttom_pl.cli._parser import make_parser
from ttom_pl.io.ranges import check_range

RUNS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "plain": ("plain model", ("--model.guided_steps", "0", "--memory.mode", "off")),
    "cold": ("TTOM cold", ("--memory.mode", "off")),
    "memory": ("TTOM with memory", ()),
}
"""Folder, name and options of each run."""


def main(args: Sequence[str]) -> None:
    """Serve and compare, e.g. ``--out runs/demo``."""
    parser = make_parser("demo", __doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("runs/demo"), help="folder for the runs, the table, the pictures"
    )
    parser.add_argument("--prompts", type=Path | None, help="other prompts, in the words of the embedded model")
    parser.add_argument("--limit", type=int | None, help="take only so many prompts from the start")
    options = parser.parse_args(list(args))
    if options.limit is not None:
        check_range("limit", options.limit, least=1)
    common = with_config_files(["--config", "sprites"])
    for name in ("prompts", "limit"):
        if options[name] is not None:
            common += [f"--data.{name}", str(options[name])]
    torch.set_num_threads(1)  # those of so small a model spend their time waiting for each other
    for folder, (name, more) in RUNS.items():
        print(f"{name}:", flush=True)
        stream.main([*common, "--stream.out", str(options.out / folder), *more])
    print()
    folders = [str(options.out / folder) for folder in RUNS]
    compare.main([*folders, "--out", str(options.out), "--names", *(name for name, _ in RUNS.values())])
