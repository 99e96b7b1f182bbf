"""The memory: what a stream of prompts has learnt, on disk."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from numpy.typing import ArrayLike
from torch import Tensor

from ttom_pl.memory.adoption import Adopted, adopt
from ttom_pl.memory.capacity import Capacity
from ttom_pl.memory.database.find_rows import get_row, row_labelled
from ttom_pl.memory.database.schema import EntryGroup
from ttom_pl.memory.entry import AdapterSpec, AdapterTensors, Entry, Match
from ttom_pl.memory.errors import CorruptEntryError, MemoryReadOnlyError
from ttom_pl.memory.eviction import LFU, EvictionPolicy
from ttom_pl.memory.history import Lookup
from ttom_pl.memory.lookups import history, record
from ttom_pl.memory.merge import MergeRule, RunningAverage
from ttom_pl.memory.repair import VerifyReport, check
from ttom_pl.memory.rows_and_files import Records
from ttom_pl.memory.transaction import TOLERANCE, EntryChanges, NewEntry, Transaction, as_vector


class Memory:
    """A store of adapters, found by the similarity of keys.

    Every method that changes the memory is one transaction: when it returns, the change is safely on disk, whatever
    happens to the process afterwards. Several processes may share the folder and see each other's entries, and several
    threads an object, one method at a time; it does not survive a fork.

    Args:
        path: the folder, created where it is missing; None keeps the memory in a temporary folder until it is closed.
        capacity: number of entries beyond which an insert evicts.
        capacity_bytes: bytes of adapters beyond which an insert evicts; None for no bound.
        eviction: which entry to evict.
        merge: what an update makes of the entry's and the new adapter.
        clock: seconds since the epoch.
        read_only: look at what is there without changing a byte, as on a disk that cannot be written; what other
            processes change meanwhile is seen. Methods that change the memory raise ``MemoryReadOnlyError``.

    Raises:
        DamagedDatabaseError: if the database is damaged, or missing or old beside its adapters.
        FileNotFoundError: if there is no memory to be read only.
        MemoryWriteError: if the disk refuses.
        ValueError: if the memory was written by a newer version of this package.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        capacity: int = 1000,
        capacity_bytes: int | None = None,
        eviction: EvictionPolicy = LFU(),  # noqa: B008
        merge: MergeRule = RunningAverage(),  # noqa: B008
        clock: Callable[[], float] = time.time,
        read_only: bool = False,
    ) -> None:
        if read_only and path is None:
            raise ValueError("a memory to be read only needs the path of its folder; there is nothing in a new one")
        self.capacity = Capacity(capacity, capacity_bytes, eviction)
        self.merge = merge
        self._clock = clock
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        if path is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="ttom-memory-")
            self.path = Path(self._temporary.name)
        else:
            self.path = Path(path)
        self._records = Records(self.path, durable=path is not None, read_only=read_only)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Change several things at once: when the context ends all of them are on disk, after an exception none is.

        Raises:
            CorruptEntryError: if an entry that was to be updated is damaged; it is then no longer in the memory.
            MemoryWriteError: if the disk refuses; nothing has changed.
        """
        transaction = None
        try:
            with self._records.writing() as change:
                transaction = Transaction(change, self._records, self.capacity, self.merge, self._clock())
                yield transaction
        except CorruptEntryError as error:
            if transaction is not None and transaction.touched is not None:
                self._records.quarantine(transaction.touched, error)
            raise

    def insert(self, adapter: AdapterTensors, **entry: Unpack[NewEntry]) -> Entry:
        """Remember an adapter, and forget others if there are too many; on return it is safely on disk.

        Args:
            adapter: LoRA parameters by the names that ``pipe.load_lora_weights`` reads.
            **entry: what is kept with it, by the names of :class:`~ttom_pl.memory.transaction.NewEntry`.

        Raises:
            ValueError: if the adapter or the key is not finite, the adapter alone is beyond ``capacity_bytes``, or a
                text is not one that can be stored.
            MemoryWriteError: if the disk refuses; nothing has changed.
        """
        with self.transaction() as transaction:
            return transaction.insert(adapter, **entry)

    def read(
        self, key: ArrayLike, *, fingerprint: str, spec: AdapterSpec, threshold: float = -1.0, k: int = 1
    ) -> list[Match]:
        """Return the nearest entries of the same backbone and specification. Reading changes no statistics.

        Args:
            key: embedding of the abstracted scene, shape (D,).
            fingerprint: identifies the backbone's weights.
            spec: what the adapter must adapt, and how.
            threshold: least cosine similarity of the keys.
            k: greatest number of entries.

        Returns:
            Matches, the nearest first; empty on a miss.
        """
        vector = as_vector(key)
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        with self._records.database.reading() as connection:
            group, enough = EntryGroup(fingerprint, spec.digest, vector.size), threshold if threshold > 0 else 1.0
            nearest = self._records.search.nearest(connection, group, vector, k, enough)
            near = [(label, similarity) for label, similarity in nearest if similarity >= threshold - TOLERANCE]
            rows = [(row_labelled(connection, label), similarity) for label, similarity in near]
            return [Match(self._records.entry(row), similarity) for row, similarity in rows]

    def load(self, entry: Entry | str) -> dict[str, Tensor]:
        """Return the adapter that an entry holds now.

        Args:
            entry: the entry or its id.

        Raises:
            EntryNotFoundError: if it has been evicted or deleted.
            CorruptEntryError: if its file is damaged; the entry is then no longer in the memory, unless that may only
                be read.
        """
        entry_id = entry if isinstance(entry, str) else entry.id
        while True:
            with self._records.database.reading() as connection:
                row = get_row(connection, entry_id)
            try:
                return self._records.read(row)
            except CorruptEntryError as error:
                if self._records.quarantine(row, error):
                    raise

    def update(
        self, entry_id: str, adapter: AdapterTensors, similarity: float = 1.0, **changes: Unpack[EntryChanges]
    ) -> Entry:
        """Merge an adapter that was optimised further into an entry; its use is counted by :meth:`record_use`.

        Args:
            entry_id: the entry.
            adapter: the adapter, of the entry's specification.
            similarity: similarity of the keys, above 0 and up to 1.
            **changes: what is known of it now, by the names of :class:`~ttom_pl.memory.transaction.EntryChanges`.

        Returns:
            The entry as it is now.

        Raises:
            EntryNotFoundError: if it has been evicted or deleted.
            CorruptEntryError: if its file is damaged; the entry is then no longer in the memory.
        """
        with self.transaction() as transaction:
            return transaction.update(entry_id, adapter, similarity, **changes)

    def record_use(
        self, entry_id: str, iterations_saved: int = 0, blended: Sequence[str] = (), *, mark: str | None = None
    ) -> Entry:
        """Count a hit, in the entry and in the history.

        Args:
            entry_id: the entry.
            iterations_saved: optimiser iterations that it has saved this time.
            blended: ids of other entries that were used with it; those that are gone are ignored.
            mark: names the prompt. What was recorded under it before is taken back, so that a prompt which is served
                again, because its process was killed, counts once.

        Returns:
            The entry as it is now.

        Raises:
            EntryNotFoundError: if it has been evicted or deleted.
            ValueError: if ``iterations_saved`` is negative or beyond 2**53.
        """
        with self._records.database.writing() as connection:
            get_row(connection, entry_id)
            record(connection, Lookup(self._clock(), entry_id, iterations_saved), blended, mark)
            return self._records.entry(get_row(connection, entry_id))

    def record_miss(self, *, mark: str | None = None) -> None:
        """Count a miss in the history.

        Args:
            mark: names the prompt, as for :meth:`record_use`.
        """
        with self._records.database.writing() as connection:
            record(connection, Lookup(self._clock(), None, 0), (), mark)

    def history(self) -> list[Lookup]:
        """Return the hits and misses that were recorded, the oldest first."""
        with self._records.database.reading() as connection:
            return history(connection)

    def adopt(self, entries: Iterable[tuple[Entry, AdapterTensors]]) -> Adopted:
        """Take over entries of another memory with their ids and statistics, all of them or, after an error, none.

        Where an entry of the same id is here already, the one that more was merged in is kept, of equals the one that
        was used last; its counts become the greater of both. Entries beyond the capacity are evicted.

        Args:
            entries: entries and their adapters.

        Raises:
            ValueError: if an adapter is not finite or not what its entry says.
            MemoryWriteError: if the disk refuses; nothing has changed.
        """
        with self._records.writing() as change:
            added, changed = adopt(self._records, change, entries)
            evicted = self.capacity.evict(change, self._clock())
        return Adopted(tuple(added), tuple(changed), evicted)

    def delete(self, entry_id: str) -> None:
        """Forget an entry.

        Raises:
            EntryNotFoundError: if there is none of this id.
        """
        with self._records.writing() as change:
            change.remove(get_row(change.connection, entry_id))

    def prune(self) -> tuple[str, ...]:
        """Evict entries beyond the capacity, which may have been larger before, and return their ids."""
        with self._records.writing() as change:
            return self.capacity.evict(change, self._clock())

    def get(self, entry_id: str) -> Entry:
        """Return an entry.

        Raises:
            EntryNotFoundError: if there is none of this id.
        """
        with self._records.database.reading() as connection:
            return self._records.entry(get_row(connection, entry_id))

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries in the order of insertion; the memory may change meanwhile."""
        return (self._records.entry(row) for row in self._records.rows())

    def __len__(self) -> int:
        with self._records.database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])

    @property
    def nbytes(self) -> int:
        """Size of all adapters' tensors."""
        with self._records.database.reading() as connection:
            return int(connection.execute("SELECT coalesce(sum(nbytes), 0) FROM entries").fetchone()[0])

    def verify(self, repair: bool = False) -> VerifyReport:
        """Read everything and check it; ``verify_folder`` does where the database may be damaged.

        Args:
            repair: quarantine entries whose file is damaged or missing, adopt or quarantine files that belong to no
                entry, and remove damaged snapshots of the index.

        Raises:
            DamagedDatabaseError: if the database does not hold together, or says of an entry what its file does not.
        """
        if repair and self._records.read_only:
            raise MemoryReadOnlyError(self.path)
        return check(self._records, repair)

    def close(self) -> None:
        """Save snapshots of the indices and close the memory."""
        try:
            self._records.close()
        finally:
            if self._temporary is not None:
                self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


__all__ = ["Memory"]
