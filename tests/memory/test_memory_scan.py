"""Without hnswlib everything works, by an exact scan."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_memory_index import unit

from ttom_pl.memory import Memory, verify_folder
from ttom_pl.memory.search import approximate as index
from ttom_pl.memory.search.approximate import VectorIndex, new_index, warn_if_slow
from ttom_pl.memory.search.exact import ExactIndex

ROOT = Path(__file__).parents[2]


@pytest.fixture
def without_hnswlib(monkeypatch):
    monkeypatch.setattr(index, "hnswlib", None)
    index._warn_slow.cache_clear()


def test_the_scan_is_exact_under_churn():
    rng = np.random.default_rng(0)
    scan, kept = ExactIndex(16), {}
    for label, vector in enumerate(unit(rng, 900, 16)):
        if len(kept) == 200:
            oldest = next(iter(kept))
            scan.remove([oldest])
            del kept[oldest]
        scan.add([label], 3 * vector[None])
        kept[label] = vector
    assert len(scan) == 200
    assert scan.slots == 256
    labels, vectors = np.array(list(kept)), np.stack(list(kept.values()))
    for query in unit(rng, 50, 16):
        order = np.argsort(-(vectors @ query))[:5]
        found = scan.search(query, 5)
        assert [label for label, _ in found] == labels[order].tolist()
        np.testing.assert_allclose([similarity for _, similarity in found], (vectors @ query)[order], atol=1e-6)
    assert len(scan.search(query, 1000)) == 200
    scan.remove(list(kept))
    assert scan.search(query, 3) == []


def test_it_agrees_with_the_index():
    rng = np.random.default_rng(1)
    vectors = unit(rng, 300)
    scan, graph = ExactIndex(32), VectorIndex(32)
    for each in (scan, graph):
        each.add(range(300), vectors)
        each.remove(range(100))
    for query in unit(rng, 50):
        (one, similarity), (other, expected) = scan.search(query, 1)[0], graph.search(query, 1)[0]
        assert one == other
        assert similarity == pytest.approx(expected, abs=1e-5)


def test_a_memory_works_and_takes_turns_with_one_that_has_it(folder, learn, axis, spec, monkeypatch, without_hnswlib):
    def found():
        with Memory(folder) as memory:
            return [memory.read(axis(i), fingerprint="wan", spec=spec)[0].entry.id for i in range(len(memory))]

    with Memory(folder) as memory:
        entries = [learn(memory, i).id for i in range(3)]
        assert isinstance(new_index(4), ExactIndex)
    assert found() == entries
    assert not list(folder.glob("index/*"))
    monkeypatch.undo()
    assert found() == entries
    (snapshot,) = folder.glob("index/*")
    monkeypatch.setattr(index, "hnswlib", None)
    with Memory(folder) as memory:
        entries.append(learn(memory, 3).id)
    assert found() == entries
    assert snapshot.exists()
    assert verify_folder(folder).clean
    monkeypatch.undo()
    assert found() == entries


def test_a_large_memory_says_that_it_is_slow(monkeypatch, without_hnswlib, recwarn):
    monkeypatch.setattr(index, "_SLOW", 100)
    scan = new_index(8)
    scan.add(range(99), unit(np.random.default_rng(0), 99, 8))
    warn_if_slow(scan)
    assert not recwarn.list
    scan.add([99], np.ones((1, 8), np.float32))
    with pytest.warns(UserWarning, match="pip install hnswlib"):
        warn_if_slow(scan)
    warn_if_slow(scan)
    assert not recwarn.list


def test_the_package_is_imported_where_it_is_not_installed(tmp_path):
    code = f"""
import sys
sys.modules["hnswlib"] = None
import numpy as np, torch
from ttom_pl.memory import AdapterSpec, Memory
spec = AdapterSpec(1, 1, ("m",), 5)
with Memory({str(tmp_path / "memory")!r}) as memory:
    entry = memory.insert({{"a": torch.ones(2)}}, key=np.ones(3), key_text="", prompt="", fingerprint="f", spec=spec)
    assert memory.read(np.ones(3), fingerprint="f", spec=spec)[0].entry == entry
print("fine")
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert result.stdout == "fine\n", result.stderr
