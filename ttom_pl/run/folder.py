"""The folder of a run: its config, its results, and the prompt that was being written when it was stopped."""

import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout

from ttom_pl.io.whole_files import UNFINISHED, write_text
from ttom_pl.run.config import differences, modern
from ttom_pl.run.errors import RunError
from ttom_pl.run.result import Result, Skipped
from ttom_pl.run.results import RESULTS, Results, append, read_results

CONFIG = "config.yaml"
_LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Complete = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Adds the defaults of the options that a config lacks."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
    """

    path: Path

    @classmethod
    def open(cls, path: Path, config: str = "", complete: Complete = modern) -> "RunFolder":
        """Open a run folder, new or stopped before its end; its owner does.

        Args:
            path: the folder; made if it is not there.
            config: the run's config as YAML; but for what may change, a run only goes on with the one it started with.
            complete: adds the options that the config of an earlier version lacks.

        Raises:
            RunError: if the folder cannot be written, or belongs to a run with another config.
            OSError: if the disk is full.
        """
        folder = cls(path)
        folder.check(config, complete)
        try:
            (path / "videos").mkdir(parents=True, exist_ok=True)
            folder._remove_unfinished()
            write_text(path / CONFIG, config)
        except OSError as error:
            if error.errno in _FULL:
                raise
            raise RunError(f"cannot write to the run folder {str(path)!r} ({error.strerror}); choose another") from None
        return folder

    def check(self, config: str = "", complete: Complete = modern) -> None:
        """Raise what :meth:`open` would, as far as that can be told without writing anything."""
        there = next(folder for folder in (self.path.absolute(), *self.path.absolute().parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise RunError(f"cannot write to the run folder {str(self.path)!r}; choose another")
        if not (self.path / RESULTS).is_file():
            return
        different = list(differences(self._config(config, complete), yaml.safe_load(config)))
        if different:
            shown = "; ".join(different[:5]) + (" …" if len(different) > 5 else "")
            raise RunError(
                f"{str(self.path)!r} holds a run with another config ({shown}); go on with its {CONFIG}, choose "
                "another folder, or remove that one to start anew"
            )

    def _config(self, new: str, complete: Complete) -> Any:
        """Return the config that the results were made with, under the options of this version."""
        path = self.path / CONFIG
        if not path.is_file():
            if not new:  # a run without one, from Python
                return None
            raise RunError(
                f"{str(self.path)!r} has results and no {CONFIG}, so that nobody knows what they were made with; put "
                "it back, or choose another folder"
            )
        try:
            old = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise RunError(f"{str(path)!r} cannot be read ({reason}); mend it, or choose another folder") from None
        return complete(modern(old)) if isinstance(old, Mapping) else old

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the only process that serves into the folder; the lock goes with the process, however it ends.

        Raises:
            RunError: if another process serves into it now.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / _LOCK, timeout=0, is_singleton=True)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"another process serves into the run folder {str(self.path)!r} now; wait for it, or choose another "
                "folder (several processes cannot share the prompts of one run)"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _remove_unfinished(self) -> None:
        """Remove what a kill has left of files; not of a memory and a report, which others may be writing now."""
        for path in self.path.rglob(f"*{UNFINISHED}"):
            if not path.relative_to(self.path).parts[0].startswith(("memory", "report")):
                path.unlink(missing_ok=True)

    @property
    def id(self) -> str:
        """A random name of the run, the same after a stop."""
        path = self.path / ".run_id"
        name = path.read_text(errors="replace") if path.is_file() else ""
        if not re.fullmatch("[0-9A-Za-z]+", name):  # missing, empty or damaged
            name = secrets.token_hex(8)
            write_text(path, name)
        return name

    def results(self) -> Results:
        """Return the results so far."""
        return read_results(self.path) if (self.path / RESULTS).is_file() else Results()

    def append(self, line: Result | Skipped) -> None:
        """Add a line to the results, on disk when this returns."""
        append(self.path, line)
