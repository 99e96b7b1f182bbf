"""Entries of another memory, taken over with their ids and statistics."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ttom_pl.memory.database.find_rows import find_row
from ttom_pl.memory.entry import AdapterTensors, Entry
from ttom_pl.memory.files import content_hash, prepare
from ttom_pl.memory.rows_and_files import Change, Records


@dataclass(frozen=True)
class Adopted:
    """What a memory took over from another.

    Attributes:
        added: ids of entries that are new here.
        changed: ids of entries that were here, and are now as they are there or count more uses.
        evicted: ids of entries that had to go.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    evicted: tuple[str, ...]


def adopt(
    records: Records, change: Change, entries: Iterable[tuple[Entry, AdapterTensors]]
) -> tuple[list[str], list[str]]:
    """Add entries, or bring those that are here up to date, and return the ids of both.

    Args:
        records: where they go.
        change: the transaction.
        entries: entries and their adapters.

    Raises:
        ValueError: if an adapter is not finite or not what its entry says.
    """
    added, changed = [], []
    for entry, adapter in entries:
        tensors = prepare(adapter)
        if content_hash(tensors) != entry.content_hash:
            raise ValueError(f"entry {entry.id!r} has another adapter than the one given with it")
        row = find_row(change.connection, entry.id)
        if row is None:
            change.add(entry, tensors)
            added.append(entry.id)
        elif (kept := _newer(records.entry(row), entry)) != records.entry(row):
            tensors = tensors if kept.content_hash == entry.content_hash else records.read(row)
            change.remove(row)
            change.add(kept, tensors)
            changed.append(entry.id)
    return added, changed


def _newer(here: Entry, there: Entry) -> Entry:
    newer = max(here, there, key=lambda entry: (entry.merged, entry.last_used))
    counts = {
        name: max(getattr(here, name), getattr(there, name)) for name in ("hits", "iterations_saved", "last_used")
    }
    return replace(newer, **counts)


__all__ = ["Adopted", "adopt"]
