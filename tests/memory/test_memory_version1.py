"""Memories that the first version of the store made go on in this one."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from version1 import write_version_1

from ttom_pl.memory import DamagedDatabaseError, Memory, verify_folder


@pytest.fixture
def old(folder, clock, learn, adapter):
    """A memory of the first version, and the entries and lookups that are in it."""
    with Memory(clock=clock) as memory:
        entries = [learn(memory, i, layout={"z": 1, "a": "é"}, extra={"seed": i}) for i in range(4)]
        memory.record_miss()
        memory.update(entries[1].id, adapter(3.0), 0.5)
        memory.record_use(entries[2].id, 12)
        write_version_1(memory, folder)
        return list(memory), memory.history()


def tables(folder):
    with closing(sqlite3.connect(folder / "memory.sqlite")) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_it_is_read_as_it_is_without_a_change(folder, old, axis, spec):
    image = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    entries, history = old
    with Memory(folder, read_only=True) as memory:
        assert (list(memory), memory.history()) == (entries, history)
        assert memory.read(axis(2), fingerprint="wan", spec=spec)[0].entry == entries[2]
        assert memory.verify().clean
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == image


def test_it_goes_on_in_the_present_version(folder, old, learn, axis, spec):
    entries, history = old
    for _ in range(2):
        with Memory(folder) as memory:
            assert (list(memory), memory.history()) == (entries, history)
            assert memory.verify().clean
            assert memory.read(axis(1), fingerprint="wan", spec=spec)[0].entry == entries[1]
    assert "removed" in tables(folder)
    assert not {name for name in tables(folder) if name.startswith("old")}
    with Memory(folder) as memory:
        memory.delete(entries[3].id)
        new = learn(memory, 5)
        memory.record_use(new.id, 3, mark="one")
        assert [entry.id for entry in memory] == [*(entry.id for entry in entries[:3]), new.id]
        assert len(memory.history()) == len(history) + 1
        assert memory.verify().clean
    assert verify_folder(folder).clean


@pytest.mark.parametrize("read_only", [True, False])
def test_damage_to_it_is_found_and_repaired(folder, old, read_only):
    entries, _ = old
    with closing(sqlite3.connect(folder / "memory.sqlite")) as connection:
        connection.execute("UPDATE entries SET layout = '{' WHERE id = ?", (entries[2].id,))
        connection.commit()
    with pytest.raises(DamagedDatabaseError, match="verify --repair"), Memory(folder, read_only=read_only) as memory:
        list(memory)
    assert not verify_folder(folder).clean
    assert verify_folder(folder, repair=True).entries == 4
    with Memory(folder) as memory:
        assert list(memory) == entries
        assert len(memory.history()) == 2
        assert memory.verify().clean


def test_a_field_that_its_file_tells_otherwise_is_found(folder, old):
    entries, _ = old
    shutil.copytree(folder, folder.with_name("other"))
    with closing(sqlite3.connect(folder / "memory.sqlite")) as connection:
        connection.execute("UPDATE entries SET prompt = 'another' WHERE id = ?", (entries[0].id,))
        connection.commit()
    assert "its adapter file says otherwise" in verify_folder(folder).database
    verify_folder(folder, repair=True)
    with Memory(folder) as memory:
        assert list(memory) == entries


def test_a_newer_version_is_refused(folder, learn):
    with Memory(folder) as memory:
        learn(memory, 0)
    with closing(sqlite3.connect(folder / "memory.sqlite", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA user_version = 3")
        with pytest.raises(DamagedDatabaseError, match="two versions"):
            Memory(folder)
        from ttom_pl.memory.database.schema import change_state

        change_state(connection, version=3)
    for read_only in (True, False):
        with pytest.raises(ValueError, match="needs a newer ttom_pl"):
            Memory(folder, read_only=read_only)
    with pytest.raises(ValueError, match="needs a newer ttom_pl"):
        verify_folder(folder, repair=True)
