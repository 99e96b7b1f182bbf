"""Looking at a memory takes no locks from those who have it open in the same process."""

import subprocess
import sys

import pytest

from ttom_pl.memory import Memory, MemoryBusyError, verify_folder
from ttom_pl.memory.database import exclusive
from ttom_pl.memory.database import raw_bytes as peek

PROBE = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, int(sys.argv[3]), int(sys.argv[2]))
    except BlockingIOError:
        print("locked")
    else:
        print("free")
"""


def state(folder):
    """Ask from another process whether anybody has the database open."""
    where = (folder / "memory.sqlite", exclusive._SHARED_FIRST, exclusive._SHARED_SIZE)
    command = [sys.executable, "-c", PROBE, *map(str, where)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_locks_outlive_every_look(folder, learn, axis, spec):
    with Memory(folder) as memory:
        learn(memory, 0)
    early = Memory(folder, read_only=True)
    assert len(early) == 1
    assert state(folder) == "free"
    with Memory(folder) as memory:
        assert state(folder) == "locked"
        assert verify_folder(folder).clean
        with Memory(folder, read_only=True) as reader, Memory(folder) as other:
            assert len(reader) == len(other) == 1
        learn(memory, 1)
        assert len(early) == 2
        early.close()
        with pytest.raises(MemoryBusyError, match="in use"), exclusive.exclusively(folder / "memory.sqlite"):
            pass
        assert state(folder) == "locked"
        learn(memory, 2)
    assert state(folder) == "free"
    assert not peek._kept
    assert not peek._waiting
    assert verify_folder(folder).entries == 3
