"""What a transaction can change in a memory: all of it happens, or none."""

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ttom_pl.memory.capacity import Capacity
from ttom_pl.memory.entry import Adapter, AdapterSpec, Entry, check_key
from ttom_pl.memory.files import content_hash, prepare
from ttom_pl.memory.history import Lookup
from ttom_pl.memory.merge import MergeRule
from ttom_pl.memory.records import Change, Records
from ttom_pl.memory.rows import find_row, get_row
from ttom_pl.memory.uses import is_marked, record

TOLERANCE = 1e-6
"""Of similarities, which are computed in float32."""


@dataclass
class Transaction:
    """Changes of a memory that are made together; see ``Memory.transaction``.

    Attributes:
        now: seconds since the epoch.
        touched: the row that was read last, which may turn out to be damaged.
    """

    change: Change
    records: Records
    capacity: Capacity
    merge: MergeRule
    now: float
    touched: sqlite3.Row | None = None

    def is_marked(self, mark: str) -> bool:
        """Whether a lookup was recorded under a mark."""
        return is_marked(self.change.connection, mark)

    def holds(self, entry_id: str) -> bool:
        """Whether there is an entry of this id."""
        return find_row(self.change.connection, entry_id) is not None

    def record(
        self, entry_id: str | None, iterations_saved: int = 0, blended: Sequence[str] = (), *, mark: str | None = None
    ) -> None:
        """Count a hit or, without an entry, a miss; one whose entry is gone meanwhile counts in the history alone.

        Args:
            entry_id: the entry that answered.
            iterations_saved: optimiser iterations that it has saved.
            blended: ids of other entries that were used with it.
            mark: names the prompt, which counts once.

        Raises:
            ValueError: if ``iterations_saved`` is negative or beyond 2**53.
        """
        record(self.change.connection, Lookup(self.now, entry_id, iterations_saved), blended, mark)

    def insert(
        self,
        adapter: Adapter,
        *,
        key: ArrayLike,
        key_text: str,
        prompt: str,
        fingerprint: str,
        spec: AdapterSpec,
        layout: Mapping[str, Any] | None = None,
        loss_before: float | None = None,
        loss_after: float | None = None,
        iterations: int = 0,
        parents: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
        entry_id: str | None = None,
    ) -> Entry:
        """Remember an adapter, and forget others if there are too many; see ``Memory.insert``.

        ``entry_id`` is of 12 hexadecimal digits that no other entry has; drawn when not given.
        """
        tensors = prepare(adapter)
        for name, text in (("key_text", key_text), ("prompt", prompt), ("fingerprint", fingerprint)):
            _check_text(name, text)
        entry = Entry(
            id=entry_id or secrets.token_hex(6),
            key_text=key_text,
            key=as_vector(key),
            prompt=prompt,
            layout=_json(layout),
            fingerprint=fingerprint,
            spec=spec,
            loss_before=loss_before,
            loss_after=loss_after,
            iterations=iterations,
            iterations_saved=0,
            hits=0,
            merged=1,
            weight=1.0,
            created=self.now,
            last_used=self.now,
            parents=tuple(parents),
            content_hash=content_hash(tensors),
            nbytes=sum(tensor.nbytes for tensor in tensors.values()),
            extra=_json(extra),
        )
        self.capacity.evict(self.change, self.now, keep=self.change.add(entry, tensors))
        return entry

    def update(
        self,
        entry_id: str,
        adapter: Adapter,
        similarity: float = 1.0,
        *,
        loss_before: float | None = None,
        loss_after: float | None = None,
        iterations: int = 0,
        extra: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Merge an adapter that was optimised further into an entry; see ``Memory.update``."""
        if not 0 < similarity <= 1 + TOLERANCE:
            raise ValueError(f"similarity of an update must be above 0 and at most 1, got {similarity}")
        new = prepare(adapter)
        row = self.touched = get_row(self.change.connection, entry_id)
        old = self.records.entry(row)
        tensors, weight = self.merge.merge(self.records.read(row), new, old.weight, min(similarity, 1.0))
        entry = replace(
            old,
            loss_before=old.loss_before if loss_before is None else loss_before,
            loss_after=old.loss_after if loss_after is None else loss_after,
            iterations=old.iterations + iterations,
            merged=old.merged + 1,
            weight=weight,
            content_hash=content_hash(tensors),
            nbytes=sum(tensor.nbytes for tensor in tensors.values()),
            extra={**old.extra, **_json(extra)},
        )
        self.change.replace(row, entry, tensors)
        self.capacity.evict(self.change, self.now, keep=row["label"])
        return entry


def as_vector(key: ArrayLike) -> NDArray[np.float32]:
    """Return a key as a read-only vector.

    Raises:
        ValueError: if it is none that can be compared.
    """
    vector = np.array(key, dtype=np.float32)
    check_key(vector)
    vector.setflags(write=False)
    return vector


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} has half of a character, {error.object[error.start]!r}; give whole text") from error


def _json(data: Mapping[str, Any] | None) -> Any:
    return json.loads(json.dumps(dict(data or {}), allow_nan=False))


__all__ = ["TOLERANCE", "Transaction", "as_vector"]
