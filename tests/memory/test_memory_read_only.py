"""Memories that are only read: no byte of them changes, whoever else has them open and whatever they went through."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from damage import image

from ttom_pl.cli import main as ttom
from ttom_pl.memory import (
    CorruptEntryError,
    DamagedDatabaseError,
    EntryNotFoundError,
    Memory,
    MemoryReadOnlyError,
    export_memory,
    import_memory,
    merge_memories,
    verify_folder,
)


def read_all(folder, axis, spec, out):
    with Memory(folder, read_only=True) as memory:
        entries = list(memory)
        for i, entry in enumerate(entries):
            memory.load(entry)
            memory.get(entry.id)
            assert memory.read(axis(i), fingerprint="wan", spec=spec)[0].entry == entry
        assert memory.history()
        assert len(memory) == len(entries)
        assert memory.nbytes > 0
        assert memory.verify().clean
        assert export_memory(memory, out) == len(entries)
    assert verify_folder(folder).clean
    return entries


@pytest.fixture
def filled(folder, learn, axis, spec):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(4)]
        entries[1] = memory.record_use(entries[1].id, 5)
        memory.read(axis(0), fingerprint="wan", spec=spec)
    return entries


def test_reading_changes_no_byte(folder, filled, axis, spec, tmp_path):
    before = image(folder)
    assert read_all(folder, axis, spec, tmp_path / "out") == filled
    assert image(folder) == before


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_what_a_killed_process_left_is_read_without_a_change(folder, filled, learn, axis, spec, tmp_path, mode):
    killed = folder.with_name("killed")
    with Memory(folder) as memory:
        database = memory._records.database._connection
        database.execute(f"PRAGMA journal_mode = {mode}")
        filled.append(learn(memory, 4))
        if mode == "delete":  # a write that is not committed lies in the file, and in the journal what was there before
            database.execute("PRAGMA cache_size = 1")
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE entries SET prompt = replace(hex(zeroblob(9000)), '0', 'x')")
        shutil.copytree(folder, killed)
        if mode == "delete":
            database.execute("ROLLBACK")
    sidecar = killed / ("memory.sqlite-wal" if mode == "wal" else "memory.sqlite-journal")
    assert sidecar.stat().st_size > 0
    before = image(killed)
    assert read_all(killed, axis, spec, tmp_path / "out") == filled
    assert image(killed) == before


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_reader_follows_a_writer(folder, filled, learn, axis, spec, adapter, mode):
    with Memory(folder, read_only=True) as reader:
        assert list(reader) == filled
        with Memory(folder) as writer:
            writer._records.database._connection.execute(f"PRAGMA journal_mode = {mode}")
            new = learn(writer, 7)
            assert list(reader) == [*filled, new]
            before = image(folder)
            assert reader.read(axis(7), fingerprint="wan", spec=spec)[0].entry == new
            assert reader.verify().clean
            assert image(folder) == before
            writer.update(new.id, adapter(9.0))
            assert reader.get(new.id).merged == 2
            reader.load(new)
            writer.delete(filled[0].id)
            with pytest.raises(EntryNotFoundError):
                reader.load(filled[0])
        assert [entry.id for entry in reader] == [*(entry.id for entry in filled[1:]), new.id]


def test_nothing_can_be_changed(folder, filled, learn, adapter, tmp_path):
    with Memory(folder) as memory:
        export_memory(memory, tmp_path / "out")
    before = image(folder)
    with Memory(folder, read_only=True) as memory, Memory() as other:
        for change in (
            lambda: learn(memory, 9),
            lambda: memory.update(filled[0].id, adapter(1)),
            lambda: memory.record_use(filled[0].id),
            memory.record_miss,
            lambda: memory.delete(filled[0].id),
            memory.prune,
            lambda: memory.verify(repair=True),
            lambda: import_memory(memory, tmp_path / "out"),
            lambda: merge_memories(memory, other),
        ):
            with pytest.raises(MemoryReadOnlyError, match="open for reading only"):
                change()
    assert image(folder) == before


def test_damaged_files_stay_where_they_are(folder, filled, tmp_path):
    path = next(folder.glob(f"adapters/{filled[2].id}*"))
    path.write_bytes(path.read_bytes()[:-1])
    before = image(folder)
    with Memory(folder, read_only=True) as memory:
        with pytest.warns(UserWarning, match="stays"), pytest.raises(CorruptEntryError):
            memory.load(filled[2])
        assert memory.verify().damaged == (filled[2].id,)
        with pytest.warns(UserWarning, match="stays"):
            assert export_memory(memory, tmp_path / "out") == 3
    assert image(folder) == before


def test_what_is_no_memory(folder, filled, tmp_path):
    with pytest.raises(FileNotFoundError, match="no memory"):
        Memory(tmp_path / "absent", read_only=True)
    assert not (tmp_path / "absent").exists()
    with pytest.raises(ValueError, match="path"):
        Memory(read_only=True)
    for content in (None, b"", b"garbage" * 1000):
        (folder / "memory.sqlite").unlink()
        if content is not None:
            (folder / "memory.sqlite").write_bytes(content)
        before = image(folder)
        with pytest.raises(DamagedDatabaseError, match="verify --repair"):
            Memory(folder, read_only=True)
        assert verify_folder(folder).database
        (folder / "memory.sqlite").touch()
        assert image(folder).items() >= before.items()


@pytest.fixture
def stranger(capsys):
    """Run ``ttom memory`` as a user who may read the folder and not write it, and return status, output and errors."""

    def run(*words):
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            ttom(["memory", *map(str, words)])
            status = 0
        except SystemExit as exit:
            status = exit.code
        finally:
            if user == 0:
                os.seteuid(0)
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("killed", [False, True])
def test_other_peoples_folders_can_be_read_from_the_command_line(learn, axis, spec, stranger, layout, killed):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "memory"
        with Memory(folder) as memory:
            entry = learn(memory, 0, layout=layout.to_dict())
            memory.record_use(entry.id, 5)
            memory.read(axis(0), fingerprint="wan", spec=spec)
            shutil.copytree(folder, Path(place) / "killed")
        for command in (["show", folder, entry.id], ["stats", folder]):  # imports what the stranger may not
            ttom(["memory", *map(str, command)])
        shutil.rmtree(folder / "pictures")
        folder = Path(place) / "killed" if killed else folder
        before = image(folder)
        paths = (folder, *folder.rglob("*"))
        for path in paths:
            path.chmod(0o555 if path.is_dir() else 0o444)
        Path(place).chmod(0o755)
        try:
            for words, expected in (
                (["list", folder], "1 entries"),
                (["verify", folder], "1 sound entries"),
                (["show", folder, entry.id], "a thing 0 moves"),
                (["stats", folder], "1 hits (100%)"),
            ):
                status, out, err = stranger(*words)
                assert (status, err) == (0, ""), err
                assert expected in out
                assert ("that can be written with --" in out) == (words[0] in ("show", "stats"))
            for words in (["verify", folder, "--repair"], ["prune", folder, "--capacity", 1]):
                status, _, err = stranger(*words)
                assert status == 2
                assert "cannot write" in err
                assert "Traceback" not in err
            with tempfile.TemporaryDirectory() as out:
                Path(out).chmod(0o777)
                assert stranger("export", folder, Path(out) / "out.ttom")[:2] == (0, f"1 entries: {out}/out.ttom\n")
            (folder / "memory.sqlite").chmod(0)
            status, _, err = stranger("list", folder)
            assert (status, "cannot read" in err) == (2, True)
        finally:
            for path in paths:
                path.chmod(0o755)
        assert image(folder) == before
