"""What Lightning prints at each fit, of which there is one for every prompt."""

import logging


def quieten_fits() -> None:
    """Drop the notes that Lightning prints at each fit."""
    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    if _is_news not in logger.filters:
        logger.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("`Trainer.fit` stopped")
