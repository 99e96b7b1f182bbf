"""An exported adapter in plain diffusers makes the frames that it makes here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from kinds import PROMPT, Case, make_case
from safetensors.torch import save_file
from states import differences, state_of
from test_front import LEARNING, QUICK, arguments, seeded
from test_user_loras import write_lora

from ttom_pl import TTOM
from ttom_pl.export import FirstSteps, first_steps
from ttom_pl.memory import Memory, export_adapter
from ttom_pl.recall import RecallPolicy

AS_IT_IS: dict[str, Any] = {"recall": RecallPolicy(iterations=0), "conditional_only": False}
"""Plain diffusers has an adapter on in both passes of guidance."""


def exported(case: Case, folder: Path, **options: Any) -> tuple[Path, torch.Tensor]:
    """The file of an adapter that was learnt, and the frames that it makes here when it is used as it is."""
    numbers = {**QUICK, **LEARNING, **AS_IT_IS, **options}
    shared = {"output_type": "pt", **arguments(case)}
    with TTOM(case.pipeline(), folder / "memory", **numbers) as ttom:
        assert ttom(PROMPT, generator=seeded(), **shared).memory.write == "insert"
        hit = ttom(PROMPT, generator=seeded(), **shared)
        assert hit.memory.read == "used as it is"
    with Memory(folder / "memory", read_only=True) as memory:
        (entry,) = memory
        return export_adapter(entry, memory.load(entry), folder / "lora.safetensors"), hit.frames


def by_pipe(pipe: Any, case: Case, callback: Any = None) -> torch.Tensor:
    given = {"output_type": "pt", "callback_on_step_end": callback, **arguments(case)}
    frames: torch.Tensor = pipe(prompt=PROMPT, generator=seeded(), **given).frames
    return frames


def loaded(case: Case, *files: Path, **names: Path) -> Any:
    pipe = case.pipeline()
    for file in files:
        pipe.load_lora_weights(file.parent, weight_name=file.name)
    for name, file in names.items():
        pipe.load_lora_weights(file.parent, weight_name=file.name, adapter_name=name)
    return pipe


@pytest.fixture
def wan(folder_of: Callable[[str], Path], picture: Path) -> Case:
    return make_case("wan", folder_of, picture)


@pytest.mark.parametrize("name", ["wan", "wan2.2", "wan2.2-ti2v", "wan-i2v", "cogvideox-ddim", "ltx"])
def test_frames_are_ours(name: str, folder_of: Callable[[str], Path], picture: Path, tmp_path: Path) -> None:
    """Bit for bit in float32, again and again, and the pipeline is as its owner left it."""
    case = make_case(name, folder_of, picture)
    file, ours = exported(case, tmp_path, guided_steps=1)
    pipe = loaded(case, file)
    all_steps, before = by_pipe(pipe, case), state_of(pipe)
    callback = first_steps(file)
    assert callback.steps == 1
    for _ in range(2):
        assert torch.equal(by_pipe(pipe, case, callback), ours)
    changed = differences(before, state_of(pipe))
    assert all(name.startswith("scheduler.") for name in changed), "which every video leaves in another state"
    assert not torch.equal(all_steps, ours)


def test_of_two_experts_the_first_alone(folder_of: Callable[[str], Path], picture: Path, tmp_path: Path) -> None:
    """Also where its owner has put it into both, and wants it in steps of the second."""
    case = make_case("wan2.2", folder_of, picture)
    file, _ = exported(case, tmp_path)
    expected = by_pipe(loaded(case, file), case)  # in all of the first's steps
    pipe = loaded(case, file)
    pipe.load_lora_weights(tmp_path, weight_name=file.name, load_into_transformer_2=True)
    assert not torch.equal(by_pipe(pipe, case), expected)
    assert torch.equal(by_pipe(pipe, case, first_steps(4)), expected)
    assert not torch.equal(by_pipe(pipe, case), expected), "it is on in the second again"


def test_what_is_in_the_pipeline_beside_it_stays(wan: Case, tmp_path: Path) -> None:
    """Another LoRA of the owner, and other callbacks."""
    style = write_lora(tmp_path / "style.safetensors", wan.pipeline().transformer, 5)
    file, _ = exported(wan, tmp_path)
    pipe = loaded(wan, style=style, ttom=file)
    pipe.set_adapters(["style", "ttom"], [0.6, 1.0])

    def by_hand(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        if step == 1:
            pipe.set_adapters(["style"], [0.6])
        return tensors

    expected = by_pipe(pipe, wan, by_hand)
    pipe.set_adapters(["style", "ttom"], [0.6, 1.0])
    assert torch.equal(by_pipe(pipe, wan, first_steps(2, "ttom")), expected)
    assert torch.equal(by_pipe(pipe, wan, MultiPipelineCallbacks([first_steps(2, "ttom")])), expected)
    with pytest.raises(ValueError, match=r"has 2 LoRAs, \['style', 'ttom'\]; name the one to switch"):
        by_pipe(pipe, wan, first_steps(2))


class Ending(PipelineCallback):
    """Ends a video early."""

    tensor_inputs = ()

    def callback_fn(self, pipeline: Any, step_index: int, timesteps: Any, callback_kwargs: Any) -> Any:
        pipeline._interrupt = step_index == 2
        return callback_kwargs


def test_videos_that_end_early(wan: Case, tmp_path: Path) -> None:
    file, ours = exported(wan, tmp_path)
    pipe, callback = loaded(wan, file), first_steps(file)
    by_pipe(pipe, wan, MultiPipelineCallbacks([Ending(), callback]))
    assert torch.equal(by_pipe(pipe, wan, callback), ours)
    by_pipe(pipe, wan, MultiPipelineCallbacks([callback, Ending()]))
    with pytest.raises(ValueError, match="off in the first denoising step, as the video before ended early; it is on"):
        by_pipe(pipe, wan, callback)
    assert torch.equal(by_pipe(pipe, wan, callback), ours)


def test_with_a_shift_the_export_is_the_adapter_alone(wan: Case, tmp_path: Path) -> None:
    """Which is what a hit of its entry without its share of the shift is."""
    without = AS_IT_IS | {"recall": RecallPolicy(iterations=0, shift=0.0)}
    file, ours = exported(wan, tmp_path, method="joint", **without)
    assert torch.equal(by_pipe(loaded(wan, file), wan, first_steps(file)), ours)
    shared = {"generator": seeded(), "output_type": "pt", **arguments(wan)}
    with TTOM(wan.pipeline(), tmp_path / "memory", method="joint", read_only=True, **QUICK, **AS_IT_IS) as ttom:
        assert not torch.equal(ttom(PROMPT, **shared).frames, ours)


def test_what_cannot_be_switched(wan: Case, tmp_path: Path) -> None:
    file = write_lora(tmp_path / "style.safetensors", wan.pipeline().transformer, 5)
    for steps, message in (
        (0, "steps is 0"),
        (tmp_path / "none.safetensors", "there is no file"),
        (file, "does not say for how many denoising steps"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            first_steps(steps)
    (tmp_path / "bad.safetensors").write_bytes(b"bad")
    save_file({"a": torch.ones(1)}, tmp_path / "worded.safetensors", {"ttom_active_steps": "five"})
    for name in ("bad", "worded"):
        with pytest.raises(ValueError, match=f"{name}.safetensors"):
            first_steps(str(tmp_path / f"{name}.safetensors"))
    assert isinstance(first_steps(1), FirstSteps)
    with pytest.raises(ValueError, match=r"has no LoRA; call pipe\.load_lora_weights first"):
        by_pipe(wan.pipeline(), wan, first_steps(1))
    pipe = loaded(wan, style=file)
    with pytest.raises(ValueError, match=r"has no LoRA 'ttom', but \['style'\]"):
        by_pipe(pipe, wan, first_steps(1, "ttom"))
    pipe.disable_lora()
    with pytest.raises(ValueError, match=r"'style' was off in the first denoising step; call pipe\.enable_lora"):
        by_pipe(pipe, wan, first_steps(1))
    pipe.enable_lora()
    pipe.fuse_lora()
    with pytest.raises(ValueError, match="fused into the weights"):
        by_pipe(pipe, wan, first_steps(1))
