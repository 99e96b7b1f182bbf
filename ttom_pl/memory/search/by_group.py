"""Search over the entries of a memory: one index per group, kept in step with the database."""

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ttom_pl.memory.database.schema import EntryGroup, insert, read_state
from ttom_pl.memory.search.approximate import AnyIndex, VectorIndex, file_hash, load_index, new_index, warn_if_slow

_CHUNK = 500  # labels in one query


@dataclass
class _Followed:
    """An index and the generation of the database that it reflects."""

    index: AnyIndex
    generation: int
    saved: bool


class GroupSearch:
    """The indices of a memory, made when first searched and derived from the database alone.

    Args:
        folder: where snapshots are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "index"
        self._followed: dict[EntryGroup, _Followed] = {}

    def nearest(
        self, connection: sqlite3.Connection, group: EntryGroup, vector: NDArray[np.float32], k: int, enough: float
    ) -> list[tuple[int, float]]:
        """Return labels and similarities of the k entries of a group nearest to a vector, nearest first.

        Args:
            connection: the database, in a transaction.
            group: whose entries.
            vector: shape (D,).
            k: greatest number of entries.
            enough: similarity from which what a quick look finds is taken.
        """
        generation = read_state(connection).generation
        followed = self._followed.get(group)
        if followed is None or followed.generation != generation:
            labels = {row[0] for row in connection.execute(f"SELECT label FROM entries WHERE {_IN_GROUP}", group)}
            if followed is None:
                followed = self._followed[group] = self._open(connection, group, labels)
            self._follow(connection, followed, labels)
            followed.generation = generation
            warn_if_slow(followed.index)
        return followed.index.search(vector, k, enough)

    def publish(
        self,
        generation: int,
        added: Iterable[tuple[EntryGroup, int, NDArray[np.float32]]],
        removed: Collection[tuple[EntryGroup, int]],
    ) -> None:
        """Follow a change that this process has committed, which made ``generation``, without asking the database."""
        current = {
            group: followed for group, followed in self._followed.items() if followed.generation == generation - 1
        }
        gone = {label for _, label in removed}
        for group, label in removed:  # first, so that the new entry gets an old one's slot
            if group in current and label in current[group].index.labels:
                current[group].index.remove([label])
                current[group].saved = False
        for group, label, vector in added:
            if group in current and label not in gone:  # what was added may have been evicted in the same change
                current[group].index.add([label], vector[None])
                current[group].saved = False
        for followed in current.values():
            followed.generation = generation

    @property
    def unsaved(self) -> bool:
        """Whether an index that can be saved differs from its snapshot."""
        return any(
            not followed.saved and isinstance(followed.index, VectorIndex) for followed in self._followed.values()
        )

    def save(self, connection: sqlite3.Connection) -> None:
        """Write snapshots of what has changed; call it in a writing transaction, and ``tidy`` when it is committed."""
        for group, followed in self._followed.items():
            if not followed.saved and isinstance(followed.index, VectorIndex):
                self._folder.mkdir(exist_ok=True)
                temporary = self._folder / f"{_stem(group)}.tmp"
                digest = followed.index.save(temporary)
                temporary.replace(self._folder / _file(_stem(group), digest))
                insert(connection, "snapshots", {"name": f"{_stem(group)}.hnsw", "sha256": digest})
                followed.saved = True

    def leftovers(self, connection: sqlite3.Connection) -> set[str]:
        """Return the names of files that are no snapshot that the database knows."""
        known = set()
        for name, digest in connection.execute("SELECT name, sha256 FROM snapshots"):
            known |= {name, _file(Path(name).stem, digest)}
        return {path.name for path in self._folder.glob("*") if path.name not in known}

    def damaged(self, connection: sqlite3.Connection) -> set[str]:
        """Return the names of snapshots that are not what was saved; one that is missing will do, it is made again."""
        return {
            path.name
            for name, digest in connection.execute("SELECT name, sha256 FROM snapshots")
            if (path := self._path(name, digest)).is_file() and file_hash(path) != digest
        }

    def tidy(self, names: Iterable[str]) -> None:
        """Remove files."""
        for name in names:
            with suppress(OSError):
                (self._folder / name).unlink()

    def _open(self, connection: sqlite3.Connection, group: EntryGroup, labels: set[int]) -> _Followed:
        """Return the index of the snapshot where it is the one that the database knows, an empty one otherwise."""
        name = f"{_stem(group)}.hnsw"
        row = connection.execute("SELECT sha256 FROM snapshots WHERE name = ?", (name,)).fetchone()
        index = load_index(self._path(name, row[0]), group.dimension, row[0], labels) if row else None
        return _Followed(index or new_index(group.dimension), generation=-1, saved=index is not None)

    def _follow(self, connection: sqlite3.Connection, followed: _Followed, labels: set[int]) -> None:
        index = followed.index
        stale, new = index.labels - labels, sorted(labels - index.labels)
        index.remove(stale)
        for start in range(0, len(new), _CHUNK):
            chunk = new[start : start + _CHUNK]
            query = f"SELECT label, key FROM entries WHERE label IN ({', '.join('?' * len(chunk))}) ORDER BY label"
            keys = [np.frombuffer(row["key"], "<f4") for row in connection.execute(query, chunk)]
            index.add(chunk, np.stack(keys).astype(np.float32))
        followed.saved = followed.saved and not stale and not new

    def _path(self, name: str, digest: str) -> Path:
        """Return the file of a snapshot; in the first version its hash was no part of its name."""
        path = self._folder / _file(Path(name).stem, digest)
        return path if path.is_file() else self._folder / Path(name).name


def _stem(group: EntryGroup) -> str:
    return hashlib.sha256(json.dumps(group).encode()).hexdigest()[:32]


def _file(stem: str, digest: str) -> str:
    return f"{stem}-{digest[:16]}.hnsw"


_IN_GROUP = "fingerprint = ? AND spec_digest = ? AND dimension = ?"

__all__ = ["GroupSearch"]
