"""What the database does not know and the files do: an old copy of it, a lost log, kills between the two."""

import shutil
import warnings

import pytest
import torch

from ttom_pl.memory import EntryNotFoundError, Memory, verify_folder
from ttom_pl.memory.database.schema import insert
from ttom_pl.memory.files import AdapterFiles


@pytest.fixture
def one_behind(folder):
    """Run a last write, and put the database back to what it was before, as after a lost log."""

    def run(write):
        old = folder.with_name("old.sqlite")
        shutil.copy(folder / "memory.sqlite", old)
        with Memory(folder) as memory:
            result = write(memory)
        shutil.copy(old, folder / "memory.sqlite")
        return result

    return run


def reopened(folder):
    with Memory(folder) as memory:
        assert memory.verify().clean
        return list(memory)


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("repair", [False, True])
def test_an_insert_that_the_database_has_lost_is_taken_up(folder, learn, one_behind, axis, spec, repair):
    with Memory(folder) as memory:
        known = learn(memory, 0)
    lost = one_behind(lambda memory: learn(memory, 1))
    assert len(verify_folder(folder).orphans) == 1
    with pytest.warns(UserWarning, match="is taken up"):
        report = verify_folder(folder, repair=True) if repair else Memory(folder).close()
    assert report is None or (len(report.orphans), report.repaired) == (1, True)
    assert reopened(folder) == [known, lost]
    with Memory(folder) as memory:
        assert memory.read(axis(1), fingerprint="wan", spec=spec)[0].entry == lost
        after = learn(memory, 2)
        memory.update(lost.id, memory.load(after))
    assert [entry.id for entry in reopened(folder)] == [known.id, lost.id, after.id]


def test_an_update_that_the_database_has_lost_is_taken_up(folder, learn, one_behind, adapter):
    with Memory(folder) as memory:
        entry = learn(memory, 0, adapter=adapter(1.0))
        memory.record_use(entry.id, 5)
    updated = one_behind(lambda memory: memory.update(entry.id, adapter(4.0), 0.5))
    with pytest.warns(UserWarning, match="is taken up"):
        Memory(folder).close()
    assert reopened(folder) == [updated]
    with Memory(folder) as memory:
        torch.testing.assert_close(memory.load(entry), adapter(2.0))


def test_a_deletion_that_the_database_has_lost(folder, learn, one_behind):
    with Memory(folder) as memory:
        entry, kept = learn(memory, 0), learn(memory, 1)
    one_behind(lambda memory: memory.delete(entry.id))
    with Memory(folder) as memory:
        assert memory.verify().damaged == (entry.id,)
        with pytest.warns(UserWarning, match="quarantined"):
            memory.verify(repair=True)
    assert reopened(folder) == [kept]


def test_an_insert_with_eviction_that_the_database_has_lost(folder, learn):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(2)]
    shutil.copy(folder / "memory.sqlite", folder.with_name("old"))
    with Memory(folder, capacity=2) as memory:
        new = learn(memory, 2)
    shutil.copy(folder.with_name("old"), folder / "memory.sqlite")
    with pytest.warns(UserWarning, match=r"taken up|quarantined"):
        verify_folder(folder, repair=True)
    assert reopened(folder) == [entries[1], new]


def test_many_entries_in_one_lost_write(folder, learn, one_behind):
    with Memory() as other:
        entries = [learn(other, i) for i in range(5)]
        Memory(folder).close()
        one_behind(lambda memory: memory.adopt((entry, other.load(entry)) for entry in entries))
        with pytest.warns(UserWarning, match="is taken up"):
            Memory(folder).close()
        assert {entry.id for entry in reopened(folder)} == {entry.id for entry in entries}


class KilledError(BaseException):
    """Stands for a kill: nothing after it is run in its process."""


def kill(monkeypatch, method):
    def die(*_):
        raise KilledError

    monkeypatch.setattr(AdapterFiles, method, die)


def test_what_was_forgotten_does_not_come_back(folder, learn, adapter, monkeypatch):
    """The process is killed after the commit and before the files are removed."""
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(3)]
        with monkeypatch.context() as patched:
            kill(patched, "remove")
            with pytest.raises(KilledError):
                memory.delete(entries[0].id)
    with Memory(folder) as memory, monkeypatch.context() as patched:
        kill(patched, "remove")
        with pytest.raises(KilledError):
            memory.update(entries[1].id, adapter(7.0))
    assert len(list(folder.glob("adapters/*"))) == 3
    before = verify_folder(folder)
    assert (before.entries, len(before.orphans), before.database) == (2, 1, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [entry.id for entry in reopened(folder)] == [entries[1].id, entries[2].id]
    assert len(list(folder.glob("adapters/*"))) == 2
    assert "quarantine" not in names(folder)


def test_what_was_forgotten_does_not_come_back_with_a_rebuilt_database(folder, learn, monkeypatch):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(3)]
        with monkeypatch.context() as patched:
            kill(patched, "remove")
            with pytest.raises(KilledError):
                memory.delete(entries[0].id)
        memory._records.database._connection.execute("UPDATE entries SET layout = '{'")
    assert verify_folder(folder, repair=True).entries == 2
    assert reopened(folder) == entries[1:]


def test_a_write_that_was_not_acknowledged_is_whole_or_not_there(folder, learn, adapter, monkeypatch):
    with Memory(folder) as memory:
        entry = learn(memory, 0, adapter=adapter(1.0))
        with monkeypatch.context() as patched:
            kill(patched, "remove")  # also keeps the failed write from being undone
            patched.setattr(
                "ttom_pl.memory.database.schema.insert_entry", lambda *_: (_ for _ in ()).throw(KilledError)
            )
            with pytest.raises(KilledError):
                learn(memory, 1)
    with pytest.warns(UserWarning, match="is taken up"):
        Memory(folder).close()
    assert [each.prompt for each in reopened(folder)] == [entry.prompt, "a thing 1 moves"]


def test_files_that_are_no_entries_are_kept_in_quarantine(folder, learn):
    with Memory(folder) as memory:
        entry = learn(memory, 0)
    path = next(folder.glob("adapters/*"))
    torn = path.with_name("0123456789ab-000000000002.safetensors")
    torn.write_bytes(path.read_bytes()[:-5])
    copied = path.with_name("ba9876543210-000000000001.safetensors")
    shutil.copy(path, copied)
    (folder / "adapters" / "half.safetensors.tmp").write_bytes(b"x")
    with pytest.warns(UserWarning, match="in quarantine"):
        assert reopened(folder) == [entry]
    assert {each.name for each in (folder / "quarantine").iterdir()} == {torn.name, copied.name}
    assert list(folder.glob("adapters/*")) == [path]


def test_a_damaged_list_of_what_goes_removes_nothing(folder, learn, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("precious")
    with Memory(folder) as memory:
        entry = learn(memory, 0)
        with memory._records.database.writing() as connection:
            insert(connection, "removed", {"file": "../../outside"})
            insert(connection, "removed", {"file": "../../outside.tmp"})
            connection.execute("INSERT INTO removed VALUES (?, '')", (next(folder.glob("adapters/*")).name,))
    with pytest.raises(EntryNotFoundError), Memory(folder) as memory:
        memory.get("absent")
    assert outside.read_text() == "precious"
    assert reopened(folder) == [entry]


@pytest.mark.parametrize("kind", ["insert", "update"])
def test_a_marked_write_that_is_taken_up_happens_once(folder, learn, one_behind, adapter, axis, spec, kind):
    """Whoever was killed in it makes it again, and finds the mark: no second merge, no second lookup."""
    with Memory(folder) as memory:
        entry = learn(memory, 0, adapter=adapter(1.0))
    new = {"key": axis(1), "key_text": "k", "prompt": "p", "fingerprint": "wan", "spec": spec, "entry_id": "0" * 12}

    def write(memory):
        with memory.transaction() as transaction:
            if not transaction.is_marked("a prompt"):
                transaction.record(entry.id if kind == "update" else None, 3 * (kind == "update"), mark="a prompt")
                if kind == "update":
                    transaction.update(entry.id, adapter(4.0), 0.5)
                else:
                    transaction.insert(adapter(4.0), **new)
        return list(memory), memory.history()

    once = one_behind(write)
    with pytest.warns(UserWarning, match="is taken up"):
        Memory(folder).close()
    with Memory(folder) as memory:
        assert (list(memory), memory.history()) == once
        assert write(memory) == once
        assert memory.verify().clean
