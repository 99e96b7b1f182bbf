"""The trainer of those who bring none."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning.pytorch import Trainer

from ttom_pl.rehearsal.notes import quieten_fits
from ttom_pl.rehearsal.processes import alone


def inner_trainer(device: torch.device) -> Trainer:
    """Return a silent trainer of one process on a device, which writes nothing."""
    quieten_fits()
    notes = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    level = notes.level
    notes.setLevel(logging.WARNING)
    try:
        return Trainer(
            accelerator=device.type,
            devices=1 if device.type in ("cpu", "mps") else [device.index or 0],
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            log_every_n_steps=1,
            plugins=alone(None),
        )
    finally:
        notes.setLevel(level)


@contextmanager
def within_a_program() -> Iterator[None]:
    """Have fits that suit a caller's program rather than a script.

    Gradients are on whatever the caller has switched off, and an interrupt is a ``KeyboardInterrupt``: Lightning makes
    it an end of the process, and has further ones ignored.
    """
    main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGINT)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGINT, handler)
