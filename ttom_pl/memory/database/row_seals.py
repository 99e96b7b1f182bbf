"""Rows that tell by a seal whether they are as they were written."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from ttom_pl.memory.entry import AdapterSpec, Entry

_LARGEST = 2**63  # integers of SQLite have 64 bits
_INTEGERS = frozenset(
    "version generation label lookups number dimension iterations iterations_saved hits merged nbytes".split()
)
_REALS = frozenset("loss_before loss_after weight created last_used at".split())


class BrokenRowError(ValueError):
    """A row is not as it was written."""


def to_row(entry: Entry, file: str) -> dict[str, Any]:
    """Return the columns of an entry, but for its label and its seal."""
    row = {column.name: getattr(entry, column.name) for column in fields(Entry)}
    row |= {"key": entry.key.astype("<f4").tobytes(), "spec": entry.spec.to_dict()}
    row |= {name: json.dumps(row[name], sort_keys=True) for name in ("layout", "extra", "spec", "parents")}
    return row | {"file": file, "spec_digest": entry.spec.digest, "dimension": entry.key.size}


def from_row(row: sqlite3.Row) -> Entry:
    """Return the entry of a row.

    Raises:
        BrokenRowError: if the row is not as it was written.
    """
    if not is_sealed(row):
        raise BrokenRowError("its row is not as it was written")
    try:
        data = {column.name: row[column.name] for column in fields(Entry)}
        data |= {"key": np.frombuffer(row["key"], "<f4").astype(np.float32), "layout": json.loads(row["layout"])}
        data |= {"extra": json.loads(row["extra"])}
        data |= {"spec": AdapterSpec.from_dict(json.loads(row["spec"])), "parents": tuple(json.loads(row["parents"]))}
        return Entry(**data)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise BrokenRowError(f"its row cannot be read: {error}") from error


def seal(row: Mapping[str, Any]) -> str:
    """Return the seal of a row: a hash of its columns, the same whatever their order."""
    items = sorted((name, value) for name, value in row.items() if name != "seal")
    return hashlib.sha256(repr(items).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_sealed(row: sqlite3.Row) -> bool:
    """Whether a row is as it was written; rows of the first version have no seal and are taken as they are."""
    columns = dict(row)
    return "seal" not in columns or columns["seal"] == seal(columns)


def sealed(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its seal, the values as SQLite will return them."""
    values: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or name == "seal":
            continue
        if name in _INTEGERS:
            if not -_LARGEST <= value < _LARGEST:
                raise ValueError(f"{name} has more than 64 bits, which a memory cannot hold; give a smaller number")
            values[name] = int(value)
        elif name in _REALS:
            values[name] = float(value) + 0.0  # SQLite has no negative zero
        else:
            values[name] = value
    values = {name: values.get(name) for name in row if name != "seal"}
    return values | {"seal": seal(values)}


__all__ = ["BrokenRowError", "from_row", "is_sealed", "seal", "sealed", "to_row"]
