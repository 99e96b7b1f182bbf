"""What answers a scene, and what of a rehearsal is worth remembering: rules over records, without any effect."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from ttom_pl.io.ranges import check_range
from ttom_pl.memory import Entry, Match
from ttom_pl.recall.records import Read, Write
from ttom_pl.scene import Fit


@dataclass(frozen=True)
class RecallPolicy:
    """Which entries answer a scene, and how far it is rehearsed from what they hold.

    Attributes:
        threshold: least cosine similarity of keys for a hit.
        k: nearest entries above the threshold that are blended by similarity; 1 is the paper's.
        min_merged: prompts that an entry must have been learnt from, and merged into it, before it answers. Until then
            those of its scene are rehearsed from neutral adapters, as misses: their mean serves other prompts better
            than any one of them. A memory that is only read answers with what it has.
        iterations: iterations in a guided step, at most, for a hit: 0 uses what was loaded as it is, and not given it
            may take as many as a miss.
        verified_loss: layout loss at the first step under which a hit is used as it is, after one forward pass with
            what was loaded; not looked at when not given.
        adapter: share of the remembered adapter that a hit starts from; 0 starts from a neutral one.
        shift: share of the remembered shifts of the latents that a hit starts from, where latents are moved.

    Raises:
        ValueError: if a number is out of its range.
    """

    threshold: float = 0.9
    k: int = 1
    min_merged: int = 1
    iterations: int | None = None
    verified_loss: float | None = None
    adapter: float = 1.0
    shift: float = 1.0

    def __post_init__(self) -> None:
        check_range("memory.recall.threshold", self.threshold, above=0, most=1, meaning="a cosine similarity")
        check_range("memory.recall.k", self.k, least=1, meaning="entries to blend")
        check_range("memory.recall.min_merged", self.min_merged, least=1, meaning="1 lets entries answer at once")
        check_range("memory.recall.iterations", self.iterations, least=0, meaning="0 uses hits as they are")
        check_range("memory.recall.verified_loss", self.verified_loss, least=0)
        check_range("memory.recall.adapter", self.adapter, least=0, most=1, meaning="a share")
        check_range("memory.recall.shift", self.shift, least=0, most=1, meaning="a share")

    def answers(self, found: Sequence[Match]) -> list[Match]:
        """Return those of the nearest entries that answer; none while the nearest is young."""
        if not found or self.is_young(found[0].entry):
            return []
        return [match for match in found if not self.is_young(match.entry)]

    def is_young(self, entry: Entry) -> bool:
        """Whether an entry was learnt from too few prompts to answer."""
        return entry.merged < self.min_merged


@dataclass(frozen=True)
class KeepPolicy:
    """What of a rehearsal is remembered.

    Attributes:
        min_gain: least relative fall of the layout loss from the first to the last for an adapter to be remembered.
        merge_threshold: similarity from which a hit is merged into its entry; what was learnt from a less similar one
            becomes an entry of its own, with those that it started from as parents. All hits are merged when not given.
        dtype: precision of remembered adapters; shifts of the latents are float16.
        shift_steps: guided steps, from the first, whose shifts of the latents are remembered, where latents are moved;
            those of all when not given. Most of a shift is made in the first.
        attention: keep small attention maps without and with the adapter in each entry, for ``ttom memory show``.

    Raises:
        ValueError: if a number is no number.
    """

    min_gain: float = 0.1
    merge_threshold: float | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    shift_steps: int | None = None
    attention: bool = True

    def __post_init__(self) -> None:
        check_range("memory.keep.min_gain", self.min_gain, meaning="a share of the loss")
        check_range("memory.keep.merge_threshold", self.merge_threshold, least=-1, meaning="a cosine similarity")
        check_range("memory.keep.shift_steps", self.shift_steps, least=0, meaning="0 remembers adapters alone")

    def write(self, read: Read, known: Sequence[Match], hit: bool, fit: Fit) -> tuple[Write, str]:
        """Return what becomes of what a rehearsal has learnt, and why.

        Args:
            read: how the memory's answer was used.
            known: entries of similar scenes.
            hit: whether they answered.
            fit: the rehearsal.
        """
        if fit.updates == 0:
            return "none", read if hit else "nothing was optimised"
        learnt = [*fit.learnt.values(), *fit.shifts]
        worth, reason = worth_keeping(fit.iterations, learnt, self.min_gain)
        if not worth:
            return "none", reason
        merged = known and (self.merge_threshold is None or known[0].similarity >= self.merge_threshold)
        return "update" if merged else "insert", reason


def hit_read(iterations: int | None, fit: Fit) -> Read:
    """Return how a hit was used.

    Args:
        iterations: what the policy lets a hit take.
        fit: its rehearsal.
    """
    if iterations == 0:
        return "used as it is"
    return "verified hit" if fit.verified else "warm start"


def worth_keeping(losses: Sequence[float], learnt: Sequence[Tensor], min_gain: float) -> tuple[bool, str]:
    """Return whether what was learnt may be remembered, and why.

    Args:
        losses: layout loss of each iteration, at least one.
        learnt: adapter and shifts.
        min_gain: least relative fall of the loss from the first iteration to the last.
    """
    gain = 1 - losses[-1] / losses[0] if losses[0] > 0 else 0.0
    if not math.isfinite(gain) or not all(tensor.isfinite().all() for tensor in learnt):
        return False, "the fit diverged: its loss or what it learnt is not finite"
    if gain < min_gain:
        return False, f"the loss fell by {gain:.0%}, less than {min_gain:.0%}"
    return True, f"the loss fell by {gain:.0%}"


def iterations_saved(entry: Entry, updates: int, most: int) -> int:
    """Return how many iterations fewer than its scene without a memory a hit took.

    Args:
        entry: the nearest entry, which knows what its scene took.
        updates: iterations of the hit.
        most: what a scene is taken to need where the entry does not know.
    """
    cold = entry.extra.get("cold_iterations")
    return max(0, (cold if isinstance(cold, int) else most) - updates)
