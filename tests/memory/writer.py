"""A process that inserts, updates and deletes for ever, and acknowledges each change on stdout; tests kill it.

With ``rollback`` its disk is taken for a network's; with ``full`` it finds the disk full now and then.
"""

import random
import resource
import sys
import warnings

import numpy as np
import torch

from ttom_pl.memory import AdapterSpec, EntryNotFoundError, Memory, MemoryWriteError, database

SPEC = AdapterSpec(rank=2, alpha=2, target_modules=("blocks.0.attn2.to_q",), active_steps=5)


def fill_disk(rng: random.Random, full: bool) -> None:
    """Let files grow no further than to a random size, or as far as they like."""
    size = rng.choice([500, 3000, 40_000, 200_000]) if full else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def main(folder: str, seed: int, capacity: int, operations: int, *modes: str) -> None:
    warnings.simplefilter("ignore")
    if "rollback" in modes:
        database.network_filesystem = lambda _: "nfs4"
    rng = random.Random(seed)
    torch.manual_seed(seed)
    own: list[str] = []
    with Memory(folder, capacity=capacity) as memory:
        print("ready", flush=True)
        for _ in range(operations):
            adapter = {"transformer.blocks.0.attn2.to_q.lora_A.weight": torch.randn(2, 64)}
            kind = rng.choice(["insert", "insert", "update", "delete", "read"])
            try:
                if "full" in modes:
                    fill_disk(rng, rng.random() < 0.2)
                if kind == "insert" or not own:
                    key = np.array([rng.gauss(0, 1) for _ in range(8)])
                    entry = memory.insert(
                        adapter, key=key, key_text="k", prompt=f"prompt {seed}", fingerprint="wan", spec=SPEC
                    )
                    own.append(entry.id)
                    print("kept", entry.id, entry.content_hash, flush=True)
                elif kind == "update":
                    chosen = rng.choice(own)
                    print("updating", chosen, flush=True)
                    entry = memory.update(chosen, adapter, 0.9)
                    print("kept", entry.id, entry.content_hash, flush=True)
                elif kind == "delete" and len(own) > 3:
                    gone = own.pop(0)
                    print("gone", gone, flush=True)  # before: it may or may not have happened
                    memory.delete(gone)
                else:
                    for match in memory.read(np.ones(8), fingerprint="wan", spec=SPEC, k=3):
                        memory.record_use(match.entry.id, 1)
            except EntryNotFoundError as error:  # evicted, here or by another process
                own = [name for name in own if repr(name) not in str(error)]
            except MemoryWriteError:
                print("full", flush=True)
        fill_disk(rng, False)
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), *sys.argv[5:])
