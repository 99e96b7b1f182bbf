"""Which blocks of a model the layout loss should read."""

from ttom_pl.probe.agreement import probe_agreement
from ttom_pl.probe.measure import probe
from ttom_pl.probe.result import ProbeResult

__all__ = ["ProbeResult", "probe", "probe_agreement"]
