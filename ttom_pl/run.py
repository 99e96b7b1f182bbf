"""The folder of a run: its config, a line per prompt, and what is needed to go on where it stopped."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = "results.jsonl"
CONFIG = "config.yaml"


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
            config: the run's config as YAML; a run only goes on with the config that it started with.

        Raises:
            RunError: if the folder cannot be written, or belongs to a run with another config.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "videos").mkdir(exist_ok=True)
            probe = path / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise RunError(f"cannot write to the run folder {str(path)!r} ({error.strerror}); choose another") from None
        known = path / CONFIG
        if known.is_file() and (path / RESULTS).is_file() and known.read_text() != config:
            raise RunError(
                f"{str(path)!r} holds a run with another config (compare its {CONFIG}); "
                "choose another folder, or remove that one to start anew"
            )
        known.write_text(config)
        return cls(path)

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
        path = self.path / RESULTS
        torn = path.is_file() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
        with open(path, "a", encoding="utf-8") as file:
            file.write(("\n" if torn else "") + json.dumps(result, ensure_ascii=False) + "\n")
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
