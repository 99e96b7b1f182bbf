"""The stream: prompt after prompt through plan, memory, rehearsal, video and memory again."""

from ttom_pl.stream.path import Made, check_layout, clock, make_latents
from ttom_pl.stream.stream import Stream

__all__ = ["Made", "Stream", "check_layout", "clock", "make_latents"]
