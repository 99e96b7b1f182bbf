"""The run as a page."""

from lightning.pytorch.utilities import rank_zero_info

from ttom_pl.callbacks.base import StreamCallback, StreamInfo
from ttom_pl.report import write_report
from ttom_pl.run import RESULTS


class Report(StreamCallback):
    """Write ``report.html`` at the end of the stream, also after a stop; ``ttom report`` makes it anew."""

    once = True

    def on_stream_end(self, stream: StreamInfo) -> None:
        """Write the page from the files, so that it is whole after a run that was resumed."""
        if (stream.folder.path / RESULTS).is_file():
            rank_zero_info(f"report: {write_report(stream.folder.path)}")
