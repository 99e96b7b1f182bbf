"""Which prompt made an entry of the memory, and which prompts started from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


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


def parents(memory: Mapping[str, Any]) -> list[str]:
    """Return the entries that a prompt started from, the nearest first."""
    if "parents" in memory:
        return [str(id) for id in memory["parents"]]
    found = memory.get("hit") and memory.get("write") != "insert" and "entry" in memory
    return [str(memory["entry"])] if found else []


def made(memory: Mapping[str, Any]) -> str | None:
    """Return the entry that a prompt inserted."""
    return str(memory["entry"]) if memory.get("write") == "insert" and "entry" in memory else None


def lineage(results: Sequence[Mapping[str, Any]]) -> dict[str, Lineage]:
    """Return the entries that a run made or used, by id, in the order in which it met them.

    Args:
        results: lines of ``results.jsonl`` in the order of the stream.
    """
    entries: dict[str, Lineage] = {}
    for result in results:
        memory, number = result.get("memory") or {}, int(result["number"])
        scene = str(memory.get("key", ""))
        for place, id in enumerate(parents(memory)):
            entry = entries.setdefault(id, Lineage(id, scene))
            entry.used_by.append(number)
            if place == 0:
                entry.saved += int(memory.get("iterations_saved", 0))
                entry.merged += memory.get("write") == "update"
        if memory.get("write") == "update" and not memory.get("hit"):  # into an entry that did not answer yet
            entries.setdefault(str(memory["entry"]), Lineage(str(memory["entry"]), scene)).merged += 1
        own = made(memory)
        if own is not None:
            entries.setdefault(own, Lineage(own, scene)).made_by = number
    return entries
