"""Random operations on a memory against a plain dict."""

import tempfile

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from ttom_pl.memory import AdapterSpec, EntryNotFoundError, Memory

CAPACITY = 4
NAME = "transformer.blocks.0.attn2.to_q.lora_A.weight"
SPECS = [AdapterSpec(rank, rank, ("blocks.0.attn2.to_q",), 5) for rank in (1, 2)]
KEYS = np.random.default_rng(0).standard_normal((12, 6)).astype(np.float32)
values = st.integers(-8, 8).map(float)
keys = st.integers(0, len(KEYS) - 1)
specs = st.sampled_from(SPECS)


def cosine(one, other):
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


class MemoryModel(RuleBasedStateMachine):
    """The dict holds (key, spec, value, weight, hits, saved, last used), in the order of insertion."""

    entries = Bundle("entries")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 0.0
        self.model = {}
        self.memory = self._open()

    def _open(self):
        return Memory(self.folder.name, capacity=CAPACITY, clock=lambda: self.now)

    def _tick(self):
        self.now += 1.0

    @rule(target=entries, key=keys, spec=specs, value=values)
    def insert(self, key, spec, value):
        self._tick()
        entry = self.memory.insert(
            {NAME: torch.full((2, 3), value)}, key=KEYS[key], key_text="", prompt="", fingerprint="wan", spec=spec
        )
        if len(self.model) == CAPACITY:
            del self.model[min(self.model, key=lambda name: (self.model[name]["hits"], self.model[name]["used"]))]
        self.model[entry.id] = {
            "key": key, "spec": spec, "value": value, "weight": 1.0, "hits": 0, "saved": 0, "used": self.now
        }  # fmt: skip
        return entry.id

    @rule(entry_id=entries, value=values, similarity=st.sampled_from([0.25, 0.5, 1.0]))
    def update(self, entry_id, value, similarity):
        self._tick()
        known = self.model.get(entry_id)
        if known is None:
            with pytest.raises(EntryNotFoundError):
                self.memory.update(entry_id, {NAME: torch.full((2, 3), value)}, similarity)
            return
        self.memory.update(entry_id, {NAME: torch.full((2, 3), value)}, similarity)
        total = known["weight"] + similarity
        known["value"] = (known["weight"] * known["value"] + similarity * value) / total
        known["weight"] = total

    @rule(entry_id=entries, saved=st.integers(0, 9))
    def use(self, entry_id, saved):
        self._tick()
        known = self.model.get(entry_id)
        if known is None:
            with pytest.raises(EntryNotFoundError):
                self.memory.record_use(entry_id, saved)
            return
        self.memory.record_use(entry_id, saved)
        known.update(hits=known["hits"] + 1, saved=known["saved"] + saved, used=self.now)

    @rule(entry_id=entries)
    def delete(self, entry_id):
        if entry_id in self.model:
            self.memory.delete(entry_id)
            del self.model[entry_id]

    @rule(key=keys, spec=specs, k=st.integers(1, 6), threshold=st.sampled_from([-1.0, 0.2, 0.9]))
    def read(self, key, spec, k, threshold):
        matches = self.memory.read(KEYS[key], fingerprint="wan", spec=spec, k=k, threshold=threshold)
        similarities = {
            name: cosine(KEYS[key], KEYS[known["key"]]) for name, known in self.model.items() if known["spec"] == spec
        }
        expected = sorted((value for value in similarities.values() if value >= threshold - 1e-6), reverse=True)[:k]
        assert [match.similarity for match in matches] == pytest.approx(expected, abs=1e-5)
        assert all(match.similarity == pytest.approx(similarities[match.entry.id], abs=1e-5) for match in matches)

    @rule()
    def reopen(self):
        self.memory.close()
        self.memory = self._open()

    @invariant()
    def agrees(self):
        entries = list(self.memory)
        assert [entry.id for entry in entries] == list(self.model)
        for entry, known in zip(entries, self.model.values(), strict=True):
            assert (entry.hits, entry.iterations_saved, entry.spec) == (known["hits"], known["saved"], known["spec"])
            assert entry.weight == known["weight"]
            torch.testing.assert_close(self.memory.load(entry)[NAME], torch.full((2, 3), known["value"]))

    def teardown(self):
        assert self.memory.verify().clean
        self.memory.close()
        self.folder.cleanup()


checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
TestMemoryModel = MemoryModel.TestCase
TestMemoryModel.settings = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=checks,
    derandomize=True,
    database=None,
)


@pytest.mark.slow
class TestMemoryModelAtLength(MemoryModel.TestCase):
    settings = settings(
        max_examples=100, stateful_step_count=100, deadline=None, suppress_health_check=checks, database=None
    )
