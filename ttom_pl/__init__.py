"""Test-time optimisation and memorisation for compositional video generation, on PyTorch Lightning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ttom_pl.front import TTOM

__all__ = ["TTOM"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # only when asked for: it brings torch, diffusers and Lightning
        return getattr(import_module("ttom_pl.front"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
