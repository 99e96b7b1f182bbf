"""What a command has to do with the terminal and the system: its output, its end."""

import codecs
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

_ESCAPE = "ttom_escape"


def make_printable() -> None:
    r"""Let standard output and error take any text: what their encoding lacks is written as JSON does it, ``\u2026``.

    So both texts and JSON can be printed by a terminal, a pipe or a log that is ASCII alone.
    """
    codecs.register_error(_ESCAPE, _escaped)
    for stream in (sys.stdout, sys.stderr):
        _reconfigure(stream)


def _reconfigure(stream: TextIO) -> None:
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=_ESCAPE)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    codes = [text[i : i + 1].encode("utf-16-be", "surrogatepass").hex() for i in range(len(text))]
    units = [code[i : i + 4] for code in codes for i in range(0, len(code), 4)]
    return "".join(f"\\u{unit}" for unit in units), error.end


def drop_output() -> None:
    """Let the interpreter flush into nothing at exit: the reader of our output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def flush_output() -> None:
    """Write what was printed so far; if that cannot be, let it go."""
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()


@contextmanager
def stopping_at_sigterm() -> Iterator[list[int]]:
    """Make SIGTERM end what is done as Ctrl-C does, with everything closed and nothing torn.

    Yields:
        A list that the signal is in once it came. It stays empty where the signal cannot be taken: in another thread,
        or where somebody else has taken it.
    """
    came: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        came.append(number)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second one ends it at once
        raise KeyboardInterrupt

    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if mine:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield came
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


__all__ = ["drop_output", "flush_output", "make_printable", "stopping_at_sigterm"]
