"""Entries that hold a shift of the latents beside the adapter."""

import zipfile
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ttom_pl.memory import (
    SHIFT,
    AdapterSpec,
    ImportRefusedError,
    Memory,
    block_norms,
    export_adapter,
    export_memory,
    import_memory,
)
from ttom_pl.memory.files import content_hash

SHAPE = (3, 4, 2, 2, 2)


@pytest.fixture
def both(adapter):
    """Return an adapter and a shift in half precision, whose values are all the given number."""
    return lambda value: adapter(value) | {SHIFT: torch.full(SHAPE, float(value), dtype=torch.float16)}


@pytest.fixture
def moved(spec):
    return replace(spec, shift=SHAPE)


def test_a_specification_without_a_shift_is_what_it_was_before_there_were_any(moved):
    """So that entries of earlier versions answer."""
    before = AdapterSpec(2, 2.0, ("a", "b"), 5)
    assert before.digest == "ea5b6ab28d508cecd61c9dbc6b1acf39f95291a5338071851f1521a26a0a0676"
    assert "shift" not in before.to_dict()
    assert AdapterSpec.from_dict(before.to_dict()) == before
    assert AdapterSpec.from_dict(moved.to_dict()) == moved
    assert len({moved.digest, replace(moved, shift=()).digest, replace(moved, shift=(2, *SHAPE[1:])).digest}) == 3


@pytest.mark.parametrize("shift", [(6, 4, 2, 2, 2), (0, 4, 2, 2, 2), (3, 4, -1, 2, 2)])
def test_shapes_that_no_shift_has(spec, shift):
    with pytest.raises(ValueError, match="shift must be the shape of at most 5 steps' latents"):
        replace(spec, shift=shift)


def test_it_is_stored_merged_and_verified_with_the_adapter(folder, learn, both, axis, moved):
    with Memory(folder) as memory:
        entry = learn(memory, 0, adapter=both(1), spec=moved)
        assert entry.nbytes == 2 * 8 * 4 + 2 * 96
        memory.update(entry.id, both(4), 0.5)
    with Memory(folder) as memory:
        (found,) = memory.read(axis(0), fingerprint="wan", spec=moved)
        tensors = memory.load(found.entry)
        assert tensors[SHIFT].dtype == torch.float16
        assert set(tensors[SHIFT].flatten().tolist()) == {2.0}  # (1 · 1 + 0.5 · 4) / 1.5
        assert memory.verify().clean
        (path,) = folder.glob("adapters/*")
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
        assert not memory.verify().clean


def test_entries_with_and_without_do_not_answer_each_other(memory, learn, both, axis, spec, moved):
    alone, with_shift = learn(memory, 0), learn(memory, 0, adapter=both(0), spec=moved)
    for asked, entry in ((spec, alone), (moved, with_shift)):
        assert [match.entry for match in memory.read(axis(0), fingerprint="wan", spec=asked)] == [entry]


def test_round_trip_of_an_archive(tmp_path, learn, both, moved):
    with Memory() as memory:
        entry = learn(memory, 0, adapter=both(1), spec=moved)
        expected = content_hash(memory.load(entry))
        export_memory(memory, tmp_path / "there.ttom")
    with Memory() as memory:
        assert import_memory(memory, tmp_path / "there.ttom").added == (entry.id,)
        (again,) = memory
        assert again == entry
        assert content_hash(memory.load(again)) == expected


@pytest.mark.parametrize("change", ["no shift", "another shape", "unannounced", "too large"])
def test_archives_whose_shift_is_not_the_announced_one_are_refused(tmp_path, learn, both, spec, moved, change):
    tensors, specification = both(1), moved
    if change == "no shift":
        tensors.pop(SHIFT)
    elif change == "another shape":
        tensors[SHIFT] = tensors[SHIFT][:2]
    elif change == "unannounced":
        specification = spec
    else:
        specification = replace(moved, shift=(1, 70_000, 1, 1, 1))
        tensors[SHIFT] = torch.ones(specification.shift)
    with Memory() as memory:
        learn(memory, 0, adapter=tensors, spec=specification)
        export_memory(memory, tmp_path / "there.ttom")
    assert zipfile.is_zipfile(tmp_path / "there.ttom")
    with Memory() as memory:
        with pytest.raises(ImportRefusedError, match="shift"):
            import_memory(memory, tmp_path / "there.ttom")
        assert list(memory) == []


@pytest.mark.parametrize("format", ["diffusers", "comfyui", "peft"])
def test_exports_for_other_tools_are_adapters(tmp_path, memory, learn, both, adapter, spec, moved, format):
    entry = learn(memory, 0, adapter=both(1), spec=moved)
    plain = learn(memory, 1, adapter=adapter(1), spec=spec)
    files = []
    for name, each, tensors in (("a", entry, both(1)), ("b", plain, adapter(1))):
        path = export_adapter(each, tensors, tmp_path / name, format)
        files.append(load_file(path / "adapter_model.safetensors" if format == "peft" else path))
    assert files[0].keys() == files[1].keys()
    assert all(torch.equal(value, files[1][name]) for name, value in files[0].items())
    assert block_norms(entry, both(1)) == block_norms(plain, adapter(1))
