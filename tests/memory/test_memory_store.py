"""The store in one process: what goes in comes out, and only what fits."""

import json

import numpy as np
import pytest
import torch

from ttom_pl.memory import (
    FIFO,
    LRU,
    AdapterSpec,
    Entry,
    EntryNotFoundError,
    LeastIterationsSaved,
    Memory,
    PaperMerge,
)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_entry_comes_back_as_it_was_inserted(memory, learn, adapter, axis):
    layout = {"prompt": "a", "tracks": [{"boxes": ((0, 0, 1, 1), None)}]}
    entry = learn(memory, 3, layout=layout, loss_before=0.6, loss_after=0.1, iterations=40, parents=("abc",))
    got = memory.get(entry.id)
    assert got == entry
    np.testing.assert_array_equal(got.key, axis(3))
    assert got.layout["tracks"][0]["boxes"] == [[0, 0, 1, 1], None]
    assert (got.hits, got.merged, got.weight, got.created, got.parents) == (0, 1, 1.0, got.last_used, ("abc",))
    assert same(memory.load(entry), adapter(3))
    assert got.nbytes == memory.nbytes == 2 * 8 * 4


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_precision_is_kept(memory, learn, dtype):
    tensors = {"transformer.blocks.0.attn2.to_q.lora_A.weight": torch.randn(3, 4, dtype=dtype).T.requires_grad_()}
    loaded = memory.load(learn(memory, 0, adapter=tensors))
    assert same(loaded, tensors)
    assert next(iter(loaded.values())).dtype == dtype


def test_entry_json_round_trip(memory, learn):
    entry = learn(memory, 1, layout={"prompt": "é"})
    again = Entry.from_dict(json.loads(json.dumps(entry.to_dict())))
    assert again == entry
    np.testing.assert_array_equal(again.key, entry.key)


def test_spec_digest_ignores_order_and_number_type_only():
    one = AdapterSpec(2, 2, ("b", "a"), 5)
    assert one.digest == AdapterSpec(2, 2.0, ("a", "b"), 5).digest
    for other in (AdapterSpec(3, 2, ("a", "b"), 5), AdapterSpec(2, 1, ("a", "b"), 5), AdapterSpec(2, 2, ("a", "b"), 4)):
        assert one.digest != other.digest
    with pytest.raises(ValueError, match="rank"):
        AdapterSpec(0, 2, ("a",), 5)


def test_read_returns_the_nearest_above_the_threshold(memory, learn, axis, spec):
    entries = [learn(memory, i) for i in range(6)]
    query = axis(2) + 0.5 * axis(4)
    matches = memory.read(query, fingerprint="wan", spec=spec, k=3, threshold=0.3)
    assert [match.entry.id for match in matches] == [entries[2].id, entries[4].id]
    assert [match.similarity for match in matches] == pytest.approx([1 / 1.25**0.5, 0.5 / 1.25**0.5])
    assert len(memory.read(query, fingerprint="wan", spec=spec, k=100)) == 6
    assert memory.read(axis(9), fingerprint="wan", spec=spec, threshold=0.1) == []
    assert memory.read(7 * axis(5), fingerprint="wan", spec=spec, threshold=1.0)[0].entry == entries[5]


def test_read_never_returns_another_backbone_or_specification(memory, learn, axis, spec):
    entry = learn(memory, 0)
    other = AdapterSpec(4, 4, spec.target_modules, 5)
    learn(memory, 0, fingerprint="cogvideox")
    learn(memory, 0, spec=other)
    learn(memory, 0, key=np.ones(3))
    assert [match.entry for match in memory.read(axis(0), fingerprint="wan", spec=spec, k=9)] == [entry]
    assert memory.read(axis(0), fingerprint="cogvideox", spec=other) == []


def test_only_a_recorded_use_counts(memory, learn, axis, spec):
    entry = learn(memory, 0)
    memory.read(axis(0), fingerprint="wan", spec=spec)
    memory.load(entry)
    assert memory.get(entry.id) == entry
    used = memory.record_use(entry.id, iterations_saved=30)
    assert memory.record_use(entry.id, iterations_saved=2).iterations_saved == 32
    assert (used.hits, used.iterations_saved) == (1, 30)
    assert used.last_used > entry.last_used


def test_a_prompt_that_is_served_again_counts_once(memory, learn):
    first, second, third = (learn(memory, i) for i in range(3))
    memory.record_miss()
    memory.record_use(first.id, 5)
    memory.record_use(first.id, 30, [third.id], mark="a")
    assert memory.get(first.id).iterations_saved == 35
    assert memory.record_use(first.id, 20, [third.id], mark="a").iterations_saved == 25
    assert (memory.get(first.id).hits, memory.get(third.id).hits, len(memory.history())) == (2, 1, 3)
    memory.record_use(second.id, 7, mark="a")  # this time another entry answered
    facts = [(each.hits, each.iterations_saved) for each in memory]
    assert facts == [(1, 5), (1, 7), (0, 0)]
    memory.record_miss(mark="a")
    memory.record_miss(mark="b")
    memory.record_miss(mark="b")
    assert [(each.hits, each.iterations_saved) for each in memory] == [(1, 5), (0, 0), (0, 0)]
    assert [lookup.entry for lookup in memory.history()] == [None, first.id, None, None]
    memory.record_use(second.id, 7, mark="b")
    memory.delete(second.id)
    memory.record_miss(mark="b")  # what is taken back may be gone
    assert memory.verify().clean


def test_counts_that_no_memory_can_hold_are_refused(memory, learn):
    entry = learn(memory, 0)
    for saved in (-1, 2**80):
        with pytest.raises(ValueError, match="iterations saved"):
            memory.record_use(entry.id, saved)
    for _ in range(3):
        memory.record_use(entry.id, 2**53)
    assert memory.get(entry.id).iterations_saved == 2**53
    with pytest.raises(ValueError, match="iterations"):
        learn(memory, 1, iterations=2**80)
    assert [each.id for each in memory] == [entry.id]
    assert len(memory.history()) == 3
    assert memory.verify().clean


def test_update_is_a_running_average(memory, learn, adapter):
    entry = learn(memory, 0, adapter=adapter(1.0), loss_before=0.6, loss_after=0.2, iterations=40)
    memory.update(entry.id, adapter(4.0), 0.5, loss_after=0.1, iterations=8)
    updated = memory.update(entry.id, adapter(9.0), 1.0)
    torch.testing.assert_close(memory.load(entry), adapter((1.0 + 0.5 * 4.0 + 9.0) / 2.5))
    assert updated == memory.get(entry.id)
    assert (updated.merged, updated.weight, updated.iterations) == (3, 2.5, 48)
    assert (updated.loss_before, updated.loss_after, updated.hits) == (0.6, 0.1, 0)
    assert len(memory._records.files.names()) == 1


def test_update_follows_the_merge_rule(learn, adapter):
    with Memory(merge=PaperMerge()) as memory:
        entry = learn(memory, 0, adapter=adapter(1.0))
        memory.update(entry.id, adapter(4.0), 0.5)
        memory.update(entry.id, adapter(8.0), 1.0)
        torch.testing.assert_close(memory.load(entry), adapter((2.0 + 8.0) / 2))


def test_unknown_entries(memory, adapter):
    for call in (
        lambda: memory.get("x"),
        lambda: memory.load("x"),
        lambda: memory.delete("x"),
        lambda: memory.record_use("x"),
        lambda: memory.update("x", adapter(1)),
    ):
        with pytest.raises(EntryNotFoundError, match="no entry 'x'"):
            call()


def test_what_cannot_be_remembered_is_refused_and_changes_nothing(memory, learn, adapter):
    kept = learn(memory, 0)
    name = next(iter(adapter(0)))
    for changes, message in (
        ({"adapter": {}}, "without tensors"),
        ({"adapter": {name: torch.tensor([float("nan")])}}, "not finite"),
        ({"adapter": {name: torch.ones(2, dtype=torch.int64)}}, "floating-point"),
        ({"key": np.zeros(4)}, "key"),
        ({"key": [1.0, float("inf")]}, "key"),
        ({"key": np.full(4, 1e30)}, "length of a key"),
        ({"key": np.full(4, 1e-30)}, "length of a key"),
        ({"layout": {"x": float("nan")}}, "JSON"),
        ({"prompt": "half of a character: \ud83d"}, "prompt has half of a character"),
        ({"key_text": "\udc00"}, "key_text has half of a character"),
    ):
        with pytest.raises(ValueError, match=message):
            learn(memory, 1, **changes)
    with pytest.raises(ValueError, match="one AdapterSpec"):
        memory.update(kept.id, {name: torch.ones(1)})
    with pytest.raises(ValueError, match="similarity"):
        memory.update(kept.id, adapter(1), 0.0)
    assert list(memory) == [kept]
    assert memory.verify().clean


def test_delete_and_iteration_in_order(memory, learn, axis, spec):
    entries = [learn(memory, i) for i in range(5)]
    memory.read(axis(0), fingerprint="wan", spec=spec)
    memory.delete(entries[0].id)
    assert list(memory) == entries[1:]
    assert len(memory) == 4
    assert entries[0] not in [m.entry for m in memory.read(axis(0), fingerprint="wan", spec=spec, k=9)]
    assert len(memory._records.files.names()) == 4


@pytest.mark.parametrize(
    ("policy", "expected"), [(None, 2), (LRU(), 0), (FIFO(), 0), (LeastIterationsSaved(), 1)], ids=str
)
def test_the_policy_decides_who_leaves(clock, learn, axis, spec, policy, expected):
    options = {} if policy is None else {"eviction": policy}
    with Memory(capacity=3, clock=clock, **options) as memory:
        entries = [learn(memory, i) for i in range(3)]
        for i, saved in ((0, 9), (0, 9), (1, 1), (1, 1), (2, 3)):
            memory.record_use(entries[i].id, saved)
        memory.read(axis(0), fingerprint="wan", spec=spec)
        new = learn(memory, 3)
        left = [entry for entry in entries if entry not in list(memory) and entry.id not in [e.id for e in memory]]
        assert [entry.id for entry in left] == [entries[expected].id]
        assert len(memory) == 3
        assert memory.read(axis(3), fingerprint="wan", spec=spec)[0].entry == new
        assert memory.verify().clean


def test_capacity_in_bytes_and_prune(clock, learn, adapter, folder):
    with Memory(folder, capacity_bytes=200, clock=clock) as memory:
        entries = [learn(memory, i) for i in range(5)]  # of 64 bytes
        assert list(memory) == entries[2:]
        big = {name: tensor.repeat(2, 2) for name, tensor in adapter(1).items()}
        with pytest.raises(ValueError, match="capacity_bytes"):
            learn(memory, 6, adapter=big)
        assert list(memory) == entries[2:]
        assert memory.verify().clean
    with Memory(folder, capacity=1, clock=clock) as memory:
        assert memory.prune() == (entries[2].id, entries[3].id)
        assert list(memory) == entries[4:]


def test_reopened_memory_is_the_same(folder, learn, adapter, axis, spec):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(4)]
        memory.read(axis(1), fingerprint="wan", spec=spec)
        memory.delete(entries[0].id)
    assert list(folder.glob("index/*.hnsw"))
    for snapshot_broken in (False, True):
        if snapshot_broken:
            next(folder.glob("index/*.hnsw")).write_bytes(b"torn")
        with Memory(folder) as memory:
            assert list(memory) == entries[1:]
            for i in (1, 2, 3):
                assert memory.read(axis(i), fingerprint="wan", spec=spec, threshold=0.9)[0].entry == entries[i]
                assert same(memory.load(entries[i]), adapter(i))
            assert memory.read(axis(0), fingerprint="wan", spec=spec, threshold=0.9) == []


def test_stale_snapshot_is_brought_up_to_date(folder, learn, axis, spec):
    with Memory(folder) as memory:
        first, second = learn(memory, 0), learn(memory, 1)
        memory.read(axis(1), fingerprint="wan", spec=spec)
    with Memory(folder) as memory:  # never searched, so no new snapshot
        third = learn(memory, 2)
        memory.delete(first.id)
    with Memory(folder) as memory:
        matches = memory.read(axis(2) + 0.5 * axis(1), fingerprint="wan", spec=spec, k=3)
        assert [match.entry for match in matches] == [third, second]


def test_two_objects_see_each_others_changes(folder, learn, adapter, axis, spec):
    with Memory(folder) as one, Memory(folder) as two:
        entry = learn(one, 0)
        assert two.read(axis(0), fingerprint="wan", spec=spec)[0].entry == entry
        two.update(entry.id, adapter(5.0), 1.0)
        torch.testing.assert_close(one.load(entry), adapter(2.5))
        two.delete(entry.id)
        assert one.read(axis(0), fingerprint="wan", spec=spec) == []


def test_temporary_memory_leaves_nothing_behind(learn):
    with Memory() as memory:
        learn(memory, 0)
        assert memory.path.is_dir()
    assert not memory.path.exists()


def test_what_is_kept_with_an_adapter_is_known_by_name(memory, spec):
    """A name that is missing, or written wrongly, is told rather than left out."""
    adapter = {"a": torch.ones(2)}
    with pytest.raises(TypeError, match="an entry of a memory lacks fingerprint, spec"):
        memory.insert(adapter, key=[1.0], key_text="", prompt="")
    given = {"key": [1.0], "key_text": "", "prompt": "", "fingerprint": "", "spec": spec}
    with pytest.raises(TypeError, match="an entry of a memory has no los_before"):
        memory.insert(adapter, **given, los_before=0.5)
    entry = memory.insert(adapter, **given)
    with pytest.raises(TypeError, match="has no iteration;"):
        memory.update(entry.id, adapter, iteration=3)
    assert len(memory) == 1
