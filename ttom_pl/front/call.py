"""One prompt of a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ttom_pl.backbones import Picture, Settings
from ttom_pl.backbones.step_end import Callback
from ttom_pl.layout import Layout
from ttom_pl.layout.form import short
from ttom_pl.rehearsal import Method


@dataclass(frozen=True)
class Call:
    """What is asked for one prompt.

    Attributes:
        prompt: the prompt as the caller gave it.
        layout: where its objects are to be; ``None`` for a plain video that needs none.
        plain: whether the video is the plain model's.
        method: what happens in the guided steps otherwise.
        settings: sizes, steps and guidance.
        generator: what the noise is drawn from; torch's own where there is none.
        image: what the video starts from, where the model wants an image.
        output_type: form of the frames.
        callback: told at the end of each step, if there is one.
        inputs: names of the tensors that it is given.
        seconds: what each stage took.
    """

    prompt: str
    layout: Layout | None
    plain: bool
    method: Method
    settings: Settings
    generator: torch.Generator | None
    image: Picture | None
    output_type: str
    callback: Callback | None
    inputs: tuple[str, ...]
    seconds: dict[str, float]


def check_prompt(prompt: Any, name: str = "prompt") -> None:
    """Raise ``ValueError`` if a prompt is no text."""
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError(f"{name} is {short(prompt)}; give a text, or a list of texts")


def one_for_each(name: str, value: Any, count: int) -> list[Any]:
    """Return the value of an argument for each prompt: the same for all, or those of a list.

    Raises:
        ValueError: if the list has not one for each prompt.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{name} is a list of {len(value)} for {count} prompts; give one for each, or one for all")
    return list(value)
