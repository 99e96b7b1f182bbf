"""Small real adapters and memories."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ttom_pl.memory import AdapterSpec, Entry, Memory

MakeAdapter = Callable[[float], dict[str, Tensor]]
Learn = Callable[..., Entry]


@pytest.fixture
def clock() -> Callable[[], float]:
    return itertools.count(1.0).__next__


@pytest.fixture
def memory(clock: Callable[[], float]) -> Iterator[Memory]:
    with Memory(clock=clock) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "memory"


@pytest.fixture
def spec() -> AdapterSpec:
    return AdapterSpec(rank=2, alpha=2, target_modules=("blocks.0.attn2.to_q",), active_steps=5)


@pytest.fixture
def adapter() -> MakeAdapter:
    """Return an adapter whose values are all the given number."""

    def make(value: float) -> dict[str, Tensor]:
        name = "transformer.blocks.0.attn2.to_q"
        return {
            f"{name}.lora_A.weight": torch.full((2, 4), float(value)),
            f"{name}.lora_B.weight": torch.full((4, 2), float(value)),
        }

    return make


@pytest.fixture
def axis() -> Callable[[int], np.ndarray]:
    """Return a key that is orthogonal to the others."""
    return lambda i: np.eye(16, dtype=np.float32)[i]


@pytest.fixture
def learn(adapter: MakeAdapter, axis: Callable[[int], np.ndarray], spec: AdapterSpec) -> Learn:
    """Insert the i-th scene."""

    def insert(memory: Memory, i: int, **changes: Any) -> Entry:
        given = {
            "key": axis(i),
            "key_text": f"<object_{i}> moves",
            "prompt": f"a thing {i} moves",
            "fingerprint": "wan",
        }
        return memory.insert(changes.pop("adapter", adapter(i)), **(given | {"spec": spec} | changes))

    return insert
