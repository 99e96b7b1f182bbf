"""Which blocks of a model the layout loss should read."""

from ttom_pl.probe.measure import probe
from ttom_pl.probe.plot import write_heat_map
from ttom_pl.probe.result import ProbeResult

__all__ = ["ProbeResult", "probe", "write_heat_map"]
