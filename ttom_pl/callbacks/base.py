"""Lightning callbacks that also follow the stream."""

from typing import TYPE_CHECKING

from lightning.pytorch import Callback

if TYPE_CHECKING:
    from ttom_pl.stream import Served, Stream


class StreamCallback(Callback):
    """A Lightning callback with hooks around each prompt; the Trainer's own hooks cover the fit inside.

    Hooks run in the order in which the callbacks are listed, by the command line the video writer and the memory last.
    """

    def on_stream_start(self, stream: "Stream") -> None:
        """Called once, when all prompts are planned and before the first is served."""

    def on_prompt_start(self, served: "Served") -> None:
        """Called before a prompt is encoded."""

    def on_prompt_end(self, served: "Served") -> None:
        """Called when a prompt's video exists, before its result is written."""

    def on_prompt_served(self, served: "Served") -> None:
        """Called when the prompt's result is on disk."""

    def on_stream_end(self, stream: "Stream") -> None:
        """Called once at the end, also after an error or an interrupt, if ``on_stream_start`` went well.

        The last callback of the list is called first, and all are called even if one fails.
        """
