"""Damage to the database: found by ``verify``, put right by its repair, never a raw error."""

import os
import random
import sqlite3
import subprocess
import sys
import warnings
from collections import Counter
from contextlib import closing
from pathlib import Path

import damage
import pytest

from ttom_pl.memory import DamagedDatabaseError, Memory, MemoryBusyError, MemoryStoreError, verify_folder

ROOT = Path(__file__).parents[2]
BAD_TEXT = "CAST(x'ff7b7d' AS TEXT)"
SCHEMA = "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, {}) WHERE name = '{}'"
HARM = {
    "broken JSON": "UPDATE entries SET layout = '{\"prompt' WHERE label = 5",
    "JSON of another kind": "UPDATE entries SET extra = '[[[1' WHERE label = 5",
    "nested JSON": f"UPDATE entries SET extra = '{'[' * 50_000}' WHERE label = 5",
    "no specification": "UPDATE entries SET spec = '{}' WHERE label = 5",
    "text that is no UTF-8": f"UPDATE entries SET prompt = {BAD_TEXT} WHERE label = 5",
    "file name that is no UTF-8": f"UPDATE entries SET file = {BAD_TEXT} WHERE label = 5",
    "id that is no UTF-8": f"UPDATE entries SET id = {BAD_TEXT} WHERE label = 5",
    "another file name": "UPDATE entries SET file = replace(file, '0', '1') WHERE label = 5",
    "file name elsewhere": "UPDATE entries SET file = '../../outside' WHERE label = 5",
    "another id": "UPDATE entries SET id = 'ffffffffffff' WHERE label = 5",
    "another key": "UPDATE entries SET key = zeroblob(length(key)) WHERE label = 5",
    "shorter key": "UPDATE entries SET key = substr(key, 1, 7) WHERE label = 5",
    "another hash": "UPDATE entries SET content_hash = replace(content_hash, '0', '1') WHERE label = 5",
    "more hits": "UPDATE entries SET hits = hits + 1024 WHERE label = 5",
    "another dimension": "UPDATE entries SET dimension = 3 WHERE label = 5",
    "another fingerprint": "UPDATE entries SET fingerprint = 'wan2' WHERE label = 5",
    "text for a number": "UPDATE entries SET iterations = 'many' WHERE label = 5",
    "another seal": "UPDATE entries SET seal = '' WHERE label = 5",
    "another label": "UPDATE entries SET label = 5000 WHERE label = 5",
    "changed lookup": "UPDATE lookups SET iterations_saved = 999 WHERE number = 3",
    "missing lookup": "DELETE FROM lookups WHERE number = (SELECT max(number) FROM lookups)",
    "another generation": "UPDATE state SET generation = generation + 64",
    "no state": "DELETE FROM state",
    "two states": "INSERT INTO state SELECT * FROM state",
    "another snapshot": "UPDATE snapshots SET sha256 = 'x'",
    "no entries' table": "DROP TABLE entries",
    "another table": "CREATE TABLE more (x)",
    "one index fewer": "DROP INDEX entries_hits",
    "another version": "PRAGMA user_version = 0",
    "newer version": "PRAGMA user_version = 10",
    "application id": "PRAGMA application_id = 4",
    "another column": SCHEMA.format("'entry TEXT', 'entrz TEXT'", "lookups"),
    "broken table": SCHEMA.format("'CREATE', CAST(x'ce' AS TEXT)", "entries"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage") / "sound"
    damage.fill(folder, 12)
    return folder


@pytest.fixture(scope="module")
def before(sound):
    return damage.contents(sound)


def copied(sound, folder):
    for path in filter(Path.is_file, sound.rglob("*")):
        target = folder / path.relative_to(sound)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


def only_errors_of_a_memory(folder, call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Memory(folder) as memory:
                call(memory)
        except (MemoryStoreError, ValueError) as error:
            assert str(error).isprintable()  # noqa: PT017


def use_all(memory):
    for entry in memory:
        memory.load(entry)
        memory.read(entry.key, fingerprint=entry.fingerprint, spec=entry.spec, k=30)
        memory.record_use(entry.id, 1)
    memory.record_miss()
    memory.history()
    memory.prune()


@pytest.mark.parametrize("harm", HARM)
def test_what_is_wrong_is_found_named_and_repaired(sound, before, folder, harm):
    copied(sound, folder)
    with closing(sqlite3.connect(folder / "memory.sqlite", isolation_level=None)) as connection:
        connection.executescript(HARM[harm])
    image = damage.image(folder)
    report = verify_folder(folder)
    assert report.database is not None
    assert report.database.isprintable()
    assert damage.image(folder) == image
    copied(folder, folder.with_name("used"))
    only_errors_of_a_memory(folder.with_name("used"), use_all)
    assert verify_folder(folder, repair=True).repaired
    assert verify_folder(folder).clean
    after = damage.contents(folder)
    assert after["entries"].keys() == before["entries"].keys()
    forgotten = [name for name, entry in after["entries"].items() if entry != before["entries"][name]]
    assert len(forgotten) <= (len(after["entries"]) if harm in ("no entries' table", "broken table") else 1)
    if harm not in ("another column", "broken table"):
        assert len(after["history"]) >= len(before["history"]) - 1


@pytest.mark.parametrize("call", ["list", "load", "read", "use", "update"])
def test_a_damaged_row_is_an_error_that_names_the_repair(sound, folder, call):
    copied(sound, folder)
    with closing(sqlite3.connect(folder / "memory.sqlite", isolation_level=None)) as connection:
        connection.execute("UPDATE entries SET layout = '{', last_used = 0")
    with Memory(folder) as memory:
        (entry_id,) = memory._records.database._connection.execute("SELECT id FROM entries LIMIT 1").fetchone()
        calls = {
            "list": lambda: list(memory),
            "load": lambda: memory.get(entry_id),
            "read": lambda: memory.read([1.0] * 64, fingerprint="wan", spec=damage.SPEC),
            "use": lambda: memory.record_use(entry_id),
            "update": lambda: memory.update(entry_id, memory.load(entry_id)),
        }
        with pytest.raises(DamagedDatabaseError, match="verify --repair"):
            calls[call]()


def test_no_flipped_bit_is_unnoticed_and_no_sound_entry_lost(sound, before, folder):
    counts: Counter[str] = Counter()
    for seed in range(60):
        counts += damage.survive(sound, folder, random.Random(seed), before)
    assert all(counts[f"{place}: found"] > 0 for place in damage.PLACES), counts


def test_a_flip_in_the_log_of_a_killed_process_loses_no_entry(folder, learn):
    with Memory(folder) as memory:
        entries = [learn(memory, i) for i in range(8)]
        copied(folder, folder.with_name("killed"))
    assert (folder.with_name("killed") / "memory.sqlite-wal").stat().st_size > 0
    for seed in range(12):
        damage.flip_log(folder.with_name("killed"), folder.with_name("flipped"), random.Random(seed))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            verify_folder(folder.with_name("flipped"), repair=True)
        assert verify_folder(folder.with_name("flipped")).clean
        with Memory(folder.with_name("flipped")) as memory:
            assert {entry.id for entry in memory} == {entry.id for entry in entries}


def test_a_database_that_is_open_elsewhere_is_not_replaced(sound, before, folder):
    copied(sound, folder)
    code = f"from ttom_pl.memory import Memory\nwith Memory({str(folder)!r}): print('open', flush=True); input()"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as other:
        assert other.stdout.readline() == b"open\n"
        with closing(sqlite3.connect(folder / "memory.sqlite", isolation_level=None)) as connection:
            connection.execute(HARM["broken JSON"])
        with pytest.raises(MemoryBusyError, match="is in use"):
            verify_folder(folder, repair=True)
        other.stdin.close()
    assert verify_folder(folder, repair=True).repaired
    assert damage.contents(folder)["entries"].keys() == before["entries"].keys()
