"""The parametric memory: a versioned, searchable store of LoRA adapters that knows nothing of its caller."""

from ttom_pl.memory.entry import Adapter, AdapterSpec, Entry, Match
from ttom_pl.memory.errors import (
    CorruptEntryError,
    DamagedDatabaseError,
    EntryNotFoundError,
    MemoryBusyError,
    MemoryStoreError,
    MemoryWriteError,
)
from ttom_pl.memory.eviction import FIFO, LFU, LRU, AgeingLFU, EntryStats, EvictionPolicy, LeastIterationsSaved
from ttom_pl.memory.merge import MergeRule, PaperMerge, Replace, RunningAverage, blend
from ttom_pl.memory.repair import VerifyReport
from ttom_pl.memory.store import Memory, verify_folder

__all__ = [
    "FIFO",
    "LFU",
    "LRU",
    "Adapter",
    "AdapterSpec",
    "AgeingLFU",
    "CorruptEntryError",
    "DamagedDatabaseError",
    "Entry",
    "EntryNotFoundError",
    "EntryStats",
    "EvictionPolicy",
    "LeastIterationsSaved",
    "Match",
    "Memory",
    "MemoryBusyError",
    "MemoryStoreError",
    "MemoryWriteError",
    "MergeRule",
    "PaperMerge",
    "Replace",
    "RunningAverage",
    "VerifyReport",
    "blend",
    "verify_folder",
]
