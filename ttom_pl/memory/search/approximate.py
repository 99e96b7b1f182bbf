"""Nearest neighbours by cosine similarity: hnswlib behind a few verbs, an exact scan where it is not installed."""

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ttom_pl.memory.search.exact import ExactIndex

try:
    import hnswlib
except ImportError:  # it has no wheels, and not every machine has a compiler
    hnswlib = None

_M = 16  # a replacement costs about M³; what recall this loses against 24, more candidates win back
_EF_CONSTRUCTION = 200
_SMALLEST = 64
_SEED = 0
_QUICK = 64  # candidates of a quick look; one in ten of the hits among 100,000 is missed by it
_SLOW = 20_000  # vectors from which a scan takes milliseconds


class VectorIndex:
    """Labelled vectors of one dimension. Slots of removed vectors are used again.

    Args:
        dimension: length of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        self.labels: set[int] = set()
        self._index = hnswlib.Index("cosine", dimension)
        self._index.set_num_threads(1)
        self._index.init_index(_SMALLEST, _M, _EF_CONSTRUCTION, random_seed=_SEED, allow_replace_deleted=True)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def slots(self) -> int:
        """Number of vectors that are kept, removed ones included."""
        return int(self._index.get_current_count())

    def add(self, labels: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add vectors.

        Args:
            labels: N labels that have never been in this index.
            vectors: shape (N, D).
        """
        free = self.slots - len(self.labels)
        needed = self.slots + max(len(labels) - free, 0)
        if needed > self._index.get_max_elements():
            self._index.resize_index(max(needed, 2 * self._index.get_max_elements()))
        if len(labels):
            self._index.add_items(vectors, np.asarray(labels), replace_deleted=free > 0)
        self.labels.update(labels)

    def remove(self, labels: Iterable[int]) -> None:
        """Remove vectors."""
        for label in labels:
            self._index.mark_deleted(label)
            self.labels.remove(label)

    def search(self, vector: NDArray[np.float32], k: int, enough: float = 1.0) -> list[tuple[int, float]]:
        """Return the labels and cosine similarities of the k nearest vectors, or of all if there are fewer.

        Args:
            vector: shape (D,).
            k: number of vectors.
            enough: similarity from which all that a quick look finds is taken; otherwise a thorough one follows. A
                look that has missed what is near ends far from it, so that nothing near is lost to speed.
        """
        k = min(k, len(self.labels))
        if k == 0:
            return []
        neighbours = self._search(vector, k, _QUICK) if enough < 1 else []
        return (
            neighbours if neighbours and neighbours[-1][1] >= enough else self._search(vector, k, _ef(len(self.labels)))
        )

    def _search(self, vector: NDArray[np.float32], k: int, candidates: int) -> list[tuple[int, float]]:
        self._index.set_ef(max(candidates, 2 * k))
        try:
            labels, distances = self._index.knn_query(vector, k)
        except RuntimeError:  # the graph reaches fewer than k of the vectors that are left
            return self._scan(vector, k)
        return [(int(label), _clip(1 - distance)) for label, distance in zip(labels[0], distances[0], strict=True)]

    def save(self, path: Path) -> str:
        """Write a snapshot and return its hash."""
        self._index.save_index(str(path))
        return file_hash(path)

    @classmethod
    def load(cls, path: Path, dimension: int, sha256: str, labels: set[int]) -> "VectorIndex | None":
        """Read a snapshot.

        Args:
            path: the file.
            dimension: length of its vectors.
            sha256: the hash that :meth:`save` returned.
            labels: vectors to keep; others are removed.

        Returns:
            The index, or None if the file is missing or is not the one that was saved.
        """
        try:
            if file_hash(path) != sha256:
                return None
        except OSError:
            return None
        inner = hnswlib.Index("cosine", dimension)
        inner.set_num_threads(1)
        try:
            inner.load_index(str(path), allow_replace_deleted=True)
        except RuntimeError:  # it was torn before it was hashed, by a full disk
            return None
        stored = set(inner.get_ids_list())
        for label in stored - labels:
            with suppress(RuntimeError):  # it was removed before the snapshot
                inner.mark_deleted(label)
        index = cls(dimension)
        index.labels, index._index = stored & labels, inner
        return index

    def _scan(self, vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        labels = sorted(self.labels)
        similarities = np.asarray(self._index.get_items(labels)) @ (vector / np.linalg.norm(vector))
        return [(labels[i], _clip(similarities[i])) for i in np.argsort(-similarities, kind="stable")[:k]]


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ef(size: int) -> int:
    """Return how many candidates to keep: enough for recall, fewer where the exact scan would be much slower."""
    return min(max(8_000_000 // size, 400), 800)


AnyIndex = VectorIndex | ExactIndex


def new_index(dimension: int) -> AnyIndex:
    """Return an empty index of vectors of the given length."""
    return VectorIndex(dimension) if hnswlib is not None else ExactIndex(dimension)


def load_index(path: Path, dimension: int, sha256: str, labels: set[int]) -> AnyIndex | None:
    """Return the index of a snapshot, as :meth:`VectorIndex.load` does, or None where there can be none."""
    return VectorIndex.load(path, dimension, sha256, labels) if hnswlib is not None else None


def warn_if_slow(index: AnyIndex) -> None:
    """Warn once where so many vectors are scanned that hnswlib would be much faster."""
    if isinstance(index, ExactIndex) and len(index) >= _SLOW:
        _warn_slow()


@cache
def _warn_slow() -> None:
    warnings.warn(
        f"the memory compares each key with all of its entries, {_SLOW:,} and more, because hnswlib is not installed; "
        "all results are right, and faster with it: pip install hnswlib (it needs a C++ compiler)",
        stacklevel=2,
    )


def _clip(similarity: float) -> float:
    return float(min(max(similarity, -1.0), 1.0))


__all__ = ["AnyIndex", "VectorIndex", "file_hash", "load_index", "new_index", "warn_if_slow"]
