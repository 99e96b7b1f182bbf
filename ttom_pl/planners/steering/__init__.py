"""Steering the objects of a layout in another prompt than the one it was planned from."""

from ttom_pl.planners.steering.steer import steer_in

__all__ = ["steer_in"]
