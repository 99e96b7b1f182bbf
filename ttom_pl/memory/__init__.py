"""The parametric memory: a versioned, searchable store of LoRA adapters that knows nothing of its caller."""

from ttom_pl.memory.adoption import Adopted
from ttom_pl.memory.entry import SHIFT, AdapterSpec, AdapterTensors, Entry, Match
from ttom_pl.memory.errors import (
    CorruptEntryError,
    DamagedDatabaseError,
    EntryNotFoundError,
    ImportRefusedError,
    MemoryBusyError,
    MemoryReadError,
    MemoryReadOnlyError,
    MemoryStoreError,
    MemoryWriteError,
)
from ttom_pl.memory.eviction import FIFO, LFU, LRU, AgeingLFU, EntryStats, EvictionPolicy, LeastIterationsSaved
from ttom_pl.memory.exchange import export_memory, import_memory, merge_memories
from ttom_pl.memory.formats import block_norms, export_adapter
from ttom_pl.memory.history import Lookup, Window, windows
from ttom_pl.memory.merge import MergeRule, PaperMerge, Replace, RunningAverage, blend
from ttom_pl.memory.repair import VerifyReport
from ttom_pl.memory.rows_and_files import memory_folder
from ttom_pl.memory.store import Memory
from ttom_pl.memory.transaction import Transaction
from ttom_pl.memory.verify import verify_folder

__all__ = [
    "FIFO",
    "LFU",
    "LRU",
    "SHIFT",
    "AdapterSpec",
    "AdapterTensors",
    "Adopted",
    "AgeingLFU",
    "CorruptEntryError",
    "DamagedDatabaseError",
    "Entry",
    "EntryNotFoundError",
    "EntryStats",
    "EvictionPolicy",
    "ImportRefusedError",
    "LeastIterationsSaved",
    "Lookup",
    "Match",
    "Memory",
    "MemoryBusyError",
    "MemoryReadError",
    "MemoryReadOnlyError",
    "MemoryStoreError",
    "MemoryWriteError",
    "MergeRule",
    "PaperMerge",
    "Replace",
    "RunningAverage",
    "Transaction",
    "VerifyReport",
    "Window",
    "blend",
    "block_norms",
    "export_adapter",
    "export_memory",
    "import_memory",
    "memory_folder",
    "merge_memories",
    "verify_folder",
    "windows",
]
