"""How sure a mean is."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

_AT_ONCE = 4_000_000  # numbers that are drawn at a time, so that many prompts need no more memory than few


def mean_interval(values: NDArray[np.float64], resamples: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """Return the 95% percentile bootstrap interval of a mean; the mean itself where there is nothing to draw.

    Args:
        values: shape (N,), finite.
        resamples: draws.
        seed: seed of the draws.
    """
    if len(values) < 2 or np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=max(1, min(resamples, _AT_ONCE // len(values))),
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)
