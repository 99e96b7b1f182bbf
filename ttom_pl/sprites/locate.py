"""Where a Sprites video shows the objects of a prompt."""

from collections.abc import Sequence

from torch import Tensor

from ttom_pl.layout import Box
from ttom_pl.sprites.detector import detect_tracks
from ttom_pl.sprites.scoring import MIN_COVERAGE
from ttom_pl.sprites.world import COLORS, SHAPES


def locate_sprites(video: Tensor, phrases: Sequence[str]) -> list[list[list[Box]]]:
    """Return the boxes at which the exact detector sees what phrases name.

    An object answers a phrase by its colour, if the phrase names one; of those, the ones of its shape do, unless there
    are none: a model that draws a red circle for "a red square" has drawn it there.

    Args:
        video: shape (F, 3, H, W) in [0, 1].
        phrases: what to look for, e.g. ``["a red circle"]``.

    Returns:
        For each phrase, for each frame, the boxes (x0, y0, x1, y1) as fractions of the frame.

    Raises:
        ValueError: if a phrase names no colour and no shape of the Sprites world.
    """
    looks = [_look(phrase) for phrase in phrases]
    seen = [track for track in detect_tracks(video) if track.coverage >= MIN_COVERAGE]
    height, width = video.shape[2:]
    found = []
    for color, shape in looks:
        own = [track for track in seen if color in (None, track.color)]
        own = [track for track in own if shape in (None, track.shape)] or (own if color else [])
        frames: list[list[Box]] = [[] for _ in range(len(video))]
        for track in own:
            for frame, detection in zip(frames, track.detections, strict=True):
                if detection is not None:
                    x0, y0, x1, y1 = detection.box
                    frame.append((x0 / width, y0 / height, x1 / width, y1 / height))
        found.append(frames)
    return found


def _look(phrase: str) -> tuple[str | None, str | None]:
    words = [word.strip(".,").removesuffix("s") for word in phrase.lower().split()]
    color = next((word for word in words if word in COLORS), None)
    shape = next((word for word in words if word in SHAPES), None)
    if color is None and shape is None:
        raise ValueError(
            f"the phrase {phrase!r} names no colour and no shape of the Sprites world; "
            f"name {', '.join(COLORS)} or {', '.join(SHAPES)}, or use another detector"
        )
    return color, shape
