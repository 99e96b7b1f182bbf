"""A progress bar over the stream."""

import sys
from typing import TYPE_CHECKING, Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.tto import LayoutTTO

if TYPE_CHECKING:
    from ttom_pl.stream import Served, Stream


class StreamProgress(StreamCallback, ProgressBar):
    """Show prompt, guided step, layout loss, memory decision and hit rate; takes the place of Lightning's bar."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None
        self._enabled = True

    def disable(self) -> None:
        """Switch off; Lightning calls this on all ranks but the first."""
        self._enabled = False

    def enable(self) -> None:
        """Switch on."""
        self._enabled = True

    def on_stream_start(self, stream: "Stream") -> None:
        """Show how many prompts are left."""
        total, left = len(stream.prompts), len(stream.requests)
        if left:
            self._bar = tqdm(
                total=total, initial=total - left, unit="prompt", file=sys.stderr, disable=not self._enabled
            )

    def on_prompt_start(self, served: "Served") -> None:
        """Show the prompt."""
        self._bar.set_description(served.prompt.text[:48])
        self._bar.set_postfix_str("encoding")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Show guided step and loss."""
        assert isinstance(pl_module, LayoutTTO)
        losses = pl_module.losses
        if self._bar is not None and losses[-1]:
            text = f"step {len(losses)}/{pl_module.guided_steps} loss {losses[-1][-1]:.3f}"
            self._bar.set_postfix_str(text, refresh=batch_idx == 0)

    def on_prompt_served(self, served: "Served") -> None:
        """Sum the prompt up."""
        losses = [loss for step in served.losses for loss in step]
        parts = [f"loss {losses[0]:.3f}→{losses[-1]:.3f}", f"{served.updates} iterations"] if losses else []
        if served.memory:
            decision = "hit" if served.memory["hit"] else "miss"
            parts.append(f"memory {decision}/{served.memory['write']}, hit rate {served.memory['hit_rate']:.0%}")
        self._bar.set_postfix_str(", ".join(parts), refresh=False)
        self._bar.update()
        if self._bar.n == self._bar.total:
            self._bar.close()  # before others say what they wrote

    def on_stream_end(self, stream: "Stream") -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
