"""Trainer settings that Lightning refuses, refused by name before the model is loaded."""

import logging
import warnings
from collections.abc import Mapping
from typing import Any

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Trainer

_LEFT_OUT = frozenset(
    "logger callbacks plugins default_root_dir enable_checkpointing enable_progress_bar enable_model_summary "
    "deterministic benchmark model_registry".split()
)
"""What makes files or prints, what needs its classes made, and what cannot be wrong but would change the process."""


def check_trainer(settings: Mapping[str, Any]) -> None:
    """Make a trainer of the settings as they are in a config, and refuse what Lightning refuses.

    Args:
        settings: the section ``trainer`` of a config, its classes not yet made; those that are classes are left out.

    Raises:
        ValueError: if no trainer can be made; the message names the settings that are to blame.
    """
    asked = {
        name: value
        for name, value in dict(settings).items()
        if name not in _LEFT_OUT and value is not None and isinstance(value, bool | int | float | str | list)
    }
    refused = _refusal(asked)
    if refused is None:
        return
    blamed = [name for name in asked if _refusal({k: v for k, v in asked.items() if k != name}) is None]
    shown = ", ".join(f"trainer.{name} {asked[name]}" for name in blamed) or "the settings of the trainer"
    raise ValueError(f"{shown} cannot be used here: {refused}; change it, or leave it out") from None


def _refusal(settings: Mapping[str, Any]) -> str | None:
    """Return why no trainer can be made of the settings; ``None`` if one can."""
    notes = logging.getLogger("lightning.pytorch")
    level = notes.level
    notes.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Trainer(
                **settings,
                plugins=[LightningEnvironment()],
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
            )
    except Exception as error:  # of many kinds, MisconfigurationException and TypeError among them
        lines = [line.strip().rstrip(".!") for line in str(error).split("\n")]
        return next(filter(None, lines), type(error).__name__)
    finally:
        notes.setLevel(level)
    return None


__all__ = ["check_trainer"]
