"""What a misspelt word may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'iterations'"`` for a word that is nearly a known one, else an empty text.

    Args:
        word: what was typed.
        known: what there is.
    """
    close = get_close_matches(word, list(dict.fromkeys(known)), n=1, cutoff=0.75)
    return f"; did you mean {close[0]!r}" if close else ""


__all__ = ["did_you_mean"]
