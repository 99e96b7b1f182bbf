"""What a memory must survive: kills, damaged files, a lost database, a full disk, other processes."""

import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ttom_pl.memory import (
    CorruptEntryError,
    DamagedDatabaseError,
    EntryNotFoundError,
    Memory,
    MemoryWriteError,
    verify_folder,
)
from ttom_pl.memory.files import content_hash, decode

WRITER = Path(__file__).with_name("writer.py")
ROOT = Path(__file__).parents[2]


def start_writer(folder, seed, capacity, operations, *modes):
    command = [sys.executable, str(WRITER), str(folder), str(seed), str(capacity), str(operations), *modes]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def acknowledged(lines):
    """Return the hash of each entry that must be there; None where an unfinished update may have changed it."""
    kept = {}
    for kind, *rest in map(str.split, lines):
        if kind == "kept":
            kept[rest[0]] = rest[1]
        elif kind == "updating" and rest[0] in kept:
            kept[rest[0]] = None
        elif kind == "gone":
            kept.pop(rest[0], None)
    return kept


def kill_and_check(folder, seed):
    rng = random.Random(seed)
    writer = start_writer(folder, seed, 10_000, 1_000_000)
    lines = [writer.stdout.readline() for _ in range(1 + rng.randrange(20))]
    time.sleep(rng.random() * 0.02)
    writer.kill()
    rest = writer.stdout.read()
    lines += rest[: rest.rfind("\n") + 1].splitlines()  # the kill may have torn the last line
    writer.wait()
    with Memory(folder) as memory:
        for entry_id, expected in acknowledged(lines).items():
            assert content_hash(memory.load(entry_id)) == (expected or memory.get(entry_id).content_hash)
        report = memory.verify()
        assert report.clean, report
        assert report.entries == len(memory)
    return len(lines)


def test_kill_at_a_random_moment(folder):
    for seed in range(3):
        assert kill_and_check(folder, seed) > 0


@pytest.mark.slow
def test_kill_at_200_random_moments(folder):
    for seed in range(200):
        kill_and_check(folder, seed)


def test_processes_share_a_folder(folder):
    capacity = 12
    writers = [start_writer(folder, seed, capacity, 25) for seed in range(4)]
    outputs = [writer.communicate(timeout=120)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4
    assert all(output.endswith("done\n") for output in outputs)
    with Memory(folder, capacity=capacity) as memory:
        assert 0 < len(memory) <= capacity
        assert memory.verify().clean
        known = {entry_id: value for output in outputs for entry_id, value in acknowledged(output.splitlines()).items()}
        assert {entry.id for entry in memory} <= set(known)
        assert all(known[entry.id] in (None, entry.content_hash) for entry in memory)


def test_processes_lose_nothing(folder):
    writers = [start_writer(folder, seed, 10_000, 15) for seed in range(4)]
    outputs = [writer.communicate(timeout=120)[0] for writer in writers]
    known = {entry_id: value for output in outputs for entry_id, value in acknowledged(output.splitlines()).items()}
    with Memory(folder) as memory:
        assert {entry.id: entry.content_hash for entry in memory} == known


@pytest.mark.parametrize("where", [0, 3, 0.02, 0.3, 0.6, 0.9, -1, -40])
def test_flipped_bit_is_found_and_quarantined(folder, learn, where):
    with Memory(folder) as memory:
        entry, sound = learn(memory, 0), learn(memory, 1)
        path = next(folder.glob(f"adapters/{entry.id}*"))
        data = bytearray(path.read_bytes())
        data[int(where * len(data)) if isinstance(where, float) else where] ^= 0x10
        path.write_bytes(data)
        with pytest.warns(UserWarning, match="quarantined"), pytest.raises(CorruptEntryError, match="cannot be used"):
            memory.load(entry)
        assert list(memory) == [sound]
        assert [file.name for file in (folder / "quarantine").iterdir()] == [path.name]
        with pytest.raises(EntryNotFoundError):
            memory.load(entry)
        assert memory.verify().clean


def test_no_flipped_bit_of_a_file_is_read(folder, learn):
    with Memory(folder) as memory:
        data = next(folder.glob(f"adapters/{learn(memory, 0).id}*")).read_bytes()
    decode(data)
    for i in range(len(data)):
        flipped = data[:i] + bytes([data[i] ^ 0x10]) + data[i + 1 :]
        with pytest.raises(ValueError, match=r"."):
            decode(flipped)


def test_truncated_missing_and_exchanged_files(folder, learn, adapter):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(5)]
        paths = [next(folder.glob(f"adapters/{entry.id}*")) for entry in entries]
        paths[0].write_bytes(paths[0].read_bytes()[:-3])
        paths[1].unlink()
        shutil.copy(paths[4], paths[2])
        found = memory.verify()
        assert (found.entries, set(found.damaged)) == (2, {entry.id for entry in entries[:3]})
        assert not found.clean
        with pytest.warns(UserWarning, match="quarantined"), pytest.raises(CorruptEntryError):
            memory.update(entries[0].id, adapter(1))
        with pytest.warns(UserWarning, match="quarantined"):
            assert memory.verify(repair=True).damaged == (entries[1].id, entries[2].id)
        assert memory.verify().clean
        assert list(memory) == entries[3:]


@pytest.mark.parametrize("damage", ["deleted", "empty", "half", "garbage", "old"])
def test_lost_database_is_named_and_rebuilt(folder, learn, adapter, damage, axis, spec):
    database = folder / "memory.sqlite"
    with Memory(folder) as memory:
        entries = [learn(memory, 0, layout={"prompt": "a"}, loss_after=0.1, parents=("p",))]
    shutil.copy(database, folder.parent / "old")
    with Memory(folder) as memory:
        entries += [learn(memory, i) for i in range(1, 4)]
        entries[1] = memory.update(entries[1].id, adapter(7.0), 0.5)
        memory.read(axis(0), fingerprint="wan", spec=spec)
    match damage:
        case "deleted":
            database.unlink()
        case "empty":
            database.write_bytes(b"")
        case "half":
            database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
        case "garbage":
            database.write_bytes(os.urandom(4096))
        case "old":
            shutil.copy(folder.parent / "old", database)
    with pytest.raises(DamagedDatabaseError, match="ttom memory verify --repair"):
        Memory(folder)
    found = verify_folder(folder)
    assert found.database is not None
    assert not found.clean
    assert len(list(folder.glob("adapters/*.safetensors"))) == 4
    repaired = verify_folder(folder, repair=True)
    assert (repaired.entries, repaired.damaged, repaired.orphans, repaired.repaired) == (4, (), (), True)
    assert verify_folder(folder).clean
    with Memory(folder) as memory:
        assert list(memory) == entries
        assert memory.read(axis(2), fingerprint="wan", spec=spec)[0].entry == entries[2]
        torch.testing.assert_close(memory.load(entries[1]), adapter((1 + 0.5 * 7) / 1.5))
        learn(memory, 5)
        assert memory.verify().clean


def test_database_cut_within_its_last_page(folder, learn):
    """SQLite opens it; the row at its end is what does not hold."""
    database = folder / "memory.sqlite"
    with Memory(folder) as memory:
        for i in range(16):
            learn(memory, i, layout={"x": "y" * 3000})
    whole, refused = database.read_bytes(), []
    for cut in range(1, 4096, 500):
        database.write_bytes(whole[:-cut])
        try:
            with Memory(folder) as memory:
                entries = list(memory)
        except DamagedDatabaseError as error:
            refused.append(str(error))
        else:
            assert len(entries) == 16
    assert refused
    assert all("ttom memory verify --repair" in message for message in refused)
    assert verify_folder(folder, repair=True).entries == 16
    assert verify_folder(folder).clean


def test_rebuilding_takes_the_newest_file_of_an_entry_and_leaves_damaged_ones(folder, learn, adapter):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(2)]
        path = next(folder.glob(f"adapters/{entries[0].id}*"))
        shutil.copy(path, folder.parent / "before")
        updated = memory.update(entries[0].id, adapter(3.0))
    shutil.copy(folder.parent / "before", path)
    damaged = next(folder.glob(f"adapters/{entries[1].id}*"))
    damaged.write_bytes(b"torn")
    (folder / "memory.sqlite").unlink()
    report = verify_folder(folder, repair=True)
    assert (report.entries, report.damaged, report.orphans) == (1, (damaged.name,), (path.name,))
    with Memory(folder) as memory:
        assert list(memory) == [updated]


def test_leftovers_are_collected_on_opening(folder, learn):
    with Memory(folder) as memory:
        entry = learn(memory, 0)
    path = next(folder.glob("adapters/*"))
    leftovers = [path.with_name("0123456789ab-000000000002.safetensors"), path.with_name("torn.safetensors.tmp")]
    for leftover in leftovers:
        shutil.copy(path, leftover)
    with Memory(folder) as memory:
        assert list(memory) == [entry]
        assert list(folder.glob("adapters/*")) == [path]


def test_full_disk_leaves_the_memory_as_it_was(folder, learn, adapter):
    big = {name: torch.randn(400, 400) for name in adapter(0)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Memory(folder) as memory:
        entry = learn(memory, 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
        try:
            with pytest.raises(MemoryWriteError, match="free space"):
                learn(memory, 1, adapter=big)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert list(memory) == [entry]
        assert len(list(folder.glob("adapters/*"))) == 1
        assert memory.verify().clean
        learn(memory, 1, adapter=big)
        assert memory.verify().clean


def test_full_disk_under_the_database(folder, learn):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Memory(folder) as memory:
        entry = learn(memory, 0)
        size = (folder / "memory.sqlite-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
        try:
            with pytest.raises(MemoryWriteError, match="free space"):
                learn(memory, 1, layout={"long": "x" * 100_000})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert list(memory) == [entry]
        assert memory.verify().clean
        learn(memory, 1)
        assert len(memory) == 2


def test_nothing_from_a_prompt_is_part_of_a_path(folder, learn, axis):
    nasty = "../../etc/\x00passwd'; DROP TABLE entries; --"
    with Memory(folder) as memory:
        entry = learn(memory, 0, prompt=nasty, key_text=nasty, fingerprint=nasty)
        assert memory.read(axis(0), fingerprint=nasty, spec=entry.spec)[0].entry.prompt == nasty
    names = [path.name for path in folder.parent.rglob("*")]
    assert not any("passwd" in name for name in names)


def test_verify_wants_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no memory"):
        verify_folder(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []
