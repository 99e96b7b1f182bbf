"""A stream is one process, whatever launched it: what asks for more is refused before the model is loaded."""

from collections.abc import Mapping
from typing import Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ParallelStrategy
from lightning.pytorch.utilities import rank_zero_only


def check_processes(trainer: Mapping[str, Any]) -> None:
    """Refuse trainer settings that come to several processes, each of which would serve every prompt.

    The trainer itself says how many they are, on the devices of this machine: ``devices`` may be a number, a list, a
    word or ``auto``.

    Args:
        trainer: the section ``trainer`` of the config, its classes not yet made.

    Raises:
        ValueError: if there are several, if the strategy is one of several, or if there are no such devices.
    """
    given = {key: trainer.get(key) for key in ("accelerator", "strategy", "devices", "num_nodes")}
    asked: dict[str, Any] = {key: value for key, value in given.items() if isinstance(value, str | int | list)}
    try:
        tried = Trainer(**asked, **_QUIET, plugins=[LightningEnvironment()])
    except MisconfigurationException as error:
        raise ValueError(f"the trainer cannot be made: {error}") from error
    if tried.world_size != 1:
        settings = ", ".join(f"trainer.{key} {value}" for key, value in asked.items())
        raise ValueError(
            f"{settings} come to {tried.world_size} processes, each of which would serve every prompt; "
            "set trainer.devices and trainer.num_nodes to 1"
        )
    if isinstance(tried.strategy, ParallelStrategy):
        raise ValueError(
            f"trainer.strategy {asked.get('strategy')!r} is made for several processes, and a stream is one; "
            "leave it at 'auto'"
        )


_QUIET: dict[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


def alone(plugins: Any) -> list[Any]:
    """Return the trainer's plugins, with an environment of one process where they name none.

    Lightning would take what it finds in the environment, SLURM's variables or torchrun's, as orders: a run of one
    device on a node of four tasks would not start, and one of rank 3 would say nothing.

    Args:
        plugins: as configured: none, one or a list.
    """
    given = list(plugins) if isinstance(plugins, list | tuple) else [] if plugins is None else [plugins]
    if any(isinstance(each, ClusterEnvironment) for each in given):
        return given
    rank_zero_only.rank = 0  # type: ignore[attr-defined]
    return [*given, LightningEnvironment()]
