"""Motions, and the paths that objects follow for them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Manner = Literal["steady", "fall", "throw", "bounce", "jump", "circle", "sway", "bob"]

_DIAGONAL = 0.8
_HEIGHT = 0.25
_RADIUS = 0.2
_NEAR, _FAR = 1.5, 0.6


@dataclass(frozen=True)
class Motion:
    """How an object moves, whatever the object.

    Attributes:
        moves: directions (x to the right, y downwards), each -1, 0 or 1, one after the other.
        places: (x, y) in the frame that the object passes, first to last; in place of ``moves``.
        manner: how it gets there.
        growth: 1 for an object that comes closer, -1 for one that goes away, 0 otherwise.
        reach: length of a move, relative to the usual one.
    """

    moves: tuple[tuple[int, int], ...] = ()
    places: tuple[tuple[float, float], ...] = ()
    manner: Manner = "steady"
    growth: int = 0
    reach: float = 1.0

    @property
    def is_still(self) -> bool:
        """Whether the object stays where it is."""
        return not self.moves and len(self.places) < 2 and self.manner == "steady"


def path(motion: Motion, num_keyframes: int, displacement: float) -> tuple[Floats, Floats]:
    """Return where the centre is at each keyframe and how large the object is then.

    Args:
        motion: the motion.
        num_keyframes: number of keyframes K.
        displacement: length of a move, as a fraction of the frame.

    Returns:
        Centres (K, 2), in the frame for a motion with ``places`` and relative to the start otherwise; sizes (K,),
        relative to the object's own.
    """
    time = np.linspace(0, 1, num_keyframes)
    if motion.places:
        stops = np.array(motion.places, dtype=float)
    else:
        steps = np.array(motion.moves, dtype=float).reshape(-1, 2)
        diagonal = np.abs(steps).sum(1, keepdims=True) > 1
        lengths = np.where(diagonal, _DIAGONAL, 1.0) * displacement * motion.reach
        stops = np.vstack([np.zeros((1, 2)), np.cumsum(steps * lengths, axis=0)])
    progress = time**2 if motion.manner == "fall" else time
    at = np.linspace(0, 1, len(stops)) if len(stops) > 1 else np.array([0.0])
    centers = np.stack([np.interp(progress, at, stops[:, axis]) for axis in (0, 1)], axis=-1)
    centers += _deviation(motion.manner, time)
    sizes = {1: np.linspace(_FAR, _NEAR, num_keyframes), -1: np.linspace(_NEAR, _FAR, num_keyframes)}
    return centers, sizes.get(motion.growth, np.ones(num_keyframes))


def _deviation(manner: Manner, time: Floats) -> Floats:
    """Return what a manner adds to the straight way, (K, 2)."""
    none = np.zeros_like(time)
    match manner:
        case "throw" | "jump":
            return np.stack([none, -_HEIGHT * np.sin(np.pi * time)], axis=-1)
        case "bounce":
            return np.stack([none, -_HEIGHT * np.abs(np.cos(2.5 * np.pi * time))], axis=-1)
        case "circle":
            return _RADIUS * np.stack([np.sin(2 * np.pi * time), -np.cos(2 * np.pi * time)], axis=-1)
        case "sway":
            return np.stack([_RADIUS * np.sin(2.5 * np.pi * time), none], axis=-1)
        case "bob":
            return np.stack([none, -_RADIUS * np.sin(2.5 * np.pi * time)], axis=-1)
        case _:
            return np.stack([none, none], axis=-1)
