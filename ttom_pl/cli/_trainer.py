"""Whether a stream can use the trainer that a config asks for, told before anything is loaded."""

import logging
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from jsonargparse import Namespace
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Callback, Trainer

from ttom_pl.rehearsal import check_trainer
from ttom_pl.rehearsal.trainer import why_not

_LEFT_OUT = frozenset(
    "logger callbacks plugins default_root_dir enable_progress_bar enable_model_summary "
    "deterministic benchmark model_registry".split()
)
"""What makes files or prints, what needs its classes made, and what cannot be wrong but would change the process."""


def check_trainer_config(config: Namespace, sections: Mapping[str, str]) -> None:
    """Check the section ``trainer`` of a config: its settings by a trial, its callbacks by their classes.

    Args:
        config: the section, its classes not yet made; settings that are classes are left out.
        sections: callbacks that are there already, by the names of their classes, with the sections that set them.

    Raises:
        ValueError: for what Lightning or a stream would refuse later; the message names the settings that are to blame.
    """
    _check_callbacks([str(callback.class_path) for callback in config.callbacks or ()], bool(config.logger), sections)
    asked = {
        name: value
        for name, value in config.items()
        if name not in _LEFT_OUT and value is not None and isinstance(value, bool | int | float | str | list)
    }
    trial = _trial(asked)
    if isinstance(trial, Trainer):
        check_trainer(trial)
        return
    blamed = [name for name in asked if isinstance(_trial({k: v for k, v in asked.items() if k != name}), Trainer)]
    shown = ", ".join(f"trainer.{name} {asked[name]}" for name in blamed) or "the settings of the trainer"
    raise ValueError(f"{shown} cannot be used here: {trial}; change it, or leave it out") from None


def _check_callbacks(names: Sequence[str], logs: bool, sections: Mapping[str, str]) -> None:
    for path in names:
        name = path.rpartition(".")[2]
        if name in sections:
            raise ValueError(
                f"trainer.callbacks lists {name}; it is there already, set it in the section {sections[name]!r}"
            )
        kind = _class(path)
        reason = None if kind is None else why_not(kind, logs)
        if reason is not None:
            raise ValueError(f"a stream cannot use the callback {name}: {reason}; take it out of trainer.callbacks")
        if names.count(path) > 1 and getattr(kind, "once", False):
            raise ValueError(f"the callback {name} is there {names.count(path)} times; list it once")


def _class(path: str) -> type[Callback] | None:
    module, _, name = path.rpartition(".")
    try:
        kind = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        return None
    return kind if isinstance(kind, type) and issubclass(kind, Callback) else None


def _trial(settings: Mapping[str, Any]) -> Trainer | str:
    """Return a trainer with the settings, or why none can be made."""
    notes = logging.getLogger("lightning.pytorch")
    level = notes.level
    notes.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Trainer(
                **({"enable_checkpointing": False} | dict(settings)),
                plugins=[LightningEnvironment()],
                logger=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
    except Exception as error:  # of many kinds, MisconfigurationException and TypeError among them
        lines = [line.strip().rstrip(".!") for line in str(error).split("\n")]
        return next(filter(None, lines), type(error).__name__)
    finally:
        notes.setLevel(level)


__all__ = ["check_trainer_config"]
