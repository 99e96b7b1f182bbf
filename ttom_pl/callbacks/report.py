"""The run as a page."""

from lightning.pytorch.utilities import rank_zero_info

from ttom_pl.callbacks.base import StreamCallback, StreamInfo
from ttom_pl.report.page import keep_card, write_report
from ttom_pl.run import RESULTS, Result


class Report(StreamCallback):
    """Write ``report.html`` at the end of the stream, also after a stop; ``ttom report`` makes it anew.

    What is shown of a prompt is made when the prompt is served, and kept in ``report``.
    """

    once = True

    def on_stream_start(self, stream: StreamInfo) -> None:
        """Take note of where to write."""
        self._folder = stream.folder.path

    def on_prompt_served(self, result: Result) -> None:
        """Draw what the page will show of the prompt."""
        keep_card(self._folder, result)

    def on_stream_end(self, stream: StreamInfo) -> None:
        """Write the page from the files, so that it is whole after a run that was resumed."""
        if (stream.folder.path / RESULTS).is_file():
            rank_zero_info(f"report: {write_report(stream.folder.path)}")
