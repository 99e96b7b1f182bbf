"""Files that are there whole or not at all: written beside what they replace, and renamed when they are finished."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

UNFINISHED = ".unfinished"
"""Ending of files that are being written; what a kill leaves of one is neither read nor mistaken for another file."""


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a file to write, which takes the place of another one when the block ends without an exception.

    Until then the other one stays as it was; what was written so far is removed when the block fails. A link is
    followed, and permissions are kept. What is no file, such as a pipe or ``/dev/stdout``, is written to as it is.

    Args:
        path: the file to replace or make; its folder must exist.

    Yields:
        The file to write, in the same folder. Its ending is :data:`UNFINISHED`: say the format to libraries that would
        take it from there.

    Raises:
        OSError: if the folder or the file that is there may not be written.
    """
    path = Path(path)
    target = path.resolve() if path.is_symlink() else path
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        yield path
        return
    if mode is not None:
        with target.open("r+b"):  # a protected file stays protected, and a folder is none
            pass
    unfinished = _beside(target)
    try:
        unfinished.touch(exist_ok=False)
        yield unfinished
        if mode is not None:
            with suppress(OSError):
                unfinished.chmod(stat.S_IMODE(mode))
        _to_disk(unfinished)
        unfinished.replace(target)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and str(error.filename) in (str(unfinished), "None"):
            with suppress(AttributeError):  # libraries have their own kinds of it
                error.filename = str(path)  # the name that the user knows
        raise


@contextmanager
def replacing_in(folder: Path | str) -> Iterator[Path]:
    """Give an empty folder to fill, whose files take their places in another one when the block ends well.

    Nothing in the other folder changes before all files are written; files that have other names stay there.

    Args:
        folder: the folder to fill; made when missing.

    Yields:
        The empty folder, beside the other one.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(folder)
    try:
        unfinished.mkdir()
        yield unfinished
        written = sorted(path for path in unfinished.rglob("*") if path.is_file())
        for path in written:
            _to_disk(path)
        for path in written:
            place = folder / path.relative_to(unfinished)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_text(path: Path | str, text: str) -> None:
    """Write a text file as UTF-8, in place of what is there, as :func:`replacing` does."""
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write a file, in place of what is there, as :func:`replacing` does."""
    with replacing(path) as unfinished:
        unfinished.write_bytes(data)


def _beside(path: Path) -> Path:
    """Return an unused name in the same folder, which file systems take also where they just take the path's own."""
    name = os.fsencode(path.name)[:200].decode(errors="ignore")
    return path.with_name(f"{name}.{secrets.token_hex(4)}{UNFINISHED}")


def _to_disk(path: Path) -> None:
    """Wait until a file is on disk, so that a power cut cannot leave its new name with nothing in it."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = ["UNFINISHED", "replacing", "replacing_in", "write_bytes", "write_text"]
