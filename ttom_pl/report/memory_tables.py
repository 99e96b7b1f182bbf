"""A memory as plain text: tables and facts for people, with nothing in them that a terminal would obey."""

import math
import time
from collections.abc import Mapping, Sequence

from ttom_pl.io.plain import plain
from ttom_pl.memory.entry import Entry, first_steps
from ttom_pl.memory.history import Window

_BAR = 24


def entry_table(entries: Sequence[Entry]) -> str:
    """Return a line for each entry."""
    rows = [
        [e.id, str(e.hits), str(e.iterations_saved), _losses(e), size(e.nbytes), _date(e.last_used), e.key_text]
        for e in entries
    ]
    return _table(["id", "hits", "saved", "loss", "size", "last used", "scene"], rows)


def entry_facts(entry: Entry) -> str:
    """Return where an entry comes from and how it was used, a fact a line."""
    spec = entry.spec
    facts = {
        "id": entry.id,
        "scene": entry.key_text,
        "prompt": entry.prompt,
        "backbone": entry.fingerprint,
        "adapter": f"rank {spec.rank}, alpha {spec.alpha:g}, {len(spec.target_modules)} layers, {size(entry.nbytes)}",
        "shift": _shift(spec.shift),
        "active": f"in {first_steps(spec.active_steps)} only",
        "loss": _losses(entry),
        "iterations": f"{entry.iterations} spent, {entry.iterations_saved} saved",
        "hits": str(entry.hits),
        "merged": f"{entry.merged} adapters, weight {entry.weight:.3g}",
        "created": _date(entry.created),
        "last used": _date(entry.last_used),
        "started from": ", ".join(entry.parents) or "the neutral adapter",
        "SHA-256": entry.content_hash,
    }
    return "\n".join(f"{name:<13} {plain(value)}" for name, value in facts.items())


def _shift(shape: Sequence[int]) -> str:
    if not shape:
        return "none"
    steps, *latents = shape
    return f"of the latents, {'×'.join(map(str, latents))}, before {first_steps(steps)} (in the size above)"


def norm_table(norms: Mapping[str, float]) -> str:
    """Return a line with a bar for each block."""
    top = max(norms.values(), default=0.0)
    return _table(["block", "norm", ""], [[name, f"{norm:.4g}", _bar(norm, top)] for name, norm in norms.items()])


def window_table(windows: Sequence[Window]) -> str:
    """Return a line with a bar for each window of the history."""
    rows = [
        [f"{w.first}-{w.last}", _date(w.start), f"{w.hit_rate:.0%}", _bar(w.hit_rate, 1.0), str(w.iterations_saved)]
        for w in windows
    ]
    return _table(["prompts", "from", "hit rate", "", "iterations saved"], rows)


def size(nbytes: int) -> str:
    """Return a number of bytes for people."""
    return f"{nbytes / 1e6:.1f} MB" if nbytes >= 1e6 else f"{nbytes / 1e3:.1f} kB"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rows = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (heads, *rows))
    return "\n".join(line.rstrip() for line in lines)


def _bar(value: float, top: float) -> str:
    return "█" * round(_BAR * value / top) if 0 < top < math.inf and value <= top else ""


def _losses(entry: Entry) -> str:
    known = [loss for loss in (entry.loss_before, entry.loss_after) if loss is not None]
    return " → ".join(f"{loss:.3f}" for loss in known) or "unknown"


def _date(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # of an entry from elsewhere
        return "unknown"


__all__ = ["entry_facts", "entry_table", "norm_table", "size", "window_table"]
