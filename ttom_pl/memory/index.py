"""Nearest neighbours by cosine similarity: hnswlib behind a few verbs."""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import hnswlib
import numpy as np
from numpy.typing import NDArray

_M = 16  # a replacement costs about M³; what recall this loses against 24, more candidates (see _ef) win back
_EF_CONSTRUCTION = 200
_SMALLEST = 64
_SEED = 0


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

    def search(self, vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        """Return the labels and cosine similarities of the k nearest vectors, or of all if there are fewer."""
        k = min(k, len(self.labels))
        if k == 0:
            return []
        self._index.set_ef(max(_ef(len(self.labels)), 2 * k))
        try:
            labels, distances = self._index.knn_query(vector, k)
        except RuntimeError:  # the graph reaches fewer than k of the vectors that are left
            return self._scan(vector, k)
        return [(int(label), _clip(1 - distance)) for label, distance in zip(labels[0], distances[0], strict=True)]

    def save(self, path: Path) -> str:
        """Write a snapshot and return its hash."""
        temporary = path.with_suffix(".tmp")
        self._index.save_index(str(temporary))
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        temporary.replace(path)
        return digest

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
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                    return None
        except FileNotFoundError:
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


def _ef(size: int) -> int:
    """Return how many candidates to keep: enough for recall, fewer where the exact scan would be much slower."""
    return min(max(8_000_000 // size, 128), 800)


def _clip(similarity: float) -> float:
    return float(min(max(similarity, -1.0), 1.0))


__all__ = ["VectorIndex"]
