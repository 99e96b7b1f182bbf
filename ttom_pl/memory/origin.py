"""What an entry was learnt on: the model, and how it sampled."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

_TEXT = 256
_LARGEST = 1_000_000
_KINDS: Mapping[type, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float)}


@dataclass(frozen=True)
class Origin:
    """The model that an entry was learnt on, and how it sampled; entries of earlier versions do not say.

    Attributes:
        model: its name, such as an id on the Hugging Face hub, or the last part of its folder.
        pipeline: class of the pipeline.
        experts: transformers that take turns; the first, of the noisy steps, is the adapted one.
        steps: denoising steps of a video.
        height: pixels.
        width: pixels.
        frames: frames of a video.
        fps: frames per second.
        guidance: scale of classifier-free guidance.
        shift: shift of the noise schedule, where it has one.
        boundary: share of the noise schedule, from 0 to 1, above which the first of two experts is asked.

    Raises:
        ValueError: if a text is too long or a number out of all ranges.
    """

    model: str = ""
    pipeline: str = ""
    experts: int = 1
    steps: int = 0
    height: int = 0
    width: int = 0
    frames: int = 0
    fps: int = 0
    guidance: float = 1.0
    shift: float | None = None
    boundary: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, str):
                if len(value) > _TEXT:
                    raise ValueError(f"{name} has {len(value)} characters, more than {_TEXT}")
            elif value is not None and not (math.isfinite(value) and 0 <= value <= _LARGEST):
                raise ValueError(f"{name} is {value}, not from 0 to {_LARGEST}")

    @property
    def expert(self) -> str:
        """Which transformer is adapted; the first of two takes the noisy steps."""
        return "the first of two" if self.experts > 1 else "the only"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Read the JSON form, of this version or another.

        Raises:
            ValueError: if a field is of another type or out of its range.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"it is no object but {type(data).__name__}")
        known: dict[str, Any] = {}
        for column in fields(cls):
            if column.name not in data:
                continue
            value = data[column.name]
            kinds = _KINDS.get(type(column.default), (int, float, type(None)))
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise ValueError(f"its {column.name} is {type(value).__name__}")
            known[column.name] = value
        return cls(**known)


def origin_of(extra: Mapping[str, Any]) -> Origin | None:
    """Return what an entry says of its model in what its caller keeps; ``None`` if that is nothing.

    Raises:
        ValueError: if it says something that no model has.
    """
    return Origin.from_dict(extra["model"]) if "model" in extra else None


__all__ = ["Origin", "origin_of"]
