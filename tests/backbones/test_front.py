"""TTOM around pipelines of every kind: with TTO off the pipeline's own frames, and the pipeline as it was found."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from kinds import KINDS, PROMPT, Case, make_case
from PIL import Image
from states import differences, state_of
from test_user_loras import with_loras, write_files

from ttom_pl import TTOM
from ttom_pl.backbones import Placement
from ttom_pl.front import TTOMOutput
from ttom_pl.io.media import read_mp4, to_pixels, write_mp4
from ttom_pl.layout import Layout
from ttom_pl.memory import SHIFT, Memory
from ttom_pl.recall import KeepPolicy, KeyPolicy, RecallPolicy
from ttom_pl.rehearsal import AdapterTTO, LatentGuidance

QUICK: dict[str, Any] = {
    "loss_blocks": [1],
    "rank": 2,
    "iterations": 2,
    "guided_steps": 2,
    "lr": 0.05,
    "stop_loss": 0.0,
}
LEARNING = {"keep": KeepPolicy(min_gain=-9.0)}
CIRCLE = {"a red circle": [[0.6, 0.1, 0.9, 0.4], [0.1, 0.1, 0.4, 0.4]]}
OTHER = "a green triangle moves left and a yellow square moves up"


@pytest.fixture(params=[name for name, kind in KINDS.items() if kind.backbone.can_be_called])
def case(request: pytest.FixtureRequest, folder_of: Callable[[str], Path], picture: Path) -> Case:
    """Every kind that can be called."""
    return make_case(request.param, folder_of, picture)


@pytest.fixture
def family(family: Case) -> Case:
    """A family that can be called."""
    if not KINDS[family.name].backbone.can_be_called:
        pytest.skip(f"a pipeline of {family.name} cannot be called")
    return family


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.backbone.can_be_called])
def test_pipelines_that_cannot_be_called_yet(name: str, folder_of: Callable[[str], Path], picture: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be called yet; serve its prompts by 'ttom stream', or by a Stream"):
        TTOM(make_case(name, folder_of, picture).pipeline())


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def arguments(case: Case) -> dict[str, Any]:
    """What both are called with."""
    kind = KINDS[case.name]
    image = {"image": Image.open(case.image).convert("RGB")} if case.image else {}
    return {"num_inference_steps": 4, **kind.settings, **dict(kind.pipe_only), **image}


def same(one: Any, other: Any) -> bool:
    """Whether frames are the same, of whatever type."""
    assert type(one) is type(other)
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    return [[frame.tobytes() for frame in video] for video in one] == [
        [frame.tobytes() for frame in video] for video in other
    ]


@pytest.fixture
def wan(folder_of: Callable[[str], Path], picture: Path) -> Case:
    return make_case("wan", folder_of, picture)


@pytest.mark.parametrize("output_type", ["np", "pt", "pil", "latent"])
def test_plain_frames_are_the_pipelines(case: Case, output_type: str) -> None:
    """Bit for bit; the generator too is where the pipeline's call would have left it."""
    pipe, one, other = case.pipeline(), seeded(), seeded()
    for _ in range(2):  # the second time from where the generator was left
        expected = pipe(prompt=PROMPT, generator=one, output_type=output_type, **arguments(case)).frames
        before = state_of(pipe)
        output = TTOM(pipe)(PROMPT, method="plain", generator=other, output_type=output_type, **arguments(case))
        assert same(output.frames, expected)
        assert torch.equal(one.get_state(), other.get_state())
        assert not differences(before, state_of(pipe))
    assert output.plain
    assert (output.layout, output.losses, output.memory) == (None, (), None)


def test_a_video_that_follows_a_layout(case: Case) -> None:
    """It differs from the plain one, a generator makes it again, and the pipeline and torch's state are as before."""
    pipe = case.pipeline()
    plain = pipe(prompt=PROMPT, generator=seeded(), output_type="pt", **arguments(case)).frames
    before, global_state = state_of(pipe), torch.get_rng_state()
    outputs = []
    for _ in range(2):
        with TTOM(pipe, **QUICK) as ttom:
            outputs.append(ttom(PROMPT, generator=seeded(), output_type="pt", **arguments(case)))
    first, again = outputs
    assert torch.equal(first.frames, again.frames)
    assert first.frames.shape == plain.shape
    assert not torch.equal(first.frames, plain)
    assert not first.plain
    assert first.layout is not None
    assert {word for track in first.layout.tracks for word in track.words} == {"circle", "square"}
    assert [len(step) for step in first.losses] == [2, 2]
    assert first.updates == 4
    assert first.memory is not None
    assert first.memory.read == "miss"
    assert first.seed == 3
    assert not differences(before, state_of(pipe))
    assert torch.equal(global_state, torch.get_rng_state())


def test_torchs_own_generator(family: Case) -> None:
    pipe = family.pipeline()
    torch.manual_seed(5)
    expected = pipe(prompt=PROMPT, output_type="pt", **arguments(family)).frames
    after = torch.get_rng_state()
    torch.manual_seed(5)
    assert torch.equal(TTOM(pipe)(PROMPT, method="plain", output_type="pt", **arguments(family)).frames, expected)
    assert torch.equal(torch.get_rng_state(), after)


def test_a_scheduler_that_draws_noise(wan: Case) -> None:
    """The pipeline gives it no generator, so that it draws from torch's own."""
    pipe = wan.pipeline()
    changes = {"algorithm_type": "sde-dpmsolver++", "use_flow_sigmas": True, "prediction_type": "flow_prediction"}
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, **changes)
    frames = []
    for call in (pipe, TTOM(pipe, method="plain")):
        torch.manual_seed(8)
        frames.append(call(prompt=PROMPT, generator=seeded(), output_type="pt", **arguments(wan)).frames)
    assert torch.equal(*frames)


def test_defaults_are_the_pipelines(folder_of: Callable[[str], Path], picture: Path) -> None:
    """Of the call, or of the transformer where the call leaves them open."""
    sizes = {}
    for name in ("wan", "wan-i2v", "cogvideox-ddim", "ltx"):
        ttom = TTOM(make_case(name, folder_of, picture).pipeline(), memory=False)
        settings = ttom.arguments.settings({})
        sizes[name] = (settings.height, settings.width, settings.num_frames, ttom.arguments.output_type)
    assert sizes == {
        "wan": (480, 832, 81, "np"),
        "wan-i2v": (480, 832, 81, "np"),
        "cogvideox-ddim": (64, 64, 9, "pil"),
        "ltx": (512, 704, 161, "pil"),
    }


def test_a_negative_prompt(family: Case) -> None:
    pipe = family.pipeline()
    given = {"negative_prompt": "two green squares", "output_type": "pt", **arguments(family)}
    expected = pipe(prompt=PROMPT, generator=seeded(), **given).frames
    assert torch.equal(TTOM(pipe)(PROMPT, method="plain", generator=seeded(), **given).frames, expected)
    other = TTOM(pipe)([PROMPT], method="plain", generator=[seeded()], **given | {"negative_prompt": [None]})
    assert not torch.equal(other[0].frames, expected)


def test_with_the_owners_loras(family: Case, tmp_path: Path) -> None:
    pipe = with_loras(family, write_files(family, tmp_path))
    expected = pipe(prompt=PROMPT, generator=seeded(), output_type="pt", **arguments(family)).frames
    before = state_of(pipe)
    with TTOM(pipe, **QUICK, placement=Placement(gradient_checkpointing=True)) as ttom:
        assert ttom(PROMPT, generator=seeded(), **arguments(family)).updates == 4
        plain = ttom(PROMPT, method="plain", generator=seeded(), output_type="pt", **arguments(family))
    assert torch.equal(plain.frames, expected)
    assert not differences(before, state_of(pipe))


def test_offloaded_by_its_owner(wan: Case) -> None:
    pipe = wan.pipeline()
    pipe.enable_model_cpu_offload(device="cpu")
    expected = pipe(prompt=PROMPT, generator=seeded(), output_type="pt", **arguments(wan)).frames
    with TTOM(pipe, **QUICK) as ttom:
        assert ttom(PROMPT, generator=seeded(), output_type="latent", **arguments(wan)).updates == 4
        plain = ttom(PROMPT, method="plain", generator=seeded(), output_type="pt", **arguments(wan))
    assert torch.equal(plain.frames, expected)
    assert torch.equal(pipe(prompt=PROMPT, generator=seeded(), output_type="pt", **arguments(wan)).frames, expected)


class Seen:
    """A callback that keeps what it was told, and changes it as it is asked to."""

    def __init__(self, change: Callable[[Any, int, dict[str, Any]], dict[str, Any]] | None = None) -> None:
        self.change = change
        self.told: list[tuple[str, int, int, float, dict[str, torch.Tensor]]] = []

    def __call__(self, pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value.clone() for name, value in tensors.items()}
        self.told.append((type(pipe).__name__, pipe.num_timesteps, step, float(timestep), kept))
        return tensors if self.change is None else self.change(pipe, step, dict(tensors))


def halve(pipe: Any, step: int, tensors: dict[str, Any]) -> dict[str, Any]:
    return {"latents": tensors["latents"] * (0.5 if step == 1 else 1.0)}


def other_text(pipe: Any, step: int, tensors: dict[str, Any]) -> dict[str, Any]:
    """The text embeddings fade away, step by step."""
    return {"prompt_embeds": tensors["prompt_embeds"] * 0.5}


def stop(pipe: Any, step: int, tensors: dict[str, Any]) -> dict[str, Any]:
    pipe._interrupt = step == 1
    return {}


@pytest.mark.parametrize("change", [None, halve, other_text, stop], ids=["looks", "latents", "text", "interrupts"])
def test_a_callback_is_told_what_the_pipeline_tells_it(
    family: Case, change: Callable[[Any, int, dict[str, Any]], dict[str, Any]] | None
) -> None:
    """The same arguments at the same steps, to the bit, and what it changes counts."""
    pipe = family.pipeline()
    by_pipe, by_ttom = Seen(change), Seen(change)
    names = ["latents", "prompt_embeds", "negative_prompt_embeds"]
    shared = {"output_type": "pt", "callback_on_step_end_tensor_inputs": names, **arguments(family)}
    expected = pipe(prompt=PROMPT, generator=seeded(), callback_on_step_end=by_pipe, **shared).frames
    before = state_of(pipe)
    ttom = TTOM(pipe, method="plain")
    output = ttom(PROMPT, generator=seeded(), callback_on_step_end=by_ttom, **shared)
    assert len(by_ttom.told) == len(by_pipe.told) == (2 if change is stop else 4)
    for one, other in zip(by_ttom.told, by_pipe.told, strict=True):
        assert one[:4] == other[:4]
        assert one[4].keys() == other[4].keys() == set(names)
        assert all(torch.equal(one[4][name], other[4][name]) for name in names)
    assert torch.equal(output.frames, expected)
    assert output.interrupted is (change is stop)
    assert not differences(before, state_of(pipe))


def test_a_callback_in_guided_steps(family: Case) -> None:
    seen = Seen()
    with TTOM(family.pipeline(), **QUICK, **LEARNING) as ttom:
        output = ttom(PROMPT, generator=seeded(), callback_on_step_end=seen, **arguments(family))
        assert output.updates == 4
        assert [step for _, _, step, _, _ in seen.told] == [0, 1, 2, 3]
        ended = ttom(PROMPT, generator=seeded(), callback_on_step_end=Seen(stop), **arguments(family))
        assert ended.interrupted
        assert ended.memory is None, "half a video teaches nothing"
        assert len(ttom.memory) == 1


def test_a_callback_cannot_change_the_guidance(wan: Case) -> None:
    def off(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        pipe._guidance_scale = 0.0
        return tensors

    with pytest.raises(ValueError, match=r"callback_on_step_end has set _guidance_scale to 0\.0"):
        TTOM(wan.pipeline(), method="plain")(PROMPT, callback_on_step_end=off, **arguments(wan))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_whatever_ends_a_video_leaves_the_pipeline(wan: Case, error: type[BaseException]) -> None:
    """An interrupt stays one, for a notebook: Lightning would end the process and ignore the next."""

    def fail(pipe: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        raise error("enough")

    pipe, handler = wan.pipeline(), signal.getsignal(signal.SIGINT)
    before = state_of(pipe)
    with TTOM(pipe, **QUICK) as ttom:
        with pytest.raises(error):
            ttom(PROMPT, callback_on_step_end=fail, **arguments(wan))
        assert not differences(before, state_of(pipe))
        assert signal.getsignal(signal.SIGINT) is handler
        assert ttom(PROMPT, generator=seeded(), **arguments(wan)).updates == 4, "it is of use after"


def test_without_gradients_of_the_caller(wan: Case) -> None:
    pipe = wan.pipeline()
    outputs = []
    for context in (torch.enable_grad, torch.no_grad, torch.inference_mode):
        with context(), TTOM(pipe, **QUICK) as ttom:
            outputs.append(ttom(PROMPT, generator=seeded(), output_type="pt", **arguments(wan)).frames)
    assert torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[0], outputs[2])


def test_forms_of_a_layout(wan: Case) -> None:
    with TTOM(wan.pipeline(), memory=False, **QUICK) as ttom:
        by_phrase = ttom.plan(PROMPT, CIRCLE | {"a blue square": (0.5, 0.5, 0.9, 0.9)})
        assert [(track.phrase, track.words, track.spans) for track in by_phrase.tracks] == [
            ("a red circle", ("circle",), ((6, 12),)),
            ("a blue square", ("square",), ((35, 41),)),
        ]
        assert by_phrase.tracks[1].boxes == ((0.5, 0.5, 0.9, 0.9),) * 2
        videos = []
        for layout in (by_phrase, by_phrase.to_dict() | {"tracks": list(by_phrase.to_dict()["tracks"])}):
            output = ttom(PROMPT, layout=_listed(layout), generator=seeded(), output_type="pt", **arguments(wan))
            assert output.layout == by_phrase
            videos.append(output.frames)
        assert torch.equal(*videos)
        planned = ttom(PROMPT, generator=seeded(), output_type="pt", **arguments(wan))
    assert not torch.equal(planned.frames, videos[0])


def _listed(layout: Any) -> Any:
    """As it comes from JSON."""
    if isinstance(layout, dict):
        return {name: _listed(value) for name, value in layout.items()}
    return [_listed(value) for value in layout] if isinstance(layout, list | tuple) else layout


def test_a_prompt_for_the_layout(wan: Case) -> None:
    long = "still a red circle moves left and then left, up and up, and a blue square moves up"
    with TTOM(wan.pipeline(), memory=False, **QUICK) as ttom:
        output = ttom(long, prompt_for_layout=PROMPT, generator=seeded(), **arguments(wan))
        assert output.prompt == long
        assert output.layout is not None
        assert output.layout.original_prompt == PROMPT
        assert [boxes.boxes for boxes in output.layout.tracks] == [track.boxes for track in ttom.plan(PROMPT).tracks]


def test_what_was_learnt_answers_the_next_call(wan: Case, tmp_path: Path) -> None:
    with TTOM(wan.pipeline(), tmp_path / "memory", **QUICK, **LEARNING) as ttom:
        first = ttom(PROMPT, generator=seeded(), **arguments(wan))
        second = ttom(PROMPT, generator=seeded(), **arguments(wan))
    assert first.memory.write == "insert"
    assert second.memory.hit
    assert second.memory.parents == (first.memory.entry,)
    assert second.memory.hit_rate == 0.5
    with Memory(tmp_path / "memory", read_only=True) as memory:
        (entry,) = memory
        assert entry.prompt == PROMPT
    with TTOM(wan.pipeline(), str(tmp_path / "memory"), read_only=True, **QUICK) as ttom:
        third = ttom(PROMPT, generator=seeded(), **arguments(wan))
        assert (third.memory.hit, third.memory.write) == (True, "none")
        assert ttom(PROMPT, method="latents", generator=seeded(), **arguments(wan)).memory is None
    with TTOM(wan.pipeline(), "off", **QUICK) as ttom:
        assert ttom(PROMPT, generator=seeded(), **arguments(wan)).memory is None


def test_a_shift_of_the_latents_is_learnt_and_answers(wan: Case, tmp_path: Path) -> None:
    """By the joint method alone: an adapter without a shift, or a video of another size, is another kind of entry."""
    joint = {"method": "joint", "recall": RecallPolicy(iterations=0), **QUICK, **LEARNING}
    shared = {"output_type": "pt", **arguments(wan)}
    with TTOM(wan.pipeline(), tmp_path / "memory", **joint) as ttom:
        first = ttom(PROMPT, generator=seeded(), **shared)
        second = ttom(PROMPT, generator=seeded(), **shared)
        larger = ttom(PROMPT, generator=seeded(), **shared | {"width": 64})
        paper = ttom(PROMPT, method="paper", generator=seeded(), **shared)
    assert [output.memory.hit for output in (first, second, larger, paper)] == [False, True, False, False]
    assert len(first.shifts) == 2
    assert first.shifts[0] > 0.01
    assert second.updates == 0
    assert second.shifts == pytest.approx(first.shifts, rel=1e-3)
    assert paper.shifts == ()
    with Memory(tmp_path / "memory", read_only=True) as memory:
        entry = memory.get(first.memory.entry)
        tensors = memory.load(entry)
    assert tensors[SHIFT].shape == entry.spec.shift == (2, 4, 3, 8, 12)
    assert any(".lora_B." in name and tensor.any() for name, tensor in tensors.items())
    without = joint | {"recall": RecallPolicy(iterations=0, shift=0.0)}
    with TTOM(wan.pipeline(), tmp_path / "memory", read_only=True, **without) as ttom:
        assert not torch.equal(ttom(PROMPT, generator=seeded(), **shared).frames, second.frames)


def test_no_guided_steps(wan: Case) -> None:
    """Nothing is rehearsed, and the frames are the pipeline's."""
    pipe = wan.pipeline()
    expected = pipe(prompt=PROMPT, generator=seeded(), output_type="pt", **arguments(wan)).frames
    with TTOM(pipe, **QUICK | {"guided_steps": 0}) as ttom:
        output = ttom(PROMPT, generator=seeded(), output_type="pt", **arguments(wan))
    assert torch.equal(output.frames, expected)
    assert (output.losses, output.updates, output.memory) == ((), 0, None)


def test_policies_of_the_memory(wan: Case) -> None:
    strict = {"key": KeyPolicy(text_weight=0.0), "recall": RecallPolicy(threshold=1.0, iterations=0)}
    with TTOM(wan.pipeline(), **QUICK, **LEARNING, **strict) as ttom:
        ttom(PROMPT, layout=CIRCLE, generator=seeded(), **arguments(wan))
        moved = {"a red circle": [[0.1, 0.1, 0.4, 0.4], [0.6, 0.1, 0.9, 0.4]]}
        other = ttom(PROMPT, layout=moved, generator=seeded(), **arguments(wan))
    assert not other.memory.hit


def test_a_list_is_a_stream(wan: Case) -> None:
    """Each video is what it would be if the prompts were given one after the other."""
    prompts, pipe = [PROMPT, OTHER, PROMPT], wan.pipeline()
    with TTOM(pipe, **QUICK, **LEARNING) as ttom:
        together = ttom(prompts, generator=seeded(), output_type="pt", **arguments(wan))
    generator = seeded()
    with TTOM(pipe, **QUICK, **LEARNING) as ttom:
        apart = [ttom(prompt, generator=generator, output_type="pt", **arguments(wan)) for prompt in prompts]
    assert [output.prompt for output in together] == prompts
    assert all(torch.equal(one.frames, other.frames) for one, other in zip(together, apart, strict=True))
    assert [output.memory.hit for output in together] == [output.memory.hit for output in apart]
    assert together[2].memory.hit


def test_a_stream_makes_videos_as_they_are_asked_for(wan: Case) -> None:
    pipe = wan.pipeline()
    wan.by_pipeline(PROMPT, 3, pipe)
    before = state_of(pipe)
    with TTOM(pipe, **QUICK, **LEARNING) as ttom:
        outputs = ttom.stream([PROMPT, OTHER], generator=[seeded(1), seeded(2)], **arguments(wan))
        assert isinstance(next(outputs), TTOMOutput)
        assert len(ttom.memory) == 1
        assert not differences(before, state_of(pipe)), "in between too"


def test_methods(wan: Case) -> None:
    with TTOM(wan.pipeline(), memory=False, method="latents", **QUICK) as ttom:
        shared = {"generator": seeded(), "output_type": "pt", **arguments(wan)}
        videos = {
            name: ttom(PROMPT, method=method, **shared | {"generator": seeded()}).frames
            for name, method in {
                "default": None,
                "latents": LatentGuidance(),
                "bias": "bias",
                "joint": "joint",
                "paper": "paper",
                "TTO": AdapterTTO(),
                "plain": "plain",
            }.items()
        }
    assert torch.equal(videos["default"], videos["latents"])
    assert torch.equal(videos["paper"], videos["TTO"])
    different = [videos[name] for name in ("latents", "bias", "joint", "paper", "plain")]
    assert not any(torch.equal(a, b) for i, a in enumerate(different) for b in different[:i])


def test_saving(wan: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all forms the same pixels go into the file."""
    ttom, written = TTOM(wan.pipeline(), method="plain"), []

    def write(path: Path, video: torch.Tensor, fps: int) -> None:
        written.append(to_pixels(video))
        write_mp4(path, video, fps)

    monkeypatch.setattr("ttom_pl.front.output.write_mp4", write)
    for output_type in ("np", "pt", "pil"):
        file = tmp_path / f"{output_type}.mp4"
        ttom(PROMPT, generator=seeded(), output_type=output_type, **arguments(wan)).save(file)
        assert read_mp4(file).shape == (5, 3, 32, 48)
    assert np.array_equal(written[0], written[1])
    assert np.array_equal(written[0], written[2])
    with pytest.raises(ValueError, match="the frames are latents"):
        ttom(PROMPT, output_type="latent", **arguments(wan)).save(tmp_path / "latent.mp4")


def test_an_unsure_layout(wan: Case) -> None:
    prompt = "red and blue"
    with TTOM(wan.pipeline(), memory=False, min_confidence=0.9, **QUICK) as ttom:
        assert ttom.plan(prompt).confidence < 0.9
        assert ttom(prompt, generator=seeded(), **arguments(wan)).plain
        assert not ttom(prompt, layout={"red": (0.1, 0.1, 0.5, 0.5)}, **arguments(wan)).plain


ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"hight": 32}, r"the argument 'hight' is unknown; accepted are prompt, layout.*height"),
    "of the pipeline": ({"num_videos_per_prompt": 2}, "'num_videos_per_prompt' is one of WanPipeline that TTOM cannot"),
    "size": ({"height": 30}, "height × width is 30 × 48; this model makes multiples of"),
    "frames": ({"num_frames": 4}, r"num_frames is 4; this model makes a multiple of 2 and one, e\.g\. 3"),
    "steps": ({"num_inference_steps": 0}, "num_inference_steps"),
    "output type": ({"output_type": "gif"}, "output_type is 'gif'; give one of np, pt, pil, latent"),
    "method": ({"method": "magic"}, "no method 'magic'; give one of plain, paper, latents, joint, bias"),
    "image": ({"image": Image.new("RGB", (8, 8))}, "makes videos from text alone"),
    "generator": ({"generator": 3}, "generator is 3; give a torch.Generator"),
    "generators": ({"generator": [seeded(), seeded()]}, "2 generators for 1 prompts"),
    "tensors": (
        {"callback_on_step_end": Seen(), "callback_on_step_end_tensor_inputs": ["noise"]},
        "has 'noise'; this pipeline has latents, prompt_embeds",
    ),
    "word": ({"layout": {"a green dog": (0, 0, 1, 1)}}, "the word 'dog' of the object 'a green dog' is not in"),
    "box": ({"layout": {"a red circle": (0, 0, 1)}}, r"layout\['a red circle'\] is \(0, 0, 1\); give a box"),
    "empty box": ({"layout": {"a red circle": (0.5, 0.5, 0.5, 1)}}, "is empty"),
    "no layout": ({"layout": "left"}, "layout is 'left'; give a Layout"),
    "nothing in it": ({"layout": {}}, "layout is empty"),
    "layout of another": (
        {
            "layout": Layout.from_dict(
                {"prompt": "a cat", "tracks": [{"id": 0, "phrase": "a cat", "words": ["cat"], "boxes": [[0, 0, 1, 1]]}]}
            )
        },
        "the layout is of the prompt 'a cat'",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_served(name: str, wan: Case) -> None:
    """Said before a step is taken, by name and with a remedy; the generator is where it was."""
    wrong, message = ERRORS[name]
    pipe, generator, seen = wan.pipeline(), seeded(), Seen()
    before = state_of(pipe)
    given = {"generator": generator, "callback_on_step_end": seen, **arguments(wan)} | wrong
    with TTOM(pipe, **QUICK) as ttom, pytest.raises(ValueError, match=message):
        ttom(PROMPT, **given)
    assert not seen.told
    assert torch.equal(generator.get_state(), seeded().get_state())
    assert not differences(before, state_of(pipe))


def test_the_last_of_a_list_is_looked_at_before_the_first_is_made(wan: Case) -> None:
    seen = Seen()
    layouts = [None, {"a red dog": (0, 0, 1, 1)}]
    with TTOM(wan.pipeline(), **QUICK) as ttom, pytest.raises(ValueError, match="'dog'"):
        ttom([PROMPT, OTHER], layout=layouts, callback_on_step_end=seen, **arguments(wan))
    assert not seen.told


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"ranks": 4}, "TTOM has no argument 'ranks'; it has pipe, memory.*rank"),
        ({"method": "magic"}, "no method 'magic'"),
        ({"memory": 3}, "memory is 3; give a folder"),
        ({"read_only": True}, "read_only is True, but there is no memory"),
        ({"memory": "nowhere", "read_only": True}, "there is no memory in 'nowhere'"),
        ({"min_confidence": 2.0}, "min_confidence"),
    ],
)
def test_what_it_cannot_be_made_with(wrong: dict[str, Any], message: str, wan: Case) -> None:
    with pytest.raises(ValueError, match=message):
        TTOM(wan.pipeline(), **wrong)


def test_a_pipeline_that_is_not_supported() -> None:
    with pytest.raises(ValueError, match=r"is a StableDiffusionPipeline; supported are .*LTXPipeline, .*WanPipeline, "):
        TTOM(StableDiffusionPipeline.__new__(StableDiffusionPipeline))


def test_a_closed_one(wan: Case) -> None:
    ttom = TTOM(wan.pipeline())
    ttom.close()
    ttom.close()
    with pytest.raises(ValueError, match="this TTOM is closed"):
        ttom(PROMPT, **arguments(wan))
    with pytest.raises(ValueError, match=r"prompt is ' '"):
        TTOM(wan.pipeline())(" ")


def test_an_image_is_wanted(folder_of: Callable[[str], Path], picture: Path) -> None:
    """A file, a picture or a tensor."""
    case = make_case("wan2.2-i2v", folder_of, picture)
    pipe, shared = case.pipeline(), arguments(case)
    image = shared.pop("image")
    ttom = TTOM(pipe, method="plain")
    with pytest.raises(ValueError, match="makes videos from an image"):
        ttom(PROMPT, **shared)
    shared |= {"output_type": "pt"}
    for form in (image, torch.rand(1, 3, 24, 40, generator=seeded())):
        expected = pipe(image=form, prompt=PROMPT, generator=seeded(), **shared).frames
        assert torch.equal(ttom(PROMPT, image=form, generator=seeded(), **shared).frames, expected)
    files = [ttom(PROMPT, image=file, generator=seeded(), **shared).frames for file in (picture, str(picture), image)]
    assert torch.equal(files[0], files[1])
    assert torch.equal(files[0], files[2])
