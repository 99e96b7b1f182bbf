"""Memories for tests, with their options by name, whatever group they are in."""

from dataclasses import fields
from typing import Any

from ttom_pl.callbacks import ParametricMemory, StorePolicy
from ttom_pl.recall import KeepPolicy, KeyPolicy, RecallPolicy

GROUPS = {"key": KeyPolicy, "recall": RecallPolicy, "keep": KeepPolicy, "store": StorePolicy}


def memory(*args: Any, **options: Any) -> ParametricMemory:
    """A memory with options of its groups."""
    groups = {}
    for name, group in GROUPS.items():
        own = {each.name: options.pop(each.name) for each in fields(group) if each.name in options}
        groups[name] = group(**own)
    return ParametricMemory(*args, **groups, **options)
