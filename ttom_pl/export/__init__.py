"""What other tools need to use an exported adapter as it was learnt."""

from ttom_pl.export.first_steps import FirstSteps, first_steps

__all__ = ["FirstSteps", "first_steps"]
