"""Memories between machines: what is exported comes back, and nothing else gets in."""

import hashlib
import json
import random
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


DEEP = "x"
for _ in range(100):
    DEEP = [DEEP]
NASTY = {
    "created": [-1e18, 1e300, -1, True, None, "0"],
    "last_used": [1e300, 2**80, [0]],
    "weight": [1e300, 1e-300, -1, True],
    "hits": [True, 1.5, 2**60],
    "iterations_saved": [2**62, -1, {}],
    "iterations": [10**13, "1"],
    "merged": [0, 2**40],
    "loss_before": [1e300, True, [1]],
    "prompt": ["x" * 1_000_001, 5, None],
    "key_text": [[], "\ud800"],
    "fingerprint": ["f" * 1001],
    "parents": [["x" * 300], ["a"] * 10_001, [["a"]], "ab", [1]],
    "key": ["!", "AAAA", "", 5, "AAAAAA==", "//9/fw==", "AQAAAA=="],
    "spec.alpha": [1e308, 10**400, 1e-300, 0, "2", None],
    "spec.rank": [2.5, "2", 2**70, 0],
    "spec.active_steps": [10**9, 1.5, -1],
    "spec.target_modules": [["m" * 600], "blocks.0.attn2.to_q", [], [1, "a"], None],
    "extra": [
        {"cold_iterations": 2**80},
        {"cold_iterations": 1.5},
        {"cold_iterations": True},
        {"cold_iterations": -1},
        {"other": 2**80},
        {"writer": 5},
        {"attention": 5},
        {"attention": {"before": 5}},
        {"attention": {"before": {"shape": [-1, 1, 2, 2], "uint8": "AAAA"}}},
        {"attention": {"before": {"shape": [1, 1, 1, 5], "uint8": "AAAA"}}},
        {"attention": {"before": {"shape": [1, 1, 2**70, 1], "uint8": "AAAA"}}},
        {"attention": {"before": {"shape": "1234", "uint8": "AAAA"}}},
        {"text": "\udfff"},
        {"deep": DEEP},
        [],
        None,
    ],
    "layout": [{"deep": DEEP}, [], "x", {"n": 10**30}],
    "a field that none has": [1],
    "id": ["../../x", "G", "", 5],
}
"""What fields must not be, by name."""


def resigned(data, change):
    """Return an adapter file whose record was changed, with hashes that agree."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    metadata = header["__metadata__"]
    metadata["ttom_entry"] = json.dumps(change(json.loads(metadata["ttom_entry"])))
    del metadata["ttom_header_sha256"]
    metadata["ttom_header_sha256"] = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode()).hexdigest()
    packed = json.dumps(header).encode()
    return len(packed).to_bytes(8, "little") + packed + data[8 + size :]


def rewritten(entry, tensors, name, value):
    """Return a member in which a field of the entry is another, even one that no entry can hold."""

    def change(record):
        first, *rest = name.split(".")
        return record | {first: record[first] | {rest[0]: value} if rest else value}

    member, data = forged(entry, tensors)
    return member, resigned(data, change)


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
    for name, values in NASTY.items():
        for value in values:
            yield name, [rewritten(entry, tensors, name, value)], {}, {}


def test_crafted_files_are_refused_and_nothing_is_written(exported, folder, learn, tmp_path):
    _, entries, adapters = exported
    sound = forged(entries[1], adapters[1])
    with Memory(folder) as memory:
        kept = learn(memory, 3)
        before = sorted(path.name for path in tmp_path.rglob("*") if "sqlite" not in path.name)
        for number, (reason, members, manifest, options) in enumerate(attacks(entries[0], adapters[0])):
            path = tmp_path / "crafted"
            pack(path, [sound, *members] if not manifest else members, manifest, **options)
            pattern = reason.split(".")[-1] if reason not in NASTY else "."
            with pytest.raises(ImportRefusedError, match=pattern) as refusal:
                import_memory(memory, path)
            assert str(refusal.value).isprintable()
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


def poison(rng, value, nasty):
    """Return JSON data in which something, somewhere, is something else."""
    if rng.random() < 0.3 or not isinstance(value, dict | list) or not value:
        return rng.choice(nasty)
    if isinstance(value, list):
        place = rng.randrange(len(value))
        return [poison(rng, each, nasty) if i == place else each for i, each in enumerate(value)]
    chosen = rng.choice(list(value))
    changed = {name: poison(rng, each, nasty) if name == chosen else each for name, each in value.items()}
    if rng.random() < 0.1:
        changed.pop(chosen)
    return changed


def imported(memory, path):
    """Import a file, and return whether it was taken; any other error than a refusal is one of the test."""
    refusals = []
    try:
        import_memory(memory, path)
    except ImportRefusedError as error:
        refusals.append(str(error))
    assert all(message.isprintable() and "is refused" in message for message in refusals)
    return not refusals


def test_fuzzed_records_are_refused_or_harmless(exported, tmp_path, capsys):
    """What gets in can be listed, shown, summed up, read, used and exported again."""
    from ttom_pl.cli import main as ttom

    _, entries, adapters = exported
    rng = random.Random(0)
    nasty = [value for values in NASTY.values() for value in values]
    nasty += [0, -0.0, 1, "", "\x1b[31mred\x9b2J\u202e", {}, [], True, None, 1e308, 0.1, [0.5, None], {"tracks": [{}]}]
    member, data = forged(entries[0], adapters[0])
    accepted = 0
    for number in range(150):
        path, folder = tmp_path / "crafted", tmp_path / str(number)
        pack(path, [(member, resigned(data, lambda record: poison(rng, record, nasty)))])
        with Memory(folder) as memory:
            if not imported(memory, path):
                assert list(memory) == []
                continue
            accepted += 1
            (entry,) = memory
            (match,) = memory.read(entry.key, fingerprint=entry.fingerprint, spec=entry.spec, threshold=0.9)
            memory.record_use(match.entry.id, 10)
            memory.update(entry.id, memory.load(entry))
            export_memory(memory, tmp_path / "again")
            assert memory.verify().clean
        for command in (["list", folder], ["show", folder, entry.id], ["stats", folder], ["verify", folder]):
            ttom(["memory", *map(str, command)])
            printed = capsys.readouterr().out
            assert all(each.isprintable() or each == "\n" for each in printed)
    assert 5 < accepted < 100


def test_fuzzed_archives_are_refused_or_harmless(exported, memory, tmp_path):
    """Bytes of the archive are changed, cut, doubled and moved at random."""
    data = exported[0].read_bytes()
    rng, path = random.Random(1), tmp_path / "crafted"
    refused = 0
    for _ in range(400):
        crafted = bytearray(data)
        for _ in range(rng.choice([1, 1, 4])):
            start = rng.choice([rng.randrange(len(crafted)), len(crafted) - 1 - rng.randrange(300)])
            match rng.randrange(4):
                case 0:
                    crafted[start] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
                case 1:
                    crafted[start : start + 8] = rng.randbytes(8)
                case 2:
                    del crafted[start : start + rng.randrange(1, 60)]
                case 3:
                    crafted[start:start] = crafted[start : start + rng.randrange(60)]
        path.write_bytes(crafted)
        refused += not imported(memory, path)
        assert {entry.id for entry in memory} <= {entry.id for entry in exported[1]}
    assert refused > 300
    assert memory.verify().clean
