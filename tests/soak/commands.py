"""``ttom`` commands as processes of their own, many of them in little time."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@dataclass
class Command:
    """A process that was started.

    Attributes:
        pid: its number.
        log: its output.
        forks: who waits for it.
    """

    pid: int
    log: Path
    forks: "Forks"

    def kill(self) -> None:
        """End it at once. A process that has ended already stays as it is."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return its exit status, the number of a signal as a negative one."""
        return int(self.forks.ask({"wait": self.pid}))

    def said(self) -> str:
        """Return what it has printed."""
        return self.log.read_text(errors="replace")


class Forks:
    """Starts commands as forks of one process.

    Args:
        folder: for their output.
        prefix: a command that starts the process, with its command line after its own.
    """

    def __init__(self, folder: Path, prefix: Sequence[str] = ()) -> None:
        self._folder, self._number = folder, 0
        self._process = subprocess.Popen(
            [*prefix, sys.executable, str(Path(__file__).with_name("forker.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=ENVIRONMENT,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.pid = self._process.pid

    def ask(self, order: dict[str, object]) -> str:
        """Return what the process answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def start(self, words: Sequence[str], largest_file: int | None = None, lines: int | None = None) -> Command:
        """Start a command; the arguments are those of :func:`forker.run`."""
        self._number += 1
        log = self._folder / f"{self._number}.log"
        order = {"words": list(words), "log": str(log), "largest_file": largest_file, "lines": lines}
        return Command(int(self.ask(order)), log, self)

    def run(self, words: Sequence[str], largest_file: int | None = None, lines: int | None = None) -> tuple[int, str]:
        """Run a command to its end, and return its exit status and output."""
        command = self.start(words, largest_file, lines)
        return command.wait(), command.said()

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
