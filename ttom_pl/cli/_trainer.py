"""Whether a stream can use the trainer that a config asks for, told before anything is loaded."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer

from ttom_pl.rehearsal import check_trainer
from ttom_pl.rehearsal.trainer import why_not


def check_trainer_config(config: Namespace, sections: Mapping[str, str]) -> None:
    """Check the section ``trainer`` of a config: its settings by a trial, its callbacks by their classes.

    Args:
        config: the section.
        sections: callbacks that are there already, by the names of their classes, with the sections that set them.

    Raises:
        ValueError: for what Lightning or a stream would refuse later.
    """
    names = [str(callback.class_path) for callback in config.callbacks or ()]
    for path in names:
        name = path.rpartition(".")[2]
        if name in sections:
            raise ValueError(
                f"trainer.callbacks lists {name}; it is there already, set it in the section {sections[name]!r}"
            )
        kind = _class(path)
        reason = None if kind is None else why_not(kind, bool(config.logger))
        if reason is not None:
            raise ValueError(f"a stream cannot use the callback {name}: {reason}; take it out of trainer.callbacks")
        if names.count(path) > 1 and getattr(kind, "once", False):
            raise ValueError(f"the callback {name} is there {names.count(path)} times; list it once")
    plain: dict[str, Any] = {
        name: value
        for name, value in config.items()
        if name not in ("callbacks", "logger", "plugins") and not isinstance(value, Namespace)
    }
    try:
        trial = Trainer(**plain, logger=False, plugins=[LightningEnvironment()])
    except (MisconfigurationException, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"the trainer cannot be made: {str(error).strip()}; change the section 'trainer'") from error
    check_trainer(trial)


def _class(path: str) -> type[Callback] | None:
    module, _, name = path.rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
    return kind if isinstance(kind, type) and issubclass(kind, Callback) else None


__all__ = ["check_trainer_config"]
