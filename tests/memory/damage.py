"""Memories on disk with one bit turned over, and what becomes of them."""

import random
import shutil
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from ttom_pl.memory import AdapterSpec, Memory, verify_folder
from ttom_pl.memory.repair import VerifyReport

SPEC = AdapterSpec(rank=2, alpha=2, target_modules=("blocks.0.attn2.to_q",), active_steps=5)
STATISTICS = ("hits", "iterations_saved", "last_used")
PLACES = {"database": ("memory.sqlite*", 0.6), "index": ("index/*", 0.1), "adapters": ("adapters/*", 0.3)}


def fill(folder: Path, entries: int = 24) -> None:
    """Make a memory with entries of several pages, updates, deletions, uses and a snapshot of its index."""
    name = "transformer.blocks.0.attn2.to_q"
    rng, clock = np.random.default_rng(0), iter(range(1, 10**6))
    with Memory(folder, clock=lambda: 1e9 + next(clock) / 7) as memory:
        kept = []
        for i in range(entries):
            memory.record_miss(mark=f"miss {i}")
            adapter = {
                f"{name}.lora_{matrix}.weight": torch.from_numpy(rng.standard_normal(shape).astype(np.float32))
                for matrix, shape in (("A", (2, 16)), ("B", (16, 2)))
            }
            entry = memory.insert(
                adapter,
                key=rng.standard_normal(64),
                key_text=f"<object_0> moves {i}",
                prompt=f"a thing no. {i} moves, as söme do",
                fingerprint="wan",
                spec=SPEC,
                layout={"prompt": "x", "tracks": [{"boxes": [[0.1, 0.2, 0.3, i / 7]] * (40 * (i % 4))}]},
                loss_before=0.5,
                loss_after=0.1 + i / 100,
                iterations=40,
                parents=[each.id for each in kept[-2:]],
                extra={"seed": i, "cold_iterations": 40},
            )
            kept.append(entry)
            if i % 3 == 0:
                memory.record_use(kept[i // 2].id, i, [kept[i // 3].id], mark=f"hit {i}")
            if i % 4 == 0:
                memory.update(kept[i // 2].id, adapter, 0.9)
        memory.read(kept[3].key, fingerprint="wan", spec=SPEC, k=3)
        memory.delete(kept[1].id)


def contents(folder: Path) -> dict:
    """Return all that a memory tells, reading each adapter and finding each entry by its key."""
    with Memory(folder) as memory:
        entries = {entry.id: entry.to_dict() for entry in memory}
        for entry in memory:
            memory.load(entry)
            (match,) = memory.read(entry.key, fingerprint=entry.fingerprint, spec=entry.spec, threshold=0.999)
            assert match.entry.id == entry.id
        return {"entries": entries, "history": memory.history()}


def flip(folder: Path, rng: random.Random) -> tuple[str, Path]:
    """Turn over one random bit of a random file, and return what kind of file it is and which."""
    place = rng.choices(list(PLACES), [share for _, share in PLACES.values()])[0]
    path = rng.choice(sorted(folder.glob(PLACES[place][0])))
    _flip(path, rng)
    return place, path


def image(folder: Path) -> dict[Path, bytes]:
    """Return all files of a folder and what is in them."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip_log(killed: Path, folder: Path, rng: random.Random) -> None:
    """Copy a memory whose process was killed, and turn over one bit of its write-ahead log."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(killed, folder, ignore=shutil.ignore_patterns("*-shm"))
    _flip(folder / "memory.sqlite-wal", rng)


def _flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def survive(sound: Path, folder: Path, rng: random.Random, before: dict) -> Counter[str]:
    """Flip a bit of a copy of a sound memory, check and repair it, and count what came of it.

    Whatever is wrong is an assertion that names the file: damage that ``verify`` does not see, a sound entry that
    repair loses, an error that is not one of a memory's, a repaired memory that is not whole.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound, folder)
    place, path = flip(folder, rng)
    found = image(folder)
    report = verify_folder(folder)
    assert image(folder) == found, "verify has written"
    counts = Counter([place])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if report.clean:
            assert contents(folder) == before, f"a flip in {path.name} is unnoticed"
            return counts + Counter([f"{place}: in a byte that says nothing"])
        counts += Counter([f"{place}: found"])
        lost = path.name.split("-")[0] if place == "adapters" else None
        _check_repaired(verify_folder(folder, repair=True), lost)
        assert verify_folder(folder).clean, f"repair of {path.name} leaves damage"
        after = contents(folder)
    assert after["entries"].keys() == before["entries"].keys() - {lost}, f"a flip in {path.name} loses entries"
    for entry_id, entry in after["entries"].items():
        known = before["entries"][entry_id]
        assert _facts(entry) == _facts(known), f"a flip in {path.name} changes an entry"
        counts["entries whose uses were forgotten"] += entry != known
    counts["lookups that were forgotten"] += len(before["history"]) - len(after["history"])
    return counts


def facts(all_contents: dict) -> dict:
    """Return the entries without the counts of their uses."""
    return {entry_id: _facts(entry) for entry_id, entry in all_contents["entries"].items()}


def _check_repaired(report: VerifyReport, lost: str | None) -> None:
    assert report.repaired
    assert {name.split("-")[0] for name in report.damaged} == ({lost} if lost else set())


def _facts(entry: dict) -> dict:
    return {name: value for name, value in entry.items() if name not in STATISTICS}
