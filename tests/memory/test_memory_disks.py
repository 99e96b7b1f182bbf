"""Disks that several machines share: their file systems are told apart, and their memories need no shared memory."""

from pathlib import Path

import pytest
from test_memory_faults import acknowledged, start_writer

from ttom_pl.memory import Memory, verify_folder
from ttom_pl.memory.database import network_disks as disks

MOUNTS = r"""22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / /home rw,relatime shared:9 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/ann/local rw - xfs /dev/sdb rw
32 22 0:42 / /mnt/my\040share rw - cifs //server/share rw
33 22 0:43 / /mnt/over rw - ext4 /dev/sdc rw
34 22 0:44 / /mnt/over rw shared:3 master:1 - fuse.sshfs ann@server: rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/srv/memory", None),
        ("/home/ann/runs/memory", "nfs4"),
        ("/home/ann/local/memory", None),
        ("/homes/memory", None),
        ("/mnt/my share/memory", "cifs"),
        ("/mnt/over/memory", "fuse.sshfs"),
        ("/", None),
    ],
)
def test_the_deepest_mount_tells(path, expected, monkeypatch, tmp_path):
    (tmp_path / "mountinfo").write_text(MOUNTS)
    monkeypatch.setattr(disks, "_MOUNTS", tmp_path / "mountinfo")
    assert disks.network_filesystem(Path(path)) == expected


def test_without_a_list_of_mounts_all_is_local(monkeypatch, tmp_path):
    monkeypatch.setattr(disks, "_MOUNTS", tmp_path / "absent")
    assert disks.network_filesystem(tmp_path) is None


def test_this_disk_is_in_the_list(tmp_path):
    if not disks._MOUNTS.exists():
        pytest.skip("no list of mounts on this system")
    assert disks._kind(disks._MOUNTS.read_text().splitlines(), tmp_path.resolve())


def mode(memory):
    return memory._records.database._connection.execute("PRAGMA journal_mode").fetchone()[0]


def test_a_memory_on_a_network_disk_has_a_rollback_journal(folder, learn, axis, spec, monkeypatch):
    with Memory(folder) as memory:
        entries = [learn(memory, 0)]
        assert mode(memory) == "wal"
    with monkeypatch.context() as patched:
        patched.setattr("ttom_pl.memory.database.connection.network_filesystem", lambda _: "nfs4")
        with Memory(folder) as memory, Memory(folder) as other:
            assert mode(memory) == "delete"
            entries.append(learn(memory, 1))
            entries.append(learn(other, 2))
            assert memory.read(axis(2), fingerprint="wan", spec=spec)[0].entry == entries[2]
            assert not list(folder.glob("memory.sqlite-*"))
            assert verify_folder(folder).clean
    with Memory(folder) as memory:
        assert mode(memory) == "wal"
        assert list(memory) == entries
        assert memory.verify().clean


def test_processes_that_turn_a_memory_to_a_rollback_journal_at_once(folder, learn):
    with Memory(folder) as memory:
        entry = learn(memory, 0)
    writers = [start_writer(folder, seed, 10_000, 8, "rollback") for seed in range(4)]
    outputs = [writer.communicate(timeout=120)[0] for writer in writers]
    assert all(output.endswith("done\n") for output in outputs)
    known = {entry_id: value for output in outputs for entry_id, value in acknowledged(output.splitlines()).items()}
    with Memory(folder, read_only=True) as memory:
        assert {each.id: each.content_hash for each in memory} == known | {entry.id: entry.content_hash}
    assert not list(folder.glob("memory.sqlite-*"))
