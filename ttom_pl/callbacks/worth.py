"""What of a rehearsal is worth remembering, and what a hit was worth."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from ttom_pl.memory import Entry


def worth_keeping(losses: Sequence[float], learnt: Mapping[str, Tensor], min_gain: float) -> tuple[bool, str]:
    """Return whether an adapter may be remembered, and why.

    Args:
        losses: layout loss of each iteration, at least one.
        learnt: the adapter.
        min_gain: least relative fall of the loss from the first iteration to the last.
    """
    gain = 1 - losses[-1] / losses[0] if losses[0] > 0 else 0.0
    if not math.isfinite(gain) or not all(tensor.isfinite().all() for tensor in learnt.values()):
        return False, "the fit diverged: its loss or its adapter is not finite"
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
