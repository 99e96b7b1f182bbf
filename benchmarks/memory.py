"""The memory's numbers: recall and speed of the index, cost of a read, of opening and of inserting, sizes of entries.

    python benchmarks/memory.py --out benchmarks/results               # about half an hour on two cores
    python benchmarks/memory.py --out runs/benchmark-memory --scale 0.02

Ratios are taken within the run. Vectors are random, which is the hardest case for an index: real keys lie closer to
each other in fewer directions. Queries are random as well, or at cosine similarity 0.9 to an entry, as those of hits
are. Writes ``memory.md`` to the folder.
"""

import argparse
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from cost import Case
from diffusers.utils import logging as diffusers_logging
from numpy.typing import NDArray

from ttom_pl.cli._quiet import quieten
from ttom_pl.memory import AdapterSpec, Memory
from ttom_pl.memory.search.approximate import VectorIndex

if TYPE_CHECKING:
    from ttom_pl.rehearsal import LayoutTTO

ROOT = Path(__file__).parent.parent
DIMENSION = 384
WAN = {"Wan2.1-1.3B": "wan2.1-1.3b", "Wan2.1-14B": "wan2.1-14b"}
"""Presets in ``configs`` whose entries are counted, on transformers of their published dimensions."""
SPEC = AdapterSpec(rank=2, alpha=2, target_modules=("blocks.0.attn2.to_q",), active_steps=5)

Row = tuple[str, str, str, object]
"""Claim, bound, measurement, whether it is reached; None for what is only reported."""


def unit(rng: np.random.Generator, number: int) -> NDArray[np.float32]:
    vectors = rng.standard_normal((number, DIMENSION), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def near(rng: np.random.Generator, vectors: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    """Return queries of cosine similarity 0.9 to one of the vectors each, as those of hits are."""
    aims = vectors[rng.integers(len(vectors), size=number)]
    away = unit(rng, number)
    away -= (away * aims).sum(1, keepdims=True) * aims
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return np.float32(0.9) * aims + np.float32(np.sqrt(1 - 0.9**2)) * away


def seconds(call: Callable[[], object], repeats: int = 1) -> float:
    """Return the median duration of a call."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def churn(rng: np.random.Generator, size: int, turns: int) -> Iterator[Row]:
    """Replace every vector ``turns`` times, the oldest first."""
    index, kept = VectorIndex(DIMENSION), unit(rng, size)
    index.add(range(size), kept)
    labels = np.arange(size)
    start = time.perf_counter()
    for label in range(size, (turns + 1) * size):
        slot = label % size
        index.remove([labels[slot]])
        kept[slot] = unit(rng, 1)
        labels[slot] = label
        index.add([label], kept[slot : slot + 1])
    each = (time.perf_counter() - start) / (turns * size)
    for name, queries in (("random keys", unit(rng, 1000)), ("keys that hit", near(rng, kept, 1000))):
        exact = labels[(queries @ kept.T).argmax(1)]
        recall = np.mean([index.search(query, 1)[0][0] for query in queries] == exact)
        claim = f"recall@1 after {turns}× churn at {size:,} × {DIMENSION}, {name}"
        yield claim, "≥ 0.99", f"{recall:.4f} of exact search", recall >= 0.99
    yield "slots of that index", "no more than entries", f"{index.slots:,}", index.slots == size
    yield "one replacement in that index", "reported", f"{1e3 * each:.1f} ms", None


def lookup(rng: np.random.Generator, small: int, large: int) -> Iterator[Row]:
    """Compare lookups with the exact scan, and a large index with a small one; a hit has a similarity of 0.85."""
    vectors = unit(rng, large)
    queries = {size: near(rng, vectors[:size], 500) for size in (small, large)}
    strange = unit(rng, 200)
    times, recalls, misses = {}, {}, {}
    for size in (small, large):
        index = VectorIndex(DIMENSION)
        index.add(range(size), vectors[:size])
        exact = [int((vectors[:size] @ query).argmax()) for query in queries[size]]
        found, taken = timed(index, queries[size])
        times[size], recalls[size] = float(np.median(taken)), np.mean(np.array(found) == exact)
        misses[size] = float(np.median(timed(index, strange)[1]))
    known = [index.search(query, 1)[0][0] for query in strange]
    recall = np.mean(np.array(known) == [int((vectors @ query).argmax()) for query in strange])
    turn = count()
    scan = seconds(lambda: int((vectors @ strange[next(turn)]).argmax()), 50)
    ratio, growth = scan / times[large], times[large] / times[small]
    measured = f"×{ratio:.1f} ({1e3 * times[large]:.2f} ms against {1e3 * scan:.1f} ms)"
    yield f"lookup of keys that hit at {large:,} against the exact scan", "≥ 20× faster", measured, ratio >= 20
    claim = f"recall@1 of keys that hit at {large:,}"
    yield claim, "≥ 0.99", f"{recalls[large]:.4f} of exact search", recalls[large] >= 0.99
    measured = f"×{scan / misses[large]:.1f} ({1e3 * misses[large]:.2f} ms), recall {recall:.2f}"
    yield f"lookup of random keys, which all miss, at {large:,}", "reported", measured, None
    measured = f"×{growth:.2f} (from {1e3 * times[small]:.2f} ms, recall {recalls[small]:.2f})"
    bound = large / small
    yield f"cost of a lookup from {small:,} to {large:,}", f"less than ×{bound:.0f}", measured, growth < bound


def timed(index: VectorIndex, queries: NDArray[np.float32]) -> tuple[list[int], list[float]]:
    """Return the nearest label to each query, and how long it took to find."""
    found, taken = [], []
    for query in queries:
        start = time.perf_counter()
        found.append(index.search(query, 1, enough=0.85)[0][0])
        taken.append(time.perf_counter() - start)
    return found, taken


def opening(rng: np.random.Generator, size: int) -> Iterator[Row]:
    """Open a memory and answer the first key, with the snapshot of the index and without."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "memory"
        keys = unit(rng, size + 100)
        adapter = {"transformer.blocks.0.attn2.to_q.lora_A.weight": torch.zeros(2, 4)}
        given = {"key_text": "", "prompt": "", "fingerprint": "wan", "spec": SPEC}
        with Memory(folder, capacity=size) as memory:
            for key in keys[:size]:
                memory.insert(adapter, key=key, **given)
            memory.read(keys[0], fingerprint="wan", spec=SPEC)
            turn = count(size)
            insert = seconds(lambda: memory.insert(adapter, key=keys[next(turn)], **given), 50)

        def first_read() -> None:
            with Memory(folder, capacity=size) as memory:
                memory.read(keys[0], fingerprint="wan", spec=SPEC)

        warm = seconds(first_read, 3)
        shutil.rmtree(folder / "index")
        cold = seconds(first_read)
    measured = f"×{cold / warm:.1f} ({warm:.2f} s against {cold:.1f} s)"
    yield f"opening {size:,} entries against rebuilding their index", "≥ 5× faster", measured, cold / warm >= 5
    yield f"insert with eviction at {size:,} entries, durable", "reported", f"{1e3 * insert:.1f} ms", None


def served(checkpoint: Path, entries: int) -> Iterator[Row]:
    """Optimise a prompt on the embedded model; what does reading the memory cost beside that, what low precision?"""
    claim, bound = "read path (key, search, load) of one prompt's optimisation", "< 10%"
    if not (checkpoint / "transformer").is_dir():
        yield claim, bound, f"not measured: no model in {checkpoint}", None
        return
    from lightning.pytorch import Trainer
    from sprites_module import sprites_layout, sprites_module

    from ttom_pl.recall.keys import scene_key

    module = sprites_module(checkpoint)
    backbone = module.backbone
    layout = sprites_layout("a red circle moves left and a blue square moves up")
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = Trainer(accelerator="cpu", max_epochs=module.guided_steps, **quiet)
    module.begin(module.prepare(layout, 0))
    fit = seconds(lambda: trainer.fit(module))
    adapter = module.adapter
    assert adapter is not None
    spec = AdapterSpec(adapter.rank, adapter.alpha, adapter.target_modules, module.guided_steps)
    text, key = scene_key(layout, backbone.embed)
    rng = np.random.default_rng(0)
    with Memory(capacity=entries) as memory:
        for each in [key, *(key + 0.3 * rng.standard_normal((entries - 1, key.size)) / key.size**0.5)]:
            state = adapter.state_dict()
            memory.insert(state, key=each, key_text=text, prompt="", fingerprint=backbone.fingerprint, spec=spec)

        def read() -> None:
            _, key = scene_key(layout, backbone.embed)
            (match,) = memory.read(key, fingerprint=backbone.fingerprint, spec=spec)
            adapter.load_state_dict(memory.load(match.entry))

        read()
        taken = seconds(read, 9)
    measured = f"{taken / fit:.1%} ({1e3 * taken:.1f} ms of {fit:.2f} s, {entries} entries)"
    yield claim, bound, measured, taken / fit < 0.1
    yield from precision(module, module.learnt)


def precision(module: "LayoutTTO", state: dict[str, torch.Tensor]) -> Iterator[Row]:
    """Measure what an adapter kept in low precision loses."""
    names = sorted(name.removesuffix(".lora_A.weight") for name in state if name.endswith(".lora_A.weight"))
    adapter = module.adapter
    assert adapter is not None

    def updates(dtype: torch.dtype) -> torch.Tensor:
        kept = {name: tensor.to(dtype).float() for name, tensor in state.items()}
        adapter.load_state_dict(kept)
        return torch.stack([kept[f"{name}.lora_B.weight"] @ kept[f"{name}.lora_A.weight"] for name in names])

    with torch.no_grad():
        module.begin(module.scene)
        neutral = float(module.layout_loss(0))
        exact, loss = updates(torch.float32), float(module.layout_loss(0))
        for dtype in (torch.bfloat16, torch.float16):
            error = float((updates(dtype) - exact).norm() / exact.norm())
            change = float(module.layout_loss(0)) - loss
            measured = f"B·A off by {error:.1e}; layout loss {loss:.4f} ({neutral:.4f} without), off by {change:+.0e}"
            yield f"that adapter kept in {str(dtype)[6:]}", "reported", measured, None


def sizes() -> Iterator[Row]:
    """Count the bytes of entries for the large models: what our adapter holds, and one that is in every block."""
    for name, preset in WAN.items():
        case = Case(preset)
        reached = case.adapt_reachable()
        blocks, everything = case.backbone.num_blocks, case.adapt_everything()
        measured = f"{4 * reached / 1e6:.1f} MB float32, {2 * reached / 1e6:.1f} MB bfloat16 or float16"
        rest = f"; in all {blocks} blocks: {4 * everything / 1e6:.0f} MB, ×{everything / reached:.1f}"
        claim = f"entry of {name}, rank {case.rank}, loss at block {', '.join(map(str, case.blocks))}"
        yield claim, "reported", measured + rest, None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-memory"), help="folder")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes; the bounds are for 1")
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "checkpoints" / "sprites")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    quieten()
    diffusers_logging.set_verbosity_error()

    def scaled(size: int) -> int:
        return max(50, round(size * options.scale))

    rng = np.random.default_rng(options.seed)
    parts = (
        sizes,
        lambda: served(options.checkpoint, scaled(1000)),
        lambda: opening(rng, scaled(10_000)),
        lambda: lookup(rng, scaled(1000), scaled(100_000)),
        lambda: churn(rng, scaled(10_000), 10),
    )
    lines = ["# The memory", "", "`python benchmarks/memory.py --out benchmarks/results`", ""]
    lines += ["| claim | must reach | measured | reached |", "| --- | --- | --- | --- |"]
    for part in parts:
        for claim, bound, measured, reached in part():
            verdict = "" if reached is None else "yes" if reached else "**no**"
            lines.append(f"| {claim} | {bound} | {measured} | {verdict} |")
            print(lines[-1], flush=True)
    names = ", ".join(f"{name} {version(name)}" for name in ("ttom_pl", "torch", "numpy", "hnswlib"))
    lines += ["", f"Scale {options.scale:g}, seed {options.seed}; {names}, {machine()}."]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "memory.md").write_text("\n".join(lines) + "\n")
    print(lines[-1])


def machine() -> str:
    """Describe what the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.+)", info.read_text()) if info.is_file() else None
    name = model[1].strip() if model else platform.machine()
    threads = f"{torch.get_num_threads()} of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return f"Python {platform.python_version()}, {name}, {threads}"


if __name__ == "__main__":
    main()
