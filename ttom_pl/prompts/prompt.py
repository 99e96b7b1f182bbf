"""One prompt, as the readers of files give it and the stream takes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ttom_pl.layout.schema import Layout


class PromptError(ValueError):
    """A prompt file that cannot be read; the message names the file, the line and what is wrong."""


@dataclass(frozen=True)
class Prompt:
    """One prompt of a stream.

    Attributes:
        id: its name in the stream, unique; files are named after the position, never after the id.
        text: the prompt, from which the layout is planned.
        layout: a layout made by hand or by another planner; ``None`` where the stream's planner shall make it.
        metadata: what else the file says about the prompt, e.g. the objects and directions of T2V-CompBench.
        note: why a layout that the file has for the prompt cannot be used; empty where it can, or where there is none.
        image: the image that an image-to-video model starts from.
        long: the prompt that the video is made from, where it is another one: longer, with the same objects.
        sample: number of the video among those that are made of the prompt, from 0.
        sample_of: id of the prompt that this is a sample of; empty where one video is made of it.
    """

    id: str
    text: str
    layout: Layout | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)
    note: str = ""
    image: Path | None = None
    long: str = ""
    sample: int = 0
    sample_of: str = ""

    @property
    def source(self) -> str:
        """The id that the prompt has in its file, which all of its samples share."""
        return self.sample_of or self.id


def sampled(prompts: Sequence[Prompt], samples: int) -> list[Prompt]:
    """Return each prompt so many times, its samples one after the other, each with an id of its own.

    Args:
        prompts: the prompts of a file.
        samples: videos of each, at least 1. Of one, the prompts are returned as they are.
    """
    if samples == 1:
        return list(prompts)
    # No two ids become the same, since all of them end with a number now.
    return [replace(p, id=f"{p.id}-{s}", sample=s, sample_of=p.id) for p in prompts for s in range(samples)]


def first(prompts: Sequence[Prompt], limit: int | None) -> list[Prompt]:
    """Return so many prompts from the start, or all of them.

    Raises:
        ValueError: if the limit is less than 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}; it is how many prompts to take from the start, at least 1")
    return list(prompts[:limit])
