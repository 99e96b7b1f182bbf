"""What a pipeline draws its noise from."""

from collections.abc import Sequence

import torch

from ttom_pl.layout.form import short

Generators = torch.Generator | Sequence[torch.Generator] | None
"""As diffusers' pipelines take them."""


def generator_on(device: torch.device) -> torch.Generator:
    """Return what a pipeline on a device draws from when nobody gives it a generator: torch's own there."""
    if device.type == "cuda":
        torch.cuda.init()
        index = torch.cuda.current_device() if device.index is None else device.index
        return torch.cuda.default_generators[index]
    return torch.default_generator


def generators_for(generator: Generators, count: int) -> list[torch.Generator | None]:
    """Return the generator of each prompt: one that all draw from in turn, or one for each.

    Raises:
        ValueError: if it is no generator, or there are not as many as prompts.
    """
    if generator is None or isinstance(generator, torch.Generator):
        return [generator] * count
    if not isinstance(generator, Sequence) or not all(isinstance(item, torch.Generator) for item in generator):
        raise ValueError(f"generator is {short(generator)}; give a torch.Generator, or a list with one for each prompt")
    if len(generator) != count:
        raise ValueError(f"generator has {len(generator)} generators for {count} prompts; give one for each, or one")
    return list(generator)
