"""Nearest neighbours by an exact scan: what finds entries where hnswlib is not installed."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_SMALLEST = 64


class ExactIndex:
    """Labelled vectors of one dimension, compared with each query one by one. Has the verbs of ``VectorIndex``.

    It is not saved: making it from the database takes no longer than reading it.

    Args:
        dimension: length of the vectors.
    """

    def __init__(self, dimension: int) -> None:
        self.labels: set[int] = set()
        self._vectors = np.zeros((_SMALLEST, dimension), np.float32)
        self._slot: dict[int, int] = {}
        self._label = np.full(_SMALLEST, -1, np.int64)
        self._free = list(range(_SMALLEST))[::-1]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def slots(self) -> int:
        """Number of vectors that there is room for."""
        return len(self._vectors)

    def add(self, labels: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add vectors.

        Args:
            labels: N labels that have never been in this index.
            vectors: shape (N, D).
        """
        self._grow(len(labels))
        for label, vector in zip(labels, vectors, strict=True):
            slot = self._free.pop()
            self._slot[label], self._label[slot] = slot, label
            self._vectors[slot] = vector / np.linalg.norm(vector)
        self.labels.update(labels)

    def remove(self, labels: Iterable[int]) -> None:
        """Remove vectors."""
        for label in list(labels):
            slot = self._slot.pop(label)
            self._vectors[slot], self._label[slot] = 0, -1
            self._free.append(slot)
            self.labels.remove(label)

    def search(self, vector: NDArray[np.float32], k: int, enough: float = 1.0) -> list[tuple[int, float]]:
        """Return the labels and cosine similarities of the k nearest vectors, or of all if there are fewer.

        Args:
            vector: shape (D,).
            k: number of vectors.
            enough: not heeded; every search is thorough.
        """
        used = np.flatnonzero(self._label >= 0)
        similarities = self._vectors @ (vector / np.linalg.norm(vector)).astype(np.float32)
        chosen = used[np.argsort(-similarities[used], kind="stable")[:k]]
        return [(int(self._label[slot]), float(np.clip(similarities[slot], -1.0, 1.0))) for slot in chosen]

    def _grow(self, number: int) -> None:
        more = max(number - len(self._free), 0)
        if more:
            size = len(self._vectors)
            more = max(more, size)
            self._vectors = np.concatenate([self._vectors, np.zeros((more, self._vectors.shape[1]), np.float32)])
            self._label = np.concatenate([self._label, np.full(more, -1, np.int64)])
            self._free += range(size, size + more)


__all__ = ["ExactIndex"]
