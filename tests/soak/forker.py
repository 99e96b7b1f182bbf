"""A process that has imported the command line, and forks one for each ``ttom`` command; tests kill those.

A fork runs what ``python -m ttom_pl`` runs, without the seconds that imports take.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import ttom_pl.cli.stream
from ttom_pl.cli import main
from ttom_pl.run import RunFolder


def run(words: list[str], log: str, largest_file: int | None, lines: int | None) -> int:
    """Run a command; return its exit status.

    Args:
        words: the command line.
        log: where its output goes.
        largest_file: bytes beyond which no file grows, as on a full disk.
        lines: the results after which it kills itself, with the memory written and the next line about to be.
    """
    with open(log, "wb") as file:
        writer = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file)  # which no limit holds back
    assert writer.stdin is not None
    os.dup2(writer.stdin.fileno(), 1)
    os.dup2(writer.stdin.fileno(), 2)
    writer.stdin.close()
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    if lines is not None:
        _die_before_line(lines + 1)
    status: str | int | None = 0
    try:
        main(words)
    except SystemExit as stopped:
        status = stopped.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os.closerange(1, 3)
    writer.wait()
    return status if isinstance(status, int) else int(status is not None)


def _die_before_line(number: int) -> None:
    append, lines = RunFolder.append, []

    def dying(folder: RunFolder, line: Any) -> None:
        lines.append(line)
        if len(lines) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        append(folder, line)

    RunFolder.append = dying  # type: ignore[method-assign]


def serve() -> None:
    assert ttom_pl.cli.stream
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork would lose threads"
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            print(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]), flush=True)
            continue
        child = os.fork()
        if not child:
            os._exit(run(**order))
        print(child, flush=True)


if __name__ == "__main__":
    serve()
