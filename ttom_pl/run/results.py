"""``results.jsonl``: a line per prompt, the last of an id counts."""

import json
import os
import re
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ttom_pl.run.errors import RunError
from ttom_pl.run.result import Result, Skipped

RESULTS = "results.jsonl"
_SEAL = re.compile(rb', "crc32": "([0-9a-f]{8})"}$')


@dataclass
class Results:
    """The results of a run by prompt id, in the order in which the prompts came first.

    Attributes:
        lines: all of them.
    """

    lines: dict[str, Result | Skipped] = field(default_factory=dict)

    @property
    def served(self) -> dict[str, Result]:
        """Prompts that have a video."""
        return {id: line for id, line in self.lines.items() if isinstance(line, Result)}

    @property
    def skipped(self) -> dict[str, Skipped]:
        """Prompts that could not be served."""
        return {id: line for id, line in self.lines.items() if isinstance(line, Skipped)}

    def __getitem__(self, id: str) -> Result:
        """Return the result of a prompt that was served; ``KeyError`` for any other."""
        line = self.lines[id]
        if isinstance(line, Skipped):
            raise KeyError(f"prompt {id!r} was skipped: {line.error}")
        return line

    def __len__(self) -> int:
        return len(self.lines)


def read_results(run: Path) -> Results:
    """Read ``results.jsonl`` of a run folder.

    A torn line, as a kill leaves one at the end, does not count, and neither does one with another checksum than it had
    when it was written, with a warning.

    Raises:
        RunError: if there is none, or a line is whole JSON but no result.
    """
    path = run / RESULTS
    if not path.is_file():
        raise RunError(f"{str(run)!r} is no run: it has no {RESULTS}; give a folder that 'ttom stream' wrote")
    results = Results()
    for line in _read(path):
        results.lines[line.id] = line
    return results


def append(run: Path, line: Result | Skipped) -> None:
    """Add a line to the results, on disk when this returns."""
    data = _sealed(json.dumps(line.to_dict(), ensure_ascii=False).encode())
    try:
        with open(run / RESULTS, "a+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            torn = file.read() not in (b"", b"\n")
            file.write(b"\n" * torn + data + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = error.filename or str(run / RESULTS)
        raise


def _sealed(line: bytes) -> bytes:
    """Return a line with the checksum of all before it."""
    return line[:-1] + b', "crc32": "%08x"}' % zlib.crc32(line[:-1])


def _is_damaged(line: bytes) -> bool:
    """Whether a line is not as it was written; lines of earlier versions have no checksum and are taken as they are."""
    seal = _SEAL.search(line)
    return seal is not None and int(seal[1], 16) != zlib.crc32(line[: seal.start()])


def _read(path: Path) -> Iterator[Result | Skipped]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if _is_damaged(line):
            warnings.warn(
                f"line {number} of {str(path)!r} is damaged and does not count: its prompt is served again when the "
                "run goes on (whoever has edited it removes its crc32)",
                stacklevel=3,
            )
            continue
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):  # torn: not JSON, or not even UTF-8
            continue
        try:
            yield Skipped.from_dict(data) if "error" in data else Result.from_dict(data)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise RunError(
                f"line {number} of {str(path)!r} is no result ({type(error).__name__}: {error}); remove the line, and "
                "its prompt is served again"
            ) from error
