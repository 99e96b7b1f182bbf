"""What was exported for any tool can be imported again, and does what it did."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kinds import PROMPT, Case, make_case
from test_first_steps import AS_IT_IS
from test_front import LEARNING, QUICK, arguments, seeded

from ttom_pl import TTOM
from ttom_pl.memory import SHIFT, Memory, export_adapter, origin_of
from ttom_pl.memory.formats import Format

NUMBERS: dict[str, Any] = {**QUICK, **LEARNING, **AS_IT_IS}


@pytest.fixture
def wan(folder_of: Callable[[str], Path], picture: Path) -> Case:
    return make_case("wan", folder_of, picture)


def test_there_and_back(wan: Case, tmp_path: Path) -> None:
    """Bit for bit in float32, by every format, and also into a rehearsal of a higher rank."""
    shared = {"output_type": "pt", **arguments(wan)}
    with TTOM(wan.pipeline(), tmp_path / "memory", **NUMBERS) as ttom:
        ttom(PROMPT, generator=seeded(), **shared)
        expected = ttom(PROMPT, generator=seeded(), **shared)
    assert expected.memory.hit
    with Memory(tmp_path / "memory", read_only=True) as memory:
        (entry,) = memory
        adapter = memory.load(entry)
    origin = origin_of(entry.extra)
    assert origin is not None
    assert (origin.pipeline, origin.steps, origin.width, origin.experts) == ("WanPipeline", 4, 48, 1)
    assert "/" not in origin.model, "no folder of somebody's disk"
    formats: tuple[Format, ...] = ("diffusers", "comfyui", "peft")
    for format in formats:
        file = export_adapter(entry, adapter, tmp_path / f"{format}.safetensors", format)
        with TTOM(wan.pipeline(), **NUMBERS) as ttom:
            made = ttom.import_lora(file, PROMPT, **arguments(wan))
            assert (made.spec, made.fingerprint, made.layout) == (entry.spec, entry.fingerprint, entry.layout)
            assert made.extra["imported"] == file.name
            output = ttom(PROMPT, generator=seeded(), **shared)
        assert output.memory.parents == (made.id,)
        assert torch.equal(output.frames, expected.frames)
    with TTOM(wan.pipeline(), **NUMBERS | {"rank": 5}) as ttom:
        ttom.import_lora(file, PROMPT, **arguments(wan))
        torch.testing.assert_close(ttom(PROMPT, generator=seeded(), **shared).frames, expected.frames)


def test_where_latents_are_moved_it_has_a_shift_of_nothing(wan: Case, tmp_path: Path) -> None:
    with TTOM(wan.pipeline(), tmp_path / "memory", **NUMBERS) as ttom:
        entry = ttom.memory.get(ttom(PROMPT, generator=seeded(), **arguments(wan)).memory.entry)
        file = export_adapter(entry, ttom.memory.load(entry), tmp_path / "lora.safetensors")
        made = ttom.import_lora(file, PROMPT, method="joint", **arguments(wan))
        assert made.spec.shift
        assert not ttom.memory.load(made)[SHIFT].any()
        assert ttom(PROMPT, method="joint", generator=seeded(), **arguments(wan)).memory.parents == (made.id,)


@pytest.mark.parametrize("options", [{"memory": False}, {"method": "latents"}, {"method": "plain"}])
def test_where_nothing_is_remembered(wan: Case, tmp_path: Path, options: dict[str, Any]) -> None:
    with (
        TTOM(wan.pipeline(), **QUICK, **options) as ttom,
        pytest.raises(ValueError, match="nothing is remembered here"),
    ):
        ttom.import_lora(tmp_path / "lora.safetensors", PROMPT, **arguments(wan))
