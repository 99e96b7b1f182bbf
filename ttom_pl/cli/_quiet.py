"""Keep what libraries print at every start out of the way of what the user wants to see."""

import logging
import warnings

from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from ttom_pl.io.plain import plain_lines
from ttom_pl.io.redact import redact


def quieten() -> None:
    """Silence loading bars, tips and notes about how the CLI is called; warnings are shown without their source."""
    warnings.formatwarning = lambda message, *_: f"warning: {plain_lines(redact(message))}\n"
    warnings.filterwarnings("ignore", ".*args parameter is intended to run from within Python.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.*")
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not ("💡" in message or message.startswith(("GPU available", "TPU available", "HPU available")))
