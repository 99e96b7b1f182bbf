"""What users can cause, in a line: one place for all commands."""

import errno
import pickle
import re
import sqlite3
import zipfile
from argparse import ArgumentError

import yaml

from ttom_pl.io.plain import plain_lines
from ttom_pl.io.redact import redact

_REMEDIES = {
    errno.ENOSPC: "make room, then give the same command again",
    errno.EDQUOT: "make room, then give the same command again",
    errno.EFBIG: "make room, or let files grow further (ulimit -f), then give the same command again",
    errno.EROFS: "nothing can be written there; choose another place",
    errno.EACCES: "get the permission, or choose another place",
    errno.EPERM: "get the permission, or choose another place",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
}
_DEVICES = ("CUDA", "NVIDIA", "MPS backend", "device type", "device ordinal")


def explain(error: BaseException) -> str | None:
    """Return what went wrong, to be shown to who gave the command; ``None`` where the fault is the program's.

    Passwords in addresses and what a terminal would obey are not in it.

    Args:
        error: what a command raised.
    """
    text = _explain(error)
    if text is None:
        return None
    moved = _moved(text)
    return plain_lines(redact(f"{moved} ({text})" if moved else text))


def _moved(text: str) -> str:
    """Return where the classes are that a message names by a path of earlier versions; empty if it names none."""
    if "ttom_pl." not in text:
        return ""
    from ttom_pl.run.config import moved_in  # with which libraries come that take seconds

    return "; ".join(f"{old} is {new} now, so name it by that" for old, new in moved_in(text).items())


def _explain(error: BaseException) -> str | None:
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, UnicodeDecodeError):
        return f"a file is not text: byte {error.start} is not UTF-8 ({error.reason}); save it as UTF-8"
    if isinstance(error, ArgumentError | ValueError):
        return tidied(str(error))
    if isinstance(error, yaml.YAMLError):
        return f"a YAML file cannot be read: {' '.join(str(error).split())}; correct it"
    if _is_of(error, "lightning", "MisconfigurationException"):
        return f"Lightning refuses the settings: {_first_line(error)}"
    if isinstance(error, ImportError) and not (error.name or "").startswith("ttom_pl"):
        hint = (
            f"; pip install {error.name.split('.')[0]}" if isinstance(error, ModuleNotFoundError) and error.name else ""
        )
        return f"{_first_line(error)}{hint}"
    if isinstance(error, MemoryError) or _is_of(error, "torch", "OutOfMemoryError"):
        return f"there is not enough memory ({_first_line(error) or 'of the machine'}); make less of it at a time"
    if _is_of(error, "safetensors", "SafetensorError"):
        return f"a file of weights cannot be read or written: {_first_line(error)}"
    if isinstance(error, zipfile.BadZipFile | pickle.UnpicklingError | EOFError):
        return f"a file is damaged: {_first_line(error)}"
    if isinstance(error, sqlite3.Error):
        return f"a database cannot be used: {_first_line(error)}"
    if isinstance(error, RecursionError):
        return "a file or an option is nested too deeply"
    if isinstance(error, RuntimeError | AssertionError) and any(device in str(error) for device in _DEVICES):
        return f"the device cannot be used: {_first_line(error)}"
    return None


def tidied(text: str) -> str:
    """Return a parser's message in a line, without what it says of its own types, and of long values."""
    before, union, rest = text.partition("Does not validate against any of the Union subtypes")
    if not union:
        return " ".join(text.split()) if text.startswith("Parser key") else text
    reasons, _, typed = rest.partition("Errors:")[2].partition("Given value type:")
    told = [" ".join(reason.split()) for reason in re.split(r"\n\s*- ", reasons) if reason.strip()]
    helpful = [reason for reason in told if not reason.startswith("Expected a <class 'NoneType'>")]
    value = typed.partition("Given value:")[2].strip()
    got = (
        f", got {value}" if 0 < len(value) <= 60 and not any(reason.endswith(f" {value}") for reason in helpful) else ""
    )
    return " ".join(before.split()) + " " * bool(before.strip()) + "; ".join(helpful or told) + got


def _of_system(error: OSError) -> str:
    """Return what the operating system refused, with the file and a remedy where there are any."""
    if error.errno is None or error.strerror is None:
        return str(error) or type(error).__name__
    files = " → ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
    remedy = _REMEDIES.get(error.errno)
    return f"{error.strerror}{files and f': {files}'}{(remedy and f'; {remedy}') or ''}"


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).split("\n") if line.strip()), "")


def _is_of(error: BaseException, package: str, name: str) -> bool:
    """Whether an error is of a class that a package has, without importing the package."""
    return any(cls.__name__ == name and cls.__module__.split(".")[0] == package for cls in type(error).__mro__)


__all__ = ["explain", "tidied"]
