"""Memories between machines: what is exported comes back, and nothing else gets in."""

import hashlib
import json
import resource
import warnings
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from ttom_pl.memory import (
    ImportRefusedError,
    Memory,
    MemoryWriteError,
    export_memory,
    import_memory,
    merge_memories,
)
from ttom_pl.memory.files import content_hash, encode


@pytest.fixture
def exported(tmp_path, learn):
    """A file with two entries, one of them used and updated."""
    path = tmp_path / "there.ttom"
    with Memory() as memory:
        first, second = learn(memory, 0, layout={"prompt": "é"}, extra={"seed": 7}, parents=("ab",)), learn(memory, 1)
        memory.update(first.id, {n: t + 2 for n, t in memory.load(first).items()}, 0.5)
        memory.record_use(first.id, 12)
        assert export_memory(memory, path) == 2
        assert [path.name for path in tmp_path.iterdir()] == ["there.ttom"]
        return path, [memory.get(first.id), second], [memory.load(first), memory.load(second)]


def test_round_trip(exported, folder, axis, spec):
    path, entries, adapters = exported
    with Memory(folder) as memory:
        adopted = import_memory(memory, path)
        assert adopted.added == tuple(entry.id for entry in entries)
        assert list(memory) == entries
        for i, (entry, adapter) in enumerate(zip(entries, adapters, strict=True)):
            assert memory.read(axis(i), fingerprint="wan", spec=spec)[0].entry == entry
            assert content_hash(memory.load(entry)) == content_hash(adapter)
        again = import_memory(memory, path)
        assert (again.added, again.changed, again.evicted) == ((), (), ())
        assert memory.verify().clean


def test_empty_memory_and_missing_file(tmp_path):
    with Memory() as memory:
        assert export_memory(memory, tmp_path / "empty") == 0
        assert import_memory(memory, tmp_path / "empty").added == ()
        with pytest.raises(FileNotFoundError, match="absent"):
            import_memory(memory, tmp_path / "absent")


def test_capacity_holds_after_an_import(exported):
    with Memory(capacity=1) as memory:
        adopted = import_memory(memory, exported[0])
        assert len(memory) == 1
        assert len(adopted.evicted) == 1
        assert next(iter(memory)).hits == 1


def test_capacity_holds_after_an_import_into_an_index_in_use(exported, learn, axis, spec):
    """An entry may come and go in the same change."""
    path, _, _ = exported
    with Memory(capacity=1) as memory:
        kept = learn(memory, 3)
        memory.record_use(kept.id)
        memory.record_use(kept.id)
        assert memory.read(axis(3), fingerprint="wan", spec=spec)
        import_memory(memory, path)
        assert [match.entry.id for match in memory.read(axis(3), fingerprint="wan", spec=spec, k=3)] == [kept.id]


def test_the_same_entry_twice(exported, folder, adapter):
    _, (entry, _), (first, _) = exported
    tensors = {name: tensor + 1 for name, tensor in adapter(5).items()}
    further = replace(entry, merged=9, content_hash=content_hash(tensors))
    with Memory(folder) as memory:
        memory.adopt([(entry, first), (further, tensors)])
        assert memory.get(entry.id).merged == 9
        assert memory.verify().clean


def test_merge_keeps_what_is_further_and_the_greater_counts(learn, adapter, axis, spec):
    with Memory() as here, Memory() as there:
        ours, shared = learn(here, 0), learn(here, 1)
        merge_memories(there, here)
        theirs = learn(there, 2)
        there.update(shared.id, adapter(5.0), 1.0)
        there.record_use(shared.id, 4)
        there.record_use(ours.id, 1)
        here.record_use(ours.id, 9)
        here.record_use(ours.id, 9)
        adopted = merge_memories(here, there)
        assert (adopted.added, adopted.changed) == ((theirs.id,), (shared.id,))
        assert (here.get(shared.id).merged, here.get(shared.id).hits) == (2, 1)
        torch.testing.assert_close(here.load(shared), adapter(3.0))
        assert (here.get(ours.id).hits, here.get(ours.id).iterations_saved) == (2, 18)
        for i, entry in enumerate((ours, shared, theirs)):
            assert here.read(axis(i), fingerprint="wan", spec=spec)[0].entry.id == entry.id
        assert here.verify().clean


def test_damaged_entries_are_left_out_of_an_export(folder, learn, tmp_path):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(2)]
        next(folder.glob(f"adapters/{entries[0].id}*")).write_bytes(b"torn")
        with pytest.warns(UserWarning, match="quarantined"):
            assert export_memory(memory, tmp_path / "out") == 1


def test_full_disk_leaves_no_half_an_export(folder, learn, adapter, tmp_path):
    big = {name: torch.randn(300, 300) for name in adapter(0)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Memory(folder) as memory:
        learn(memory, 0, adapter=big)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        try:
            with pytest.raises(MemoryWriteError):
                export_memory(memory, tmp_path / "out")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["memory"]


def pack(path, members, manifest=None, compression=zipfile.ZIP_STORED):
    """Write an archive of (name, data) with a manifest that agrees, unless told otherwise."""
    hashes = {n.split("/")[-1].removesuffix(".safetensors"): hashlib.sha256(d).hexdigest() for n, d in members}
    content = {"format": "ttom-memory", "version": 1, "entries": hashes} | (manifest or {})
    with zipfile.ZipFile(path, "w", compression) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        for name, data in members:
            archive.writestr(name, data)
        archive.writestr("manifest.json", json.dumps(content))


def forged(entry, tensors, **changes):
    """Return a member whose hashes are right and whose entry says what it must not."""
    known = {"content_hash": content_hash(tensors), "nbytes": sum(t.nbytes for t in tensors.values())}
    entry = replace(entry, **(known | changes))
    return f"adapters/{entry.id}.safetensors", encode(entry, tensors)


def attacks(entry, tensors):
    name, data = forged(entry, tensors)
    key = min(tensors)  # the order of tensors that were loaded is not fixed
    yield "name", [("../../evil.safetensors", data)], {}, {}
    yield "name", [("/etc/evil.safetensors", data)], {}, {}
    yield "name", [("adapters/../adapters/ab.safetensors", data)], {}, {}
    yield "name", [(name, data), ("evil.pkl", b"x")], {}, {}
    yield "name", [("adapters\\ab.safetensors", data)], {}, {}
    yield "twice", [(name, data), (name, data)], {}, {}
    yield "compressed", [(name, data)], {}, {"compression": zipfile.ZIP_DEFLATED}
    yield "compressed", [("adapters/ab.safetensors", bytes(50_000_000))], {}, {"compression": zipfile.ZIP_DEFLATED}
    yield "hash", [(name, data)], {"entries": {entry.id: "0" * 64}}, {}
    yield "lists other", [(name, data)], {"entries": {}}, {}
    yield "lists other", [(name, data)], {"entries": {entry.id: "0" * 64, "../x": "0" * 64}}, {}
    yield "manifest", [(name, data)], {"format": "other"}, {}
    yield "manifest", [(name, data)], {"version": 99}, {}
    yield "says that it is", [("adapters/abcdef.safetensors", data)], {}, {}
    yield "no adapter file", [(name, b"not safetensors")], {}, {}
    yield "hash of its header", [(name, data.replace(b"moves", b"mover"))], {}, {}
    yield "hash of its tensors", [(name, data[:-1] + bytes([data[-1] ^ 1]))], {}, {}
    yield "floating", [forged(entry, {key: torch.ones(2, 4, dtype=torch.int64)})], {}, {}
    yield "shape", [forged(entry, {key: torch.ones(3, 4)})], {}, {}
    yield "shape", [forged(entry, {key: torch.ones(2)})], {}, {}
    yield "no LoRA matrix", [forged(entry, {"transformer.blocks.9.attn2.to_q.lora_A.weight": torch.ones(2, 4)})], {}, {}
    yield "no LoRA matrix", [forged(entry, {"os.system": torch.ones(2, 4)})], {}, {}
    yield "only the LoRA matrix", [forged(entry, {key: tensors[key]})], {}, {}
    other = {name.replace("transformer.", "evil."): tensor.clone() for name, tensor in tensors.items()}
    yield "one transformer", [forged(entry, tensors | other)], {}, {}
    more = replace(entry.spec, target_modules=(*entry.spec.target_modules, "blocks.1.attn2.to_q"))
    yield "all modules", [forged(entry, tensors, spec=more)], {}, {}
    yield "finite", [forged(entry, tensors | {key: torch.full(tensors[key].shape, float("nan"))})], {}, {}
    yield "finite", [forged(entry, tensors | {key: torch.full(tensors[key].shape, float("inf"))})], {}, {}
    yield "all modules", [forged(entry, {})], {}, {}
    yield "key", [forged(entry, tensors, key=np.zeros(4, np.float32))], {}, {}
    yield "key", [forged(entry, tensors, key=np.array([1, np.nan], np.float32))], {}, {}
    yield "count", [forged(entry, tensors, hits=-1)], {}, {}
    yield "count", [forged(entry, tensors, hits=2**70)], {}, {}
    yield "count", [forged(entry, tensors, merged="9")], {}, {}
    yield "text", [forged(entry, tensors, prompt=["a"])], {}, {}
    yield "number", [forged(entry, tensors, weight=0)], {}, {}
    yield "number", [forged(entry, tensors, created="now")], {}, {}
    yield "number", [forged(entry, tensors, created=10**30)], {}, {}
    yield "loss", [forged(entry, tensors, loss_after="low")], {}, {}
    yield "loss", [forged(entry, tensors, loss_after=10**30)], {}, {}
    yield "text", [forged(entry, tensors, prompt="half of a character: \ud83d")], {}, {}
    yield "size", [forged(entry, tensors, nbytes=1)], {}, {}


def test_crafted_files_are_refused_and_nothing_is_written(exported, folder, learn, tmp_path):
    _, entries, adapters = exported
    sound = forged(entries[1], adapters[1])
    with Memory(folder) as memory:
        kept = learn(memory, 3)
        before = sorted(path.name for path in tmp_path.rglob("*") if "sqlite" not in path.name)
        for number, (reason, members, manifest, options) in enumerate(attacks(entries[0], adapters[0])):
            path = tmp_path / "crafted"
            pack(path, [sound, *members] if not manifest else members, manifest, **options)
            with pytest.raises(ImportRefusedError, match=reason) as refusal:
                import_memory(memory, path)
            assert "nothing was imported" in str(refusal.value), number
            path.unlink()
            assert list(memory) == [kept], number
            assert sorted(path.name for path in tmp_path.rglob("*") if "sqlite" not in path.name) == before, number
        assert memory.verify().clean


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a zip" * 100])
def test_what_is_no_archive_is_refused(tmp_path, memory, content):
    path = tmp_path / "crafted"
    path.write_bytes(content)
    with pytest.raises(ImportRefusedError):
        import_memory(memory, path)


def test_truncated_and_flipped_exports_are_refused(exported, memory, tmp_path):
    data = exported[0].read_bytes()
    path = tmp_path / "crafted"
    for cut in (10, len(data) // 2, len(data) - 5):
        path.write_bytes(data[:cut])
        with pytest.raises(ImportRefusedError):
            import_memory(memory, path)
    refused = 0
    for where in range(40, len(data), len(data) // 60):
        path.write_bytes(data[:where] + bytes([data[where] ^ 0x10]) + data[where + 1 :])
        try:
            import_memory(memory, path)
        except ImportRefusedError:
            refused += 1
        else:  # a byte of the archive that says nothing, such as a date
            assert {asdict(e.spec)["rank"] for e in memory} == {2}
            for entry in list(memory):
                memory.delete(entry.id)
        assert len(memory) == 0
    assert refused > 40
