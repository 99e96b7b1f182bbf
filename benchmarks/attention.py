"""What reading the attention to objects costs, and how exact it is, against the model's own attention call.

    python benchmarks/attention.py                              # some minutes on one core
    python benchmarks/attention.py --tokens 1024 --rounds 3

``ttom_pl.backbones.attention.object_attention`` and ``scaled_dot_product_attention``, each forward and backward, on the
same queries and keys, in turn in one process on one thread: ratios hold where the seconds do not. Sizes are those of an
attention of the presets, with fewer heads and tokens: CogVideoX's joint attention, with 226 tokens of text, and Wan's
cross-attention to 512. The model's own call has values of the head's width and gives their gradient too.

Memory is what the process holds at the peak beyond what it held before (Linux), with what the kernels use for
themselves. At twice the tokens it is twice as much, not four times. Errors are relative (norm of the difference by the
norm), against float64 with the whole matrix of probabilities; "rounded" is the exact result rounded to the precision,
which nothing of that precision can beat.
"""

import argparse
import ctypes
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
import torch.nn.functional as F
from cost import markdown
from harness import machine
from torch import Tensor

from ttom_pl.backbones.attention import object_attention, token_weights

OBJECTS = [[2, 3, 7], [8]]
"""Token positions of two objects."""


@dataclass(frozen=True)
class Kind:
    """An attention: its heads here and their width, tokens of text, and whether the video is among the keys."""

    name: str
    width: int
    text: int
    joint: bool
    heads: int = 4

    def tensors(self, tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Return query (1, S, heads, D), key and value (1, L, heads, D), all with a gradient.

        Logits are as sharp as those of trained models, which give some queries to an object nearly whole.
        """
        generator = torch.Generator().manual_seed(0)
        queries, keys = (tokens + self.text, tokens + self.text) if self.joint else (tokens, self.text)
        made = [2 * torch.randn(1, n, self.heads, self.width, generator=generator) for n in (queries, keys, keys)]
        query, key, value = (each.to(dtype).requires_grad_() for each in made)
        return query, key, value


KINDS = (Kind("CogVideoX, joint", 64, 226, True), Kind("Wan, cross", 128, 512, False))


def read(query: Tensor, key: Tensor, upstream: Tensor) -> Tensor:
    """Read the attention to the objects and send a gradient back."""
    weights = token_weights(OBJECTS, key.shape[1], query.device)
    attention = object_attention(query, key, weights)
    attention.backward(upstream)
    return attention


def attend(query: Tensor, key: Tensor, value: Tensor, upstream: Tensor) -> None:
    """Call the model's own attention and send a gradient back."""
    given = (each.transpose(1, 2) for each in (query, key, value))
    F.scaled_dot_product_attention(*given).backward(upstream)


def timings(kind: Kind, tokens: int, dtype: torch.dtype, rounds: int) -> list[float]:
    """Return the time of ours by that of the model's own call, for each round; the first of each is not counted."""
    query, key, value = kind.tensors(tokens, dtype)
    generator = torch.Generator().manual_seed(1)
    ours = torch.randn(1, len(OBJECTS), query.shape[1], generator=generator)
    theirs = torch.randn(1, kind.heads, query.shape[1], kind.width, generator=generator).to(dtype)
    calls: tuple[Callable[[], object], ...] = (
        lambda: read(query, key, ours),
        lambda: attend(query, key, value, theirs),
    )
    ratios = []
    for number in range(rounds + 1):
        seconds = []
        # The one that begins would have cold caches each time.
        for call in calls if number % 2 else calls[::-1]:
            for each in (query, key, value):
                each.grad = None
            start = time.process_time()
            call()
            seconds.append(time.process_time() - start)
        first, second = seconds
        ratios.append(first / second if number % 2 else second / first)
    return ratios[1:]


def peak(kind: Kind, tokens: int, dtype: torch.dtype) -> int:
    """Return the bytes that the reading takes on top of its queries and keys, at the peak."""
    query, key, _ = kind.tensors(tokens, dtype)
    upstream = torch.randn(1, len(OBJECTS), query.shape[1], generator=torch.Generator().manual_seed(1))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # or it would take what is left from before
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak is counted from here
    before = _resident("VmRSS")
    read(query, key, upstream)
    return _resident("VmHWM") - before


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (size,) = (int(line.split()[1]) for line in lines if line.startswith(name))
    return size * 1024


@dataclass(frozen=True)
class Errors:
    """Relative errors of the attention and of its gradients, greatest of query and key; and those of rounding alone."""

    value: float
    gradient: float
    rounded_value: float
    rounded_gradient: float


def errors(kind: Kind, tokens: int, dtype: torch.dtype) -> Errors:
    """Compare with float64 on the same numbers."""
    query, key, _ = kind.tensors(tokens, dtype)
    upstream = torch.randn(1, len(OBJECTS), query.shape[1], generator=torch.Generator().manual_seed(1))
    got = read(query, key, upstream)
    exact = [each.detach().double().requires_grad_() for each in (query, key)]
    expected = whole(*exact)
    expected.backward(upstream.double())
    pairs = [(got, expected), *((g.grad, e.grad) for g, e in zip((query, key), exact, strict=True))]
    found = [_error(ours, wanted) for ours, wanted in pairs]
    rounded = [_error(wanted.to(dtype), wanted) for _, wanted in pairs]
    return Errors(found[0], max(found[1:]), rounded[0], max(rounded[1:]))


def whole(query: Tensor, key: Tensor) -> Tensor:
    """The attention to the objects from the whole matrix of probabilities, head by head."""
    total = torch.zeros(1, len(OBJECTS), query.shape[1], dtype=query.dtype)
    for head in range(query.shape[2]):
        logits = query[:, :, head] @ key[:, :, head].mT / query.shape[-1] ** 0.5
        probabilities = torch.softmax(logits, -1)
        total = total + torch.stack([probabilities[..., positions].mean(-1) for positions in OBJECTS], 1)
    return total / query.shape[2]


def _error(found: Tensor | None, wanted: Tensor | None) -> float:
    assert found is not None
    assert wanted is not None
    return float(((found.double() - wanted).norm() / wanted.norm()).detach())


def report(tokens: int, exact_tokens: int, rounds: int) -> str:
    """Measure everything and return it as Markdown tables."""
    costs, exact = [], []
    for kind in KINDS:
        for dtype in (torch.float32, torch.bfloat16):
            name = [kind.name, str(kind.width), str(dtype).removeprefix("torch.")]
            ratios = timings(kind, tokens, dtype, rounds)
            once, twice = (peak(kind, n, dtype) for n in (tokens, 2 * tokens))
            matrix = kind.heads * (tokens + kind.text * kind.joint) * (kind.text + tokens * kind.joint) * 4
            spread = f"{statistics.median(ratios):.2f}× ({min(ratios):.2f} – {max(ratios):.2f})"
            memory = [f"{once / 1e6:.1f} MB", f"{twice / 1e6:.1f} MB", f"{twice / once:.2f}×", f"{matrix / 1e6:.0f} MB"]
            costs.append([*name, spread, *memory])
            found = errors(kind, exact_tokens, dtype)
            exact.append([*name, *(f"{each:.1e}" for each in vars(found).values())])
            print(" | ".join([*costs[-1], *exact[-1][3:]]), flush=True)
    head = ["attention", "head", "precision"]
    held = [f"peak at {tokens:,}", f"at {2 * tokens:,}", "grows", "matrix of probabilities"]
    parts = [
        f"{tokens:,} video tokens; medians of {rounds} rounds, in brackets the least and the most.",
        markdown([*head, "time, ours ÷ the model's own", *held], costs),
        f"Errors at {exact_tokens:,} video tokens.",
        markdown([*head, "attention", "gradient", "rounded attention", "rounded gradient"], exact),
    ]
    return "\n\n".join(parts)


def main(args: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=4096, help="of the video")
    parser.add_argument("--exact-tokens", type=int, default=2048, help="of the video, for the errors")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, help="folder for attention.md")
    options = parser.parse_args(args)
    torch.set_num_threads(1)
    text = report(options.tokens, options.exact_tokens, options.rounds)
    given = f"--tokens {options.tokens} --exact-tokens {options.exact_tokens} --rounds {options.rounds}"
    head = (
        f"# Reading the attention to objects\n\n`python benchmarks/attention.py {given}` on {datetime.now(UTC).date()}"
    )
    text = f"{head}; {machine()}\n\n{text}\n"
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "attention.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
