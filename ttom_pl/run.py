"""The folder of a run: its config, a line per prompt, and what is needed to go on where it stopped."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

RESULTS = "results.jsonl"
CONFIG = "config.yaml"
FREE = ("data", "stream.on_error", "stream.out", "trainer.enable_progress_bar")
"""Parts of the config that may change when a run goes on: prompts are compared one by one, a folder may have moved."""
GONE = ("model.backbone.init_args.chunk_size",)
"""Options of earlier versions, without effect on results: runs that had them go on."""


class RunError(ValueError):
    """A run folder that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
    """

    path: Path

    @classmethod
    def open(cls, path: Path, config: str = "") -> "RunFolder":
        """Open a run folder, new or stopped before its end.

        Args:
            path: the folder; made if it is not there.
            config: the run's config as YAML; but for :data:`FREE`, a run only goes on with the one it started with.

        Raises:
            RunError: if the folder cannot be written, or belongs to a run with another config.
        """
        cls(path).check(config)
        try:
            (path / "videos").mkdir(parents=True, exist_ok=True)
            partial = path / f"{CONFIG}.partial"
            partial.write_text(config)
            partial.replace(path / CONFIG)
        except OSError as error:
            raise RunError(f"cannot write to the run folder {str(path)!r} ({error.strerror}); choose another") from None
        return cls(path)

    def check(self, config: str = "") -> None:
        """Raise what :meth:`open` would, as far as that can be told without writing anything."""
        there = next(each for each in (self.path.absolute(), *self.path.absolute().parents) if each.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise RunError(f"cannot write to the run folder {str(self.path)!r}; choose another")
        known = self.path / CONFIG
        if known.is_file() and (self.path / RESULTS).is_file():
            differences = list(_differences(yaml.safe_load(known.read_text()), yaml.safe_load(config)))
            if differences:
                shown = "; ".join(differences[:5]) + (" …" if len(differences) > 5 else "")
                raise RunError(
                    f"{str(self.path)!r} holds a run with another config ({shown}); go on with its {CONFIG}, choose "
                    "another folder, or remove that one to start anew"
                )

    @property
    def id(self) -> str:
        """A random name of the run, the same after a stop."""
        path = self.path / ".run_id"
        if not path.is_file() or not path.read_text():
            path.write_text(secrets.token_hex(8))
        return path.read_text()

    def results(self) -> dict[str, dict[str, Any]]:
        """Return the results so far by prompt id; the last line of an id counts, a torn last line does not."""
        return read_results(self.path) if (self.path / RESULTS).is_file() else {}

    def append(self, result: dict[str, Any]) -> None:
        """Add a line to the results, on disk when this returns."""
        with open(self.path / RESULTS, "a+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            torn = file.read() not in (b"", b"\n")
            file.write(("\n" * torn + json.dumps(result, ensure_ascii=False) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())


def read_results(run: Path) -> dict[str, dict[str, Any]]:
    """Read ``results.jsonl`` of a run folder, by prompt id.

    Raises:
        RunError: if there is none.
    """
    path = run / RESULTS
    if not path.is_file():
        raise RunError(f"{str(run)!r} is no run: it has no {RESULTS}; give a folder that 'ttom stream' wrote")
    results: dict[str, dict[str, Any]] = {}
    for line in path.read_bytes().split(b"\n"):
        try:
            result = json.loads(line)
        except ValueError:  # torn: not JSON, or not even UTF-8
            continue
        results[result["id"]] = result
    return results


def _differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """Yield what differs between two configs, as ``model.lr was 0.1, is 0.2``, but for what may."""
    if name in FREE or (name in GONE and new is None) or old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from _differences(old.get(key), new.get(key), f"{name}.{key}" if name else str(key))
    else:
        yield f"{name or 'the config'} was {_short(old)}, is {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:59] + "…"
