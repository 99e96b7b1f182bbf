"""One memory object, several threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ttom_pl.memory import Memory


def test_another_thread_may_do_everything(folder, learn, axis, spec):
    with Memory(folder) as memory:
        entry = learn(memory, 0)

        def work():
            memory.record_use(entry.id, 1)
            memory.update(entry.id, memory.load(entry))
            memory.read(axis(0), fingerprint="wan", spec=spec)
            return learn(memory, 1)

        with ThreadPoolExecutor(1) as pool:
            new = pool.submit(work).result()
        assert [each.id for each in memory] == [entry.id, new.id]
        with ThreadPoolExecutor(1) as pool:
            pool.submit(memory.close).result()


def test_threads_lose_nothing_and_find_everything(folder, learn, spec):
    number, each = 4, 12
    rng = np.random.default_rng(0)
    keys = rng.standard_normal((number, each, 16))
    barrier = threading.Barrier(number)
    with Memory(folder) as memory, Memory(folder, read_only=True) as reader:

        def work(turn):
            barrier.wait()
            own = []
            for key in keys[turn]:
                own.append(learn(memory, turn, key=key))
                (match,) = memory.read(key, fingerprint="wan", spec=spec, threshold=0.99)
                assert match.entry.id == own[-1].id
                memory.record_use(own[0].id, 2, mark=None)
                memory.update(own[0].id, memory.load(own[0]))
                assert reader.get(own[-1].id).id == own[-1].id
                assert len(list(memory)) >= len(own)
            memory.delete(own[1].id)
            return own

        with ThreadPoolExecutor(number) as pool:
            owned = list(pool.map(work, range(number)))
        expected = {entry.id for own in owned for entry in own if entry is not own[1]}
        assert {entry.id for entry in memory} == expected
        for own in owned:
            first = memory.get(own[0].id)
            assert (first.hits, first.iterations_saved, first.merged) == (each, 2 * each, each + 1)
        assert len(memory.history()) == number * each
        for turn, own in enumerate(owned):
            for key, entry in zip(keys[turn], own, strict=True):
                found = memory.read(key, fingerprint="wan", spec=spec, threshold=0.99)
                assert [match.entry.id for match in found] == ([] if entry is own[1] else [entry.id])
        assert memory.verify().clean
