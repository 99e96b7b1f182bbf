"""All faults for minutes: flips, kills, full disks, four writers; prints its counts (pytest -m slow -s)."""

import random
import shutil
import time
import warnings
from collections import Counter

import damage
import pytest
from test_memory_faults import acknowledged, start_writer

from ttom_pl.memory import Memory, repair, verify_folder
from ttom_pl.memory.files import content_hash

FLIPS, LOG_FLIPS, ROUNDS, WRITERS = 2000, 200, 12, 4


@pytest.mark.slow
def test_flips(tmp_path, capsys):
    damage.fill(tmp_path / "sound", 12)
    before = damage.contents(tmp_path / "sound")
    counts: Counter[str] = Counter()
    for seed in range(FLIPS):
        counts += damage.survive(tmp_path / "sound", tmp_path / "flipped", random.Random(1000 + seed), before)
    assert sum(counts[place] for place in damage.PLACES) == FLIPS
    with capsys.disabled():
        print(f"\n{FLIPS} flips, none unnoticed, no sound entry lost, no raw error: {dict(sorted(counts.items()))}")


@pytest.mark.slow
def test_flips_of_a_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(repair, "_PATIENCE", 0.0)  # nobody writes who could finish
    damage.fill(tmp_path / "memory", 6)
    with Memory(tmp_path / "memory") as memory:
        expected = {entry.id for entry in memory}
        for entry in list(memory)[:3]:
            memory.update(entry.id, memory.load(entry))
            memory.record_use(entry.id, 1)
        shutil.copytree(tmp_path / "memory", tmp_path / "killed")
    found, whole = 0, damage.contents(tmp_path / "memory")
    for seed in range(LOG_FLIPS):
        damage.flip_log(tmp_path / "killed", tmp_path / "flipped", random.Random(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clean = verify_folder(tmp_path / "flipped").clean
            found += not clean
            verify_folder(tmp_path / "flipped", repair=True)
            after = damage.contents(tmp_path / "flipped")
        if clean:  # nothing tells that the last count of a use has been
            assert len(after["history"]) >= len(whole["history"]) - 1
            assert damage.facts(after) == damage.facts(whole)
        assert verify_folder(tmp_path / "flipped").clean
        with Memory(tmp_path / "flipped") as memory:
            assert {entry.id for entry in memory} == expected
            assert all(memory.load(entry) for entry in memory)
    with capsys.disabled():
        print(f"\n{LOG_FLIPS} flips in the log of a killed process: {found} found, no entry lost")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["log", "rollback"])
def test_kills_and_full_disks_among_four_writers(folder, capsys, mode):
    """Each round four processes write to one memory, two of them with a disk that is full at times, and are killed."""
    rng, known, counts = random.Random(0), {}, Counter()
    for turn in range(ROUNDS):
        modes = [["full"] if number % 2 else [] for number in range(WRITERS)]
        extra = ["rollback"] if mode == "rollback" else []
        writers = [
            start_writer(folder, WRITERS * turn + i, 10_000, 10**6, *each, *extra) for i, each in enumerate(modes)
        ]
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        time.sleep(1 + 2 * rng.random())
        for writer in rng.sample(writers, WRITERS):
            writer.kill()
            time.sleep(rng.random() * 0.05)
        for writer in writers:
            text = writer.stdout.read()
            lines = text[: text.rfind("\n") + 1].splitlines()
            counts.update(line.split()[0] for line in lines)
            known |= acknowledged(lines)
            gone = {line.split()[1] for line in lines if line.startswith("gone")}
            known = {entry_id: value for entry_id, value in known.items() if entry_id not in gone}
            writer.wait()
            counts["kills"] += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Memory(folder) as memory:
                for entry_id, expected in known.items():
                    tensors = memory.load(entry_id)
                    assert content_hash(tensors) == (expected or memory.get(entry_id).content_hash)
                report = memory.verify()
        assert report.clean, report
        assert verify_folder(folder).clean
    assert counts["kills"] == ROUNDS * WRITERS
    assert counts["full"] > 0
    with capsys.disabled():
        said = f"{counts['kept']} acknowledged writes, {counts['full']} refused by a full disk, {len(known)} entries"
        print(f"\n{mode}: {counts['kills']} kills of {WRITERS} writers, {said}: all there and equal")
