"""Scores on their way to their file, so that an evaluation that stopped goes on where it was."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ttom_pl.evaluation.videos import Clip
from ttom_pl.io.whole_files import UNFINISHED, write_text

SCORES = "scores.jsonl"
_JOURNAL = f"{SCORES}{UNFINISHED}"


class Journal:
    """The lines of ``scores.jsonl``, kept beside it until all are there.

    A line that was made before a stop is good again if nothing that it depends on has changed: the terms of the
    evaluation, the content of the video, what is asked of it. Lines with errors are made anew.

    Args:
        folder: where the scores go; made when missing.
        terms: all that scores depend on but the videos and prompts: metrics, detector, judge and their options,
            versions. JSON.

    Attributes:
        known: how many lines are there from before a stop.
    """

    def __init__(self, folder: Path, terms: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._scores, self._path = folder / SCORES, folder / _JOURNAL
        head = json.dumps({"terms": _digest(terms)})
        first, *rest = self._path.read_bytes().split(b"\n") if self._path.is_file() else [b""]
        self._lines: dict[str, dict[str, Any]] = {}
        if first == head.encode():
            for text in rest:
                with suppress(ValueError, LookupError, TypeError):  # torn by the kill, or something else's
                    entry = json.loads(text)
                    self._lines[entry["of"]] = dict(entry["line"])
        self.known = len(self._lines)
        self._file = self._path.open("ab")
        if first != head.encode():
            self._file.truncate(0)
        self._file.write(f"{head}\n".encode() if first != head.encode() else b"\n")  # after what may be torn
        self._file.flush()

    def get(self, clip: Clip) -> dict[str, Any] | None:
        """Return the line of a video that was scored before the stop, and is what it was."""
        return self._lines.get(_identity(clip)) if self._lines else None

    def add(self, clip: Clip, line: Mapping[str, Any]) -> None:
        """Keep the line of a video."""
        if "errors" not in line:
            entry = {"of": _identity(clip), "line": line}
            self._file.write(f"{json.dumps(entry, ensure_ascii=False)}\n".encode())
            self._file.flush()

    def finish(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Write all lines in place of the scores that are there."""
        write_text(self._scores, "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines))
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Stop; what was added stays on disk."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()


def _identity(clip: Clip) -> str:
    """Return a digest of all that the scores of a video depend on but the terms of the evaluation."""
    prompt, layout = clip.prompt, clip.prompt.layout
    with open(clip.path, "rb") as file:
        video = hashlib.file_digest(file, "sha256").hexdigest()
    asked = [prompt.id, prompt.text, dict(prompt.metadata), layout and layout.to_dict()]
    return _digest([asked, str(clip.path), clip.sample, video])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


__all__ = ["SCORES", "Journal"]
