"""A stream is one process, whatever launched it."""

from typing import Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.utilities import rank_zero_only


def alone(plugins: Any) -> list[Any]:
    """Return the trainer's plugins, with an environment of one process where they name none.

    Lightning would take what it finds in the environment, SLURM's variables or torchrun's, as orders: a run of one
    device on a node of four tasks would not start, and one of rank 3 would say nothing.

    Args:
        plugins: as configured: none, one or a list.
    """
    configured = list(plugins) if isinstance(plugins, list | tuple) else [] if plugins is None else [plugins]
    if any(isinstance(plugin, ClusterEnvironment) for plugin in configured):
        return configured
    rank_zero_only.rank = 0  # type: ignore[attr-defined]
    return [*configured, LightningEnvironment()]
