"""Memories as the first version of the store wrote them: no seals, lookups without marks, snapshots by group."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path

from ttom_pl.memory import Entry, Memory
from ttom_pl.memory.files import encode, file_name

SCHEMA = """
CREATE TABLE state (generation INTEGER NOT NULL);
INSERT INTO state VALUES (0);
CREATE TABLE snapshots (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL);
CREATE TABLE entries (
    label INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL UNIQUE,
    spec_digest TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    key_text TEXT NOT NULL,
    key BLOB NOT NULL,
    prompt TEXT NOT NULL,
    layout TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    spec TEXT NOT NULL,
    loss_before REAL,
    loss_after REAL,
    iterations INTEGER NOT NULL,
    iterations_saved INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    merged INTEGER NOT NULL,
    weight REAL NOT NULL,
    created REAL NOT NULL,
    last_used REAL NOT NULL,
    parents TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    nbytes INTEGER NOT NULL,
    extra TEXT NOT NULL
);
CREATE INDEX entries_group ON entries (fingerprint, spec_digest, dimension);
CREATE INDEX entries_size ON entries (nbytes);
CREATE INDEX entries_hits ON entries (hits, last_used);
CREATE INDEX entries_last_used ON entries (last_used);
CREATE INDEX entries_created ON entries (created);
CREATE INDEX entries_saved ON entries (iterations_saved, last_used);
CREATE TABLE lookups (at REAL NOT NULL, entry TEXT, iterations_saved INTEGER NOT NULL);
PRAGMA user_version = 1;
"""


def write_version_1(memory: Memory, folder: Path) -> None:
    """Write what a memory holds to a folder as the first version did, the entries and the lookups."""
    (folder / "adapters").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "memory.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA)
        for generation, entry in enumerate(memory, start=1):
            name = file_name(entry.id, generation)
            (folder / "adapters" / name).write_bytes(encode(entry, memory.load(entry)))
            row = _row(entry, name)
            places = ", ".join(f":{each}" for each in row)
            connection.execute(f"INSERT INTO entries ({', '.join(row)}) VALUES ({places})", row)
            connection.execute("UPDATE state SET generation = ?", (generation,))
        for lookup in memory.history():
            connection.execute(
                "INSERT INTO lookups VALUES (?, ?, ?)", (lookup.at, lookup.entry, lookup.iterations_saved)
            )


def _row(entry: Entry, file: str) -> dict:
    row = {each.name: getattr(entry, each.name) for each in fields(Entry)}
    row |= {"key": entry.key.astype("<f4").tobytes(), "layout": json.dumps(entry.layout)}
    row |= {"extra": json.dumps(entry.extra)}
    row |= {"spec": json.dumps(asdict(entry.spec)), "parents": json.dumps(entry.parents)}
    return row | {"file": file, "spec_digest": entry.spec.digest, "dimension": entry.key.size}
