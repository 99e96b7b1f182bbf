"""What a transaction can change in a memory: all of it happens, or none."""

import json
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Required, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ttom_pl.memory.capacity import Capacity
from ttom_pl.memory.database.find_rows import find_row, get_row
from ttom_pl.memory.entry import AdapterSpec, AdapterTensors, Entry, check_key
from ttom_pl.memory.files import content_hash, prepare
from ttom_pl.memory.history import Lookup
from ttom_pl.memory.lookups import is_marked, record
from ttom_pl.memory.merge import MergeRule
from ttom_pl.memory.rows_and_files import Change, Records

TOLERANCE = 1e-6
"""Of similarities, which are computed in float32."""


class NewEntry(TypedDict, total=False):
    """What is kept with an adapter.

    Attributes:
        key: embedding of the abstracted scene, shape (D,).
        key_text: the abstracted scene.
        prompt: the prompt.
        fingerprint: identifies the backbone's weights.
        spec: what the adapter adapts, and how.
        layout: the layout, in JSON form.
        loss_before: layout loss before the optimisation.
        loss_after: layout loss after it.
        iterations: optimiser iterations spent.
        parents: ids of the entries that it was warm-started from.
        extra: anything else to keep with it, in JSON form.
        entry_id: 12 hexadecimal digits that no other entry has; drawn when not given.
    """

    key: Required[ArrayLike]
    key_text: Required[str]
    prompt: Required[str]
    fingerprint: Required[str]
    spec: Required[AdapterSpec]
    layout: Mapping[str, Any] | None
    loss_before: float | None
    loss_after: float | None
    iterations: int
    parents: Sequence[str]
    extra: Mapping[str, Any] | None
    entry_id: str


class EntryChanges(TypedDict, total=False):
    """What is known of an entry after an update.

    Attributes:
        loss_before: layout loss before the optimisation; as it was when not given.
        loss_after: layout loss after it; as it was when not given.
        iterations: optimiser iterations spent, added to the entry's.
        extra: changes to what the caller keeps with it, in JSON form.
    """

    loss_before: float | None
    loss_after: float | None
    iterations: int
    extra: Mapping[str, Any] | None


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
            mark: names the prompt, which counts once. What is inserted or updated after this in the transaction knows
                the mark, so that it holds also where a kill leaves nothing but the file of that.

        Raises:
            ValueError: if ``iterations_saved`` is negative or beyond 2**53.
        """
        lookup = Lookup(self.now, entry_id, iterations_saved)
        record(self.change.connection, lookup, blended, mark)
        if mark is not None:
            self.change.lookups.append(asdict(lookup) | {"blended": list(blended), "mark": mark})

    def insert(self, adapter: AdapterTensors, **fields: Unpack[NewEntry]) -> Entry:
        """Remember an adapter, and forget others if there are too many; see ``Memory.insert``.

        Raises:
            TypeError: if what must be kept with it is missing, or is not known.
        """
        _check_names(fields, NewEntry.__required_keys__, NewEntry.__optional_keys__)
        tensors = prepare(adapter)
        texts = {"key_text": fields["key_text"], "prompt": fields["prompt"], "fingerprint": fields["fingerprint"]}
        for name, text in texts.items():
            _check_text(name, text)
        entry = Entry(
            id=fields.get("entry_id") or secrets.token_hex(6),
            key=as_vector(fields["key"]),
            **texts,
            layout=_json(fields.get("layout")),
            spec=fields["spec"],
            loss_before=fields.get("loss_before"),
            loss_after=fields.get("loss_after"),
            iterations=fields.get("iterations", 0),
            iterations_saved=0,
            hits=0,
            merged=1,
            weight=1.0,
            created=self.now,
            last_used=self.now,
            parents=tuple(fields.get("parents", ())),
            content_hash=content_hash(tensors),
            nbytes=sum(tensor.nbytes for tensor in tensors.values()),
            extra=_json(fields.get("extra")),
        )
        self.capacity.evict(self.change, self.now, keep=self.change.add(entry, tensors))
        return entry

    def update(
        self, entry_id: str, adapter: AdapterTensors, similarity: float = 1.0, **changes: Unpack[EntryChanges]
    ) -> Entry:
        """Merge an adapter that was optimised further into an entry; see ``Memory.update``.

        Raises:
            TypeError: if a change is of something that is not known.
        """
        _check_names(changes, frozenset(), EntryChanges.__optional_keys__)
        if not 0 < similarity <= 1 + TOLERANCE:
            raise ValueError(f"similarity of an update must be above 0 and at most 1, got {similarity}")
        new = prepare(adapter)
        row = self.touched = get_row(self.change.connection, entry_id)
        old = self.records.entry(row)
        before, after = changes.get("loss_before"), changes.get("loss_after")
        tensors, weight = self.merge.merge(self.records.read(row), new, old.weight, min(similarity, 1.0))
        entry = replace(
            old,
            loss_before=before if before is not None else old.loss_before,
            loss_after=after if after is not None else old.loss_after,
            iterations=old.iterations + changes.get("iterations", 0),
            merged=old.merged + 1,
            weight=weight,
            content_hash=content_hash(tensors),
            nbytes=sum(tensor.nbytes for tensor in tensors.values()),
            extra={**old.extra, **_json(changes.get("extra"))},
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


def _check_names(fields: Mapping[str, Any], required: frozenset[str], optional: frozenset[str]) -> None:
    missing, unknown = required - fields.keys(), fields.keys() - required - optional
    if missing or unknown:
        what = f"lacks {', '.join(sorted(missing))}" if missing else f"has no {', '.join(sorted(unknown))}"
        raise TypeError(f"an entry of a memory {what}; it takes {', '.join(sorted(required | optional))}")


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} has half of a character, {error.object[error.start]!r}; give whole text") from error


def _json(data: Mapping[str, Any] | None) -> Any:
    return json.loads(json.dumps(dict(data or {}), allow_nan=False))


__all__ = ["TOLERANCE", "EntryChanges", "NewEntry", "Transaction", "as_vector"]
