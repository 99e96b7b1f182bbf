"""What a pipeline is made of: parts with weights, and the blocks of its transformers."""

from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Blocks:
    """The blocks of a family of transformers, in the order of the forward pass.

    Attributes:
        lists: names of the lists that hold them; blocks are counted through all lists.
    """

    lists: tuple[str, ...] = ("transformer_blocks",)

    def of(self, transformer: Any) -> list[nn.Module]:
        """Return the blocks of a transformer."""
        return [block for name in self.lists for block in getattr(transformer, name)]

    def names(self, transformer: Any) -> list[str]:
        """Return the names of its blocks, e.g. ``transformer_blocks.3``."""
        return [f"{name}.{number}" for name in self.lists for number in range(len(getattr(transformer, name)))]


def modules_of(pipe: Any) -> dict[str, nn.Module]:
    """Return the parts of a pipeline that have weights, by their names."""
    return {name: part for name, part in pipe.components.items() if isinstance(part, nn.Module)}
