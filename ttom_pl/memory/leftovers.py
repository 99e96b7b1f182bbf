"""What killed processes and lost databases leave behind: files that no row of the database has."""

import sqlite3
import warnings

from ttom_pl.memory.database import schema
from ttom_pl.memory.database.find_rows import find_row
from ttom_pl.memory.database.row_seals import is_sealed, to_row
from ttom_pl.memory.errors import CorruptEntryError
from ttom_pl.memory.files import AdapterFiles, generation_of, id_of
from ttom_pl.memory.history import Lookup
from ttom_pl.memory.lookups import is_marked, record


def forgotten(files: AdapterFiles, connection: sqlite3.Connection) -> set[str]:
    """Return the names of files that were to go when their process was killed."""
    if schema.read_version(connection) < schema.VERSION:
        return set()
    rows = connection.execute("SELECT * FROM removed").fetchall()
    return {row["file"] for row in rows if is_sealed(row)} & files.names() - _known(connection)


def orphans(files: AdapterFiles, connection: sqlite3.Connection) -> set[str]:
    """Return the names of complete files that no row has and that were not to go either; while no process writes."""
    return files.names() - _known(connection) - forgotten(files, connection)


def _known(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT file FROM entries")}


def too_young(files: AdapterFiles, connection: sqlite3.Connection) -> set[str]:
    """Return the names of files that the database cannot have lost in its last write alone: it must be an old copy."""
    generation = schema.read_state(connection).generation
    return {name for name in files.names() if generation_of(name) > generation + 1}


def collect(files: AdapterFiles, connection: sqlite3.Connection) -> None:
    """Remove what was to go and what is not complete, adopt the rest; call it in a writing transaction."""
    for name in forgotten(files, connection) | files.unfinished():
        files.remove(name)
    if connection.execute("SELECT 1 FROM removed").fetchone():
        connection.execute("DELETE FROM removed")
    unowned = sorted(orphans(files, connection), key=generation_of)
    if unowned:
        generation = max(schema.read_state(connection).generation + 1, *map(generation_of, unowned))
        schema.change_state(connection, generation=generation)
    for name in unowned:
        try:
            _adopt(files, connection, name)
        except CorruptEntryError as error:
            files.quarantine(name)
            warnings.warn(f"a file that belongs to no entry is put in quarantine: {error}", stacklevel=6)


def _adopt(files: AdapterFiles, connection: sqlite3.Connection, name: str) -> None:
    """Take up the entry of a write that was not acknowledged, or that the database has lost.

    In the first case it is as if the kill had come a moment later.
    """
    entry, _ = files.read(name)
    row = find_row(connection, entry.id)
    if entry.id != id_of(name):
        raise CorruptEntryError(f"adapter file {name} is that of entry {entry.id!r}")
    if row is not None and row["file"] in files.names() and generation_of(row["file"]) > generation_of(name):
        raise CorruptEntryError(f"adapter file {name} is older than its entry's")
    _record(files, connection, name)
    row = find_row(connection, entry.id)
    if row is None:
        schema.insert_entry(connection, entry, name)
    else:
        known = row["file"]
        counts = {
            column: max(row[column], getattr(entry, column)) for column in ("hits", "iterations_saved", "last_used")
        }
        schema.change_entry(connection, row, **to_row(entry, name) | counts)
        files.quarantine(known)
    warnings.warn(
        f"entry {entry.id} ({entry.prompt!r}) of a write that was not finished, or that the database has lost, is "
        "taken up",
        stacklevel=6,
    )


def _record(files: AdapterFiles, connection: sqlite3.Connection, name: str) -> None:
    """Record the lookups of the transaction that wrote a file, which the database has lost with it."""
    for stored in files.lookups(name):
        if not is_marked(connection, stored["mark"]):
            lookup = Lookup(stored["at"], stored["entry"], stored["iterations_saved"])
            record(connection, lookup, stored["blended"], stored["mark"])


__all__ = ["collect", "forgotten", "orphans", "too_young"]
