"""The front door from Python: TTOM around a diffusers pipeline."""

from ttom_pl.front.output import TTOMOutput
from ttom_pl.front.ttom import TTOM

__all__ = ["TTOM", "TTOMOutput"]
