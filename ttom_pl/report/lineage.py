"""Which prompt made an entry of the memory, and which prompts started from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ttom_pl.run import Decision, Result


@dataclass
class Lineage:
    """An entry as a run saw it.

    Attributes:
        id: the entry.
        scene: the text of the first key that met it.
        made_by: number of the prompt that inserted it; ``None`` where it is from an earlier run.
        used_by: numbers of the prompts that started from it.
        merged: how many prompts were merged into it.
        saved: iterations that they saved.
    """

    id: str
    scene: str
    made_by: int | None = None
    used_by: list[int] = field(default_factory=list)
    merged: int = 0
    saved: int = 0


def parents(memory: Decision | None) -> list[str]:
    """Return the entries that a prompt started from, the nearest first."""
    if memory is None or memory.parents:
        return [] if memory is None else list(memory.parents)
    reused = memory.hit and memory.write != "insert" and memory.entry is not None  # before parents were kept
    return [str(memory.entry)] if reused else []


def made(memory: Decision | None) -> str | None:
    """Return the entry that a prompt inserted."""
    return memory.entry if memory is not None and memory.write == "insert" else None


def lineage(results: Sequence[Result]) -> dict[str, Lineage]:
    """Return the entries that a run made or used, by id, in the order in which it met them.

    Args:
        results: in the order of the stream.
    """
    entries: dict[str, Lineage] = {}
    for result in results:
        memory, number = result.memory, result.number
        if memory is None:
            continue
        scene = memory.key
        for place, id in enumerate(parents(memory)):
            entry = entries.setdefault(id, Lineage(id, scene))
            entry.used_by.append(number)
            if place == 0:
                entry.saved += memory.iterations_saved or 0
                entry.merged += memory.write == "update"
        if memory.write == "update" and not memory.hit:  # into an entry that did not answer yet
            entries.setdefault(str(memory.entry), Lineage(str(memory.entry), scene)).merged += 1
        written = made(memory)
        if written is not None:
            entries.setdefault(written, Lineage(written, scene)).made_by = number
    return entries
