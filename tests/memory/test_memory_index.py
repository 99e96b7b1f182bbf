"""The index: exact where it must be, and no larger than what it holds."""

import numpy as np
import pytest

from ttom_pl.memory.search.approximate import VectorIndex


def unit(rng, count, dimension=32):
    vectors = rng.standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_churn_keeps_size_and_recall():
    rng, capacity = np.random.default_rng(0), 400
    index, kept = VectorIndex(32), {}
    for label, vector in enumerate(unit(rng, 5 * capacity), start=1):
        if len(kept) == capacity:
            oldest = next(iter(kept))
            index.remove([oldest])
            del kept[oldest]
        index.add([label], vector[None])
        kept[label] = vector
    assert index.slots == len(index) == capacity
    labels, vectors = np.array(list(kept)), np.stack(list(kept.values()))
    queries = unit(rng, 200)
    exact = labels[(queries @ vectors.T).argmax(1)]
    found = [index.search(query, 1)[0] for query in queries]
    assert np.mean([label for label, _ in found] == exact) >= 0.99
    np.testing.assert_allclose([similarity for _, similarity in found], (queries @ vectors.T).max(1), atol=1e-5)


@pytest.mark.slow
def test_churn_keeps_size_and_recall_at_full_size():
    rng, capacity = np.random.default_rng(0), 10_000
    index, kept = VectorIndex(384), unit(rng, capacity, 384)
    index.add(range(capacity), kept)
    labels = np.arange(capacity)
    for turn in range(capacity // 2):
        index.remove([labels[turn]])
        labels[turn] += capacity
        kept[turn] = unit(rng, 1, 384)
        index.add([labels[turn]], kept[turn : turn + 1])
    assert index.slots == capacity
    queries = unit(rng, 300, 384)
    exact = labels[(queries @ kept.T).argmax(1)]
    assert np.mean([index.search(query, 1)[0][0] for query in queries] == exact) >= 0.99


@pytest.mark.slow
def test_a_hundred_thousand_inserts_need_no_more_room_than_a_thousand():
    rng, capacity = np.random.default_rng(0), 1000
    index = VectorIndex(8)
    index.add(range(capacity), unit(rng, capacity, 8))
    for label in range(capacity, 100_000):
        index.remove([label - capacity])
        index.add([label], unit(rng, 1, 8))
    assert index.slots == len(index) == capacity


def test_fewer_vectors_than_asked_for():
    rng = np.random.default_rng(0)
    index = VectorIndex(8)
    assert index.search(unit(rng, 1, 8)[0], 5) == []
    vectors = unit(rng, 300, 8)
    index.add(range(300), vectors)
    index.remove(range(297))
    assert {label for label, _ in index.search(vectors[0], 50)} == {297, 298, 299}
    index.remove([297, 298, 299])
    assert index.search(vectors[0], 1) == []
    index.add([300, 301], vectors[:2])
    assert [label for label, _ in index.search(vectors[1], 1)] == [301]
    assert index.slots == 300


def test_all_of_many_can_be_asked_for():
    vectors = unit(np.random.default_rng(0), 700, 8)
    index = VectorIndex(8)
    index.add(range(700), vectors)
    found = index.search(vectors[3], 700)
    assert sorted(label for label, _ in found) == list(range(700))
    assert [similarity for _, similarity in found] == sorted((s for _, s in found), reverse=True)


def test_snapshot_round_trip(tmp_path):
    vectors = unit(np.random.default_rng(0), 100, 8)
    index = VectorIndex(8)
    index.add(range(100), vectors)
    index.remove(range(10))
    path = tmp_path / "snapshot.hnsw"
    digest = index.save(path)
    again = VectorIndex.load(path, 8, digest, set(range(20, 200)))
    assert again is not None
    assert again.labels == set(range(20, 100))
    assert again.search(vectors[50], 3) == index.search(vectors[50], 3) or again.search(vectors[50], 1)[0][0] == 50
    again.add(range(200, 220), vectors[:20])
    assert again.slots == 100
    path.write_bytes(path.read_bytes()[:-1])
    assert VectorIndex.load(path, 8, digest, set()) is None
    assert VectorIndex.load(tmp_path / "absent", 8, digest, set()) is None
