"""A progress bar over the stream."""

import sys
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm

from ttom_pl.callbacks.base import StreamCallback, StreamInfo
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Result
from ttom_pl.run.request import Request


class StreamProgress(StreamCallback, ProgressBar):
    """Show prompt, guided step, layout loss, memory decision and hit rate; takes the place of Lightning's bar."""

    once = True

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

    def on_stream_start(self, stream: StreamInfo) -> None:
        """Show how many prompts are left."""
        total, left = len(stream.prompts), len(stream.requests)
        if left:
            self._bar = tqdm(
                total=total, initial=total - left, unit="prompt", file=sys.stderr, disable=not self._enabled
            )

    def on_prompt_start(self, request: Request) -> None:
        """Show the prompt."""
        self._bar.set_description(request.prompt.text[:48])
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

    def on_prompt_served(self, result: Result) -> None:
        """Sum the prompt up."""
        losses, memory = result.iterations, result.memory
        parts = [f"loss {losses[0]:.3f}→{losses[-1]:.3f}", f"{result.updates} iterations"] if losses else []
        if memory is not None:
            decision = "hit" if memory.hit else "miss"
            parts.append(f"memory {decision}/{memory.write}, hit rate {memory.hit_rate:.0%}")
        self._bar.set_postfix_str(", ".join(parts), refresh=False)
        self._bar.update()
        if self._bar.n == self._bar.total:
            self._bar.close()  # before others say what they wrote

    def on_stream_end(self, stream: StreamInfo) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
