"""The Wan backbone against the pipeline that it is made of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import huggingface_hub.errors
import pytest
import torch
import yaml
from diffusers import FlowMatchEulerDiscreteScheduler, WanPipeline
from torch import Tensor, nn

from ttom_pl.backbones import WanBackbone
from ttom_pl.scene import Conditioning

ROOT = Path(__file__).parents[2]
PROMPT = "a red circle moves left and a blue square moves up"
OBJECTS = [[2], [8]]

MakeBackbone = Callable[..., WanBackbone]


def generate(backbone: WanBackbone, prompt: str, seed: int) -> Tensor:
    """A video by the backbone's own parts, without TTO."""
    conditioning, latents = backbone.encode(prompt), backbone.start(seed)
    for step in range(backbone.num_steps):
        latents = backbone.step(latents, step, conditioning)
    return backbone.decode(latents)


def begin(backbone: WanBackbone) -> tuple[Tensor, Conditioning]:
    return backbone.start(0), backbone.encode(PROMPT)


def reference_attention(backbone: WanBackbone, latents: Tensor, index: int, text: Tensor, block: int) -> Tensor:
    """Attention of one block to ``OBJECTS``, (M, T, h, w), from the whole matrix in a forward pass to the end."""
    found: list[Tensor] = []

    def record(attn: nn.Module, args: tuple[Any, ...]) -> None:
        query = attn.norm_q(attn.to_q(args[0])).unflatten(2, (attn.heads, -1)).transpose(1, 2)
        key = attn.norm_k(attn.to_k(args[1])).unflatten(2, (attn.heads, -1)).transpose(1, 2)
        found.append((query @ key.mT / query.shape[-1] ** 0.5).softmax(-1).mean(1)[0])

    transformer = backbone.pipe.transformer
    handle = transformer.blocks[block].attn2.register_forward_pre_hook(record)
    timestep = backbone.pipe.scheduler.timesteps[index].expand(1)
    transformer(hidden_states=latents, timestep=timestep, encoder_hidden_states=text)
    handle.remove()
    return torch.stack([found[0][:, positions].mean(-1) for positions in OBJECTS]).unflatten(-1, backbone.grid)


@pytest.fixture(params=["UniPC", "FlowMatchEuler"])
def folder(request: pytest.FixtureRequest, tiny_pipeline: Path, tmp_path: Path) -> Path:
    """A model with each of the schedulers that Wan is used with."""
    if request.param == "UniPC":
        return tiny_pipeline
    pipe = WanPipeline.from_pretrained(tiny_pipeline)
    pipe.scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0)
    pipe.save_pretrained(tmp_path / "euler")
    return tmp_path / "euler"


@pytest.mark.parametrize(("guidance_scale", "negative_prompt"), [(4.0, ""), (4.0, "a green triangle"), (1.0, "")])
def test_equals_the_pipeline_bit_for_bit(
    make_backbone: MakeBackbone, folder: Path, guidance_scale: float, negative_prompt: str
) -> None:
    """Two videos in a row, so that no state of the sampler is left over from the first."""
    backbone = make_backbone(pretrained=str(folder), guidance_scale=guidance_scale, negative_prompt=negative_prompt)
    pipe = WanPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    for seed, prompt in ((3, PROMPT), (4, "two yellow squares stay still")):
        expected = pipe(
            prompt,
            negative_prompt=negative_prompt,
            height=32,
            width=32,
            num_frames=9,
            num_inference_steps=4,
            guidance_scale=guidance_scale,
            max_sequence_length=24,
            generator=torch.Generator().manual_seed(seed),
            output_type="pt",
        ).frames[0]
        video = generate(backbone, prompt, seed)
        assert torch.equal(video, expected)
        assert video.shape == (9, 3, 32, 32)
        assert video.min() >= 0
        assert video.max() <= 1
        assert video.std() > 0.05


def test_equals_the_pipeline_in_bfloat16(make_backbone: MakeBackbone, tiny_pipeline: Path) -> None:
    pipe = WanPipeline.from_pretrained(tiny_pipeline, dtype={"default": torch.bfloat16, "vae": torch.float32})
    pipe.set_progress_bar_config(disable=True)
    size = {"height": 32, "width": 32, "num_frames": 9, "num_inference_steps": 4, "max_sequence_length": 24}
    generator = torch.Generator().manual_seed(3)
    expected = pipe(PROMPT, **size, guidance_scale=4.0, generator=generator, output_type="pt").frames[0]
    assert torch.equal(generate(make_backbone(dtype="bfloat16"), PROMPT, 3), expected)


def test_the_shipped_model_equals_its_pipeline() -> None:
    """At the settings of its config, with an adapter that is off."""
    settings = yaml.safe_load((ROOT / "configs" / "sprites.yaml").read_text())["model"]["backbone"]["init_args"]
    settings["pretrained"] = str(ROOT / "checkpoints" / "sprites")
    backbone, pipe = WanBackbone(**settings), WanPipeline.from_pretrained(settings.pop("pretrained"))
    pipe.set_progress_bar_config(disable=True)
    del settings["fps"]
    for parameter in backbone.add_adapter(8, None, [4, 5]).parameters():
        nn.init.normal_(parameter)
    expected = pipe(PROMPT, **settings, generator=torch.Generator().manual_seed(3), output_type="pt").frames[0]
    assert torch.equal(generate(backbone, PROMPT, 3), expected)


def test_equals_the_pipeline_with_an_adapter_that_is_off(make_backbone: MakeBackbone) -> None:
    """An inserted adapter changes nothing, whatever it holds."""
    expected = generate(make_backbone(), PROMPT, 3)
    backbone = make_backbone()
    adapter = backbone.add_adapter(4, None, [2])
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.fill_(0.3)
    assert torch.equal(generate(backbone, PROMPT, 3), expected)
    with adapter.enabled():
        assert not torch.equal(generate(backbone, PROMPT, 3), expected)


def test_probing_between_the_steps_changes_nothing(make_backbone: MakeBackbone, backbone: WanBackbone) -> None:
    expected = generate(make_backbone(), PROMPT, 3)
    conditioning, latents = backbone.encode(PROMPT), backbone.start(3)
    for step in range(backbone.num_steps):
        for block in range(backbone.num_blocks):
            backbone.object_attention(latents, step, conditioning, OBJECTS, [block])
        latents = backbone.step(latents, step, conditioning)
    assert torch.equal(backbone.decode(latents), expected)


@pytest.mark.parametrize("last", [0, 1, 2])
def test_the_forward_pass_ends_at_the_last_probed_attention(backbone: WanBackbone, last: int) -> None:
    """Blocks after it, its own feed-forward layer and the head are never called."""
    transformer, called = backbone.pipe.transformer, []

    def count(name: str) -> Callable[..., None]:
        return lambda *_: called.append(name)

    for name, module in transformer.named_modules():
        if name.endswith((".attn1", ".ffn", "attn2.to_out.0")) or name == "proj_out":
            module.register_forward_pre_hook(count(name))
    latents, conditioning = begin(backbone)
    maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [last])
    assert maps.shape == (1, 2, 5, 8, 8)
    whole = [f"blocks.{i}.{part}" for i in range(last) for part in ("attn1", "attn2.to_out.0", "ffn")]
    assert called == [*whole, f"blocks.{last}.attn1"]


def test_several_blocks_in_the_order_asked_for(backbone: WanBackbone) -> None:
    latents, conditioning = begin(backbone)
    maps = backbone.object_attention(latents, 1, conditioning, OBJECTS, [2, 0])
    for block, each in zip([2, 0], maps, strict=True):
        expected = reference_attention(backbone, latents, 1, conditioning.prompt_embeds, block)
        torch.testing.assert_close(each, expected)


@pytest.mark.parametrize("block", [0, 2])
def test_every_adapted_parameter_has_the_gradient_of_the_whole_model(backbone: WanBackbone, block: int) -> None:
    """Only what the loss reaches is adapted, all of it, and stopping early leaves the gradient as it is."""
    adapter = backbone.add_adapter(4, None, [block])
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    latents, conditioning = begin(backbone)
    upstream = torch.randn(1, 2, 5, 8, 8, generator=generator)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [block])
        expected_maps = reference_attention(backbone, latents, 0, conditioning.prompt_embeds, block)
    torch.testing.assert_close(maps[0], expected_maps)
    # Propagated with the adapter off again, as Lightning does it.
    gradients = torch.autograd.grad((maps * upstream).sum(), adapter.parameters())
    expected = torch.autograd.grad((expected_maps * upstream[0]).sum(), adapter.parameters())
    for gradient, expected_gradient in zip(gradients, expected, strict=True):
        assert gradient.any()
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-3, atol=1e-6)


def test_only_reachable_layers_are_adapted(backbone: WanBackbone) -> None:
    """Queries and keys up to the probed block; values and outputs only before it."""
    adapter = backbone.add_adapter(4, None, [0, 1])
    before = {f"blocks.0.attn2.{name}" for name in ("to_q", "to_k", "to_v", "to_out.0")}
    assert set(adapter.target_modules) == before | {"blocks.1.attn2.to_q", "blocks.1.attn2.to_k"}
    modules = {name.split(".lora_")[0].removeprefix("transformer.") for name in adapter.state_dict()}
    assert modules == set(adapter.target_modules)


@pytest.mark.parametrize(("frames", "height", "width"), [(9, 32, 32), (5, 16, 48), (1, 32, 16)])
def test_grid_is_that_of_the_attention(make_backbone: MakeBackbone, frames: int, height: int, width: int) -> None:
    backbone = make_backbone(num_frames=frames, height=height, width=width)
    assert backbone.grid == ((frames - 1) // 2 + 1, height // 4, width // 4)
    latents, conditioning = begin(backbone)
    assert latents.shape == (1, 4, *backbone.grid)
    assert backbone.object_attention(latents, 0, conditioning, OBJECTS, [0]).shape == (1, 2, *backbone.grid)
    assert generate(backbone, PROMPT, 0).shape == (frames, 3, height, width)


def test_fingerprint_tells_weights_apart(make_backbone: MakeBackbone, other_pipeline: Path) -> None:
    fingerprint = make_backbone().fingerprint
    assert make_backbone(num_inference_steps=2).fingerprint == fingerprint
    adapted = make_backbone()
    adapted.add_adapter(4, None, [1]).reset(5)
    assert adapted.fingerprint == fingerprint
    assert make_backbone(pretrained=str(other_pipeline)).fingerprint != fingerprint


def test_fingerprint_does_not_depend_on_the_folders_place(
    make_backbone: MakeBackbone, tiny_pipeline: Path, tmp_path: Path
) -> None:
    WanPipeline.from_pretrained(tiny_pipeline).save_pretrained(tmp_path / "copy")
    assert make_backbone(pretrained=str(tmp_path / "copy")).fingerprint == make_backbone().fingerprint


def test_noise_is_a_function_of_the_seed(backbone: WanBackbone) -> None:
    first = backbone.start(5)
    torch.manual_seed(99)
    assert torch.equal(backbone.start(5), first)
    assert not torch.equal(backbone.start(6), first)


def test_embeddings_are_unit_vectors_of_the_texts_alone(backbone: WanBackbone) -> None:
    """Padding to the longest text of a batch does not matter."""
    texts = ["a red circle moves left", "a blue square moves up and a green triangle stays still"]
    embeddings = backbone.embed(texts)
    assert embeddings.shape == (2, 16)
    assert embeddings.dtype == torch.float32
    torch.testing.assert_close(embeddings.norm(dim=-1), torch.ones(2))
    torch.testing.assert_close(embeddings[:1], backbone.embed(texts[:1]))
    assert embeddings[0] @ embeddings[1] < 0.999


def test_token_positions(backbone: WanBackbone) -> None:
    assert backbone.token_positions(PROMPT, ["circle"], []) == [2]
    assert backbone.token_positions(PROMPT, ["moves"], [(42, 47)]) == [9]


def test_spans_follow_the_words_through_cleaning(backbone: WanBackbone) -> None:
    """The pipeline strips and unescapes prompts; the second "moves" stays the second."""
    prompt = f"  {PROMPT.replace(' and ', '  and ')} "
    start = prompt.rindex("moves")
    assert backbone.token_positions(prompt, ["moves"], [(start, start + 5)]) == [9]
    assert backbone.token_positions(prompt, ["moves"], []) == [3, 9]


def test_nothing_is_trained(backbone: WanBackbone) -> None:
    """The transformer is frozen; the other parts, which it would change, run without a gradient."""
    parts = (backbone.pipe.transformer, backbone.pipe.vae, backbone.pipe.text_encoder)
    assert not any(module.training for part in parts for module in part.modules())
    assert not any(parameter.requires_grad for parameter in backbone.pipe.transformer.parameters())
    conditioning = backbone.encode(PROMPT)
    assert not conditioning.prompt_embeds.requires_grad
    assert not backbone.embed([PROMPT]).requires_grad
    assert not backbone.decode(backbone.start(0)).requires_grad


@pytest.mark.parametrize("pretrained", ["nowhere", "./nowhere", "/nowhere/at/all", "models/nowhere/sprites"])
def test_missing_folder(make_backbone: MakeBackbone, pretrained: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"no model folder '{pretrained}'"):
        make_backbone(pretrained=pretrained)


def test_missing_folder_that_could_be_on_the_hub(make_backbone: MakeBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder of two parts, such as ``checkpoints/sprites``, in the wrong working directory."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match="'checkpoints/nowhere'"):
        make_backbone(pretrained="checkpoints/nowhere")


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"height": 30}, "height × width is 30 × 32; this model makes multiples of 4 × 4"),
        ({"width": 33}, "height × width is 32 × 33"),
        ({"num_frames": 10}, "num_frames is 10; .* e.g. 9"),
    ],
)
def test_size_that_the_model_cannot_make(make_backbone: MakeBackbone, size: dict[str, int], message: str) -> None:
    """The pipeline would round, or fail far inside."""
    with pytest.raises(ValueError, match=message):
        make_backbone(**size)


def test_folder_that_is_no_pipeline(make_backbone: MakeBackbone, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"model_index\.json"):
        make_backbone(pretrained=str(tmp_path))


def test_a_gated_model_says_what_to_do(make_backbone: MakeBackbone, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused(huggingface_hub.errors.GatedRepoError):
        def __init__(self) -> None:
            OSError.__init__(self, "gated")

    def refuse(*_: object, **__: object) -> None:
        raise OSError("cannot load") from Refused()

    monkeypatch.setattr(WanPipeline, "from_pretrained", refuse)
    with pytest.raises(FileNotFoundError, match="'owner/gated' is gated: accept its terms"):
        make_backbone(pretrained="owner/gated")
