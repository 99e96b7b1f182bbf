"""Every backbone against the pipeline that it is made of."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kinds import OBJECTS, PROMPT, Case, make_case
from torch import Tensor, nn

from ttom_pl.backbones import Adapter
from ttom_pl.backbones.dual_stream import DualStreamAttention
from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.scene import Conditioning

OTHER = "two yellow squares stay still"


def test_equals_the_pipeline_bit_for_bit(case: Case) -> None:
    """Two videos in a row, so that no state of the sampler is left over from the first."""
    backbone = case.load()
    for seed, prompt in ((3, PROMPT), (4, OTHER)):
        video = case.by_parts(backbone, prompt, seed)
        assert torch.equal(video, case.by_pipeline(prompt, seed))
        assert video.shape == (backbone.settings.num_frames, 3, backbone.settings.height, backbone.settings.width)
        assert video.min() >= 0
        assert video.max() <= 1
        assert video.std() > 0.01


def test_equals_the_pipeline_with_a_negative_prompt(family: Case) -> None:
    negative = {"negative_prompt": "green triangles"}
    assert torch.equal(case_video(family, **negative), family.by_pipeline(PROMPT, 3, **negative))
    assert not torch.equal(case_video(family, **negative), case_video(family))


def test_equals_the_pipeline_without_guidance(family: Case) -> None:
    assert torch.equal(case_video(family, guidance_scale=1.0), family.by_pipeline(PROMPT, 3, guidance_scale=1.0))


def test_equals_the_pipeline_in_bfloat16(family: Case) -> None:
    expected = family.by_pipeline(PROMPT, 3, family.pipeline(torch.bfloat16))
    assert torch.equal(case_video(family, dtype="bfloat16"), expected)


def test_an_adapter_that_is_off_changes_nothing(family: Case) -> None:
    backbone = family.load()
    disturb(backbone.add_adapter(4, None, [2]))
    assert torch.equal(family.by_parts(backbone, PROMPT, 3), case_video(family))


def case_video(case: Case, **changes: Any) -> Tensor:
    return case.by_parts(case.load(**changes), PROMPT, 3)


@torch.no_grad()
def disturb(adapter: Adapter) -> None:
    """Give every LoRA parameter a value far from neutral."""
    generator = torch.Generator().manual_seed(0)
    for parameter in adapter.parameters():
        parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))


def whole(
    backbone: PipelineBackbone, latents: Tensor, conditioning: Conditioning, block: int, index: int = 0
) -> Tensor:
    """Attention of a block to ``OBJECTS``, (M, T, h, w), from the whole matrix in a forward pass to the end.

    The probabilities come from the model's own attention processor: values of a one-hot for each token read them out,
    as in the authors' code.
    """
    attn: Any = getattr(backbone.blocks.of(backbone.pipe.transformer)[block], backbone.reader.attention)
    found: list[Tensor] = []
    text = conditioning.prompt_embeds.shape[1]

    def attend(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **_: Any) -> Tensor:
        logits = query @ key.mT / query.shape[-1] ** 0.5
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            logits = logits.masked_fill(~attn_mask, -torch.inf)
        elif attn_mask is not None:
            logits = logits + attn_mask
        probabilities = logits.softmax(-1).nan_to_num()  # of padding that attends to nothing
        if key.shape[2] in (text, query.shape[2]):
            found.append(probabilities)
        return probabilities @ value

    def before(module: nn.Module, args: Any) -> None:
        torch.nn.functional.scaled_dot_product_attention = attend

    def after(module: nn.Module, args: Any, output: Any) -> None:
        torch.nn.functional.scaled_dot_product_attention = original

    original = torch.nn.functional.scaled_dot_product_attention
    handles = [attn.register_forward_pre_hook(before), attn.register_forward_hook(after)]
    try:
        backbone.predict(latents, index, conditioning, Text.prompt(conditioning))
    finally:
        torch.nn.functional.scaled_dot_product_attention = original
        for handle in handles:
            handle.remove()
    tokens = int(torch.tensor(backbone.grid).prod())
    dual = isinstance(backbone.reader, DualStreamAttention)
    # In two streams the video is first; nothing is quoted in the prompt, so that its own text is next.
    video, shift = (found[0][0].mean(0)[:tokens], tokens) if dual else (found[0][0].mean(0)[-tokens:], 0)
    columns = [[shift + position for position in positions] for positions in OBJECTS]
    return torch.stack([video[:, each].mean(-1) for each in columns]).unflatten(-1, backbone.grid)


@pytest.mark.parametrize("block", [0, 2])
def test_values_and_gradients_are_those_of_the_whole_forward_pass(family: Case, block: int) -> None:
    """Stopping early and taking only the needed columns change neither, in float64."""
    backbone = family.load()
    adapter = backbone.add_adapter(4, None, [block])
    disturb(adapter)
    latents, conditioning = double(backbone, *family.begin(backbone))
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [block])[0]
        expected = whole(backbone, latents, conditioning, block)
    torch.testing.assert_close(maps.double(), expected, rtol=1e-5, atol=1e-8)
    upstream = torch.randn(expected.shape, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    gradients = torch.autograd.grad((maps * upstream).sum(), adapter.parameters())
    wanted = torch.autograd.grad((expected * upstream).sum(), adapter.parameters())
    for gradient, want in zip(gradients, wanted, strict=True):
        assert gradient.any()
        torch.testing.assert_close(gradient, want, rtol=1e-3, atol=1e-5 * float(want.abs().max()))


def double(backbone: PipelineBackbone, latents: Tensor, conditioning: Conditioning) -> tuple[Tensor, Conditioning]:
    """Put the transformer and its inputs in float64."""
    backbone.pipe.transformer.double()
    if hasattr(backbone.pipe.transformer, "time_embeddings"):  # Kandinsky's are called with float32
        backbone.pipe.transformer.time_embeddings.float()
    backbone._dtype = torch.float64
    fields = {
        name: value.double() if isinstance(value, Tensor) and value.is_floating_point() else value
        for name, value in vars(conditioning).items()
    }
    return latents.double(), Conditioning(**fields)


def test_every_adapted_layer_is_reached(case: Case) -> None:
    """Queries and keys up to the last probed block, values and outputs before it; each has a gradient."""
    backbone = case.load()
    adapter = backbone.add_adapter(4, None, [0, 1])
    disturb(adapter)
    layers = {name.split(".", 1)[1] for name in adapter.target_modules}
    attention = backbone.reader.attention
    scoring, carrying = ["to_q", "to_k"], ["to_v", "to_out.0"]
    if case.name.startswith("kandinsky"):
        scoring, carrying = ["to_query", "to_key"], ["to_value", "out_layer"]
    if isinstance(backbone.reader, DualStreamAttention):
        scoring, carrying = [*scoring, "add_k_proj"], [*carrying, "add_q_proj", "add_v_proj", "to_add_out"]
    before = {f"0.{attention}.{name}" for name in (*scoring, *carrying)}
    assert layers == before | {f"1.{attention}.{name}" for name in scoring}
    latents, conditioning = case.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [0, 1])
    assert maps.shape == (2, 2, *backbone.grid)
    upstream = torch.randn(maps.shape, generator=torch.Generator().manual_seed(0))
    for gradient in torch.autograd.grad((maps * upstream).sum(), adapter.parameters()):
        assert gradient.any()


@pytest.mark.parametrize("last", [0, 2])
def test_the_forward_pass_ends_at_the_last_probed_attention(case: Case, last: int) -> None:
    """Blocks after it, its own feed-forward layer and the head are never called."""
    backbone, called = case.load(), []
    names = backbone.blocks.names(backbone.pipe.transformer)
    after = (".ff", ".ffn", ".feed_forward", f".{backbone.reader.attention}.to_out.0", ".proj_out")
    heads = ("proj_out", "out_layer")
    for name, module in backbone.pipe.transformer.named_modules():
        if name in heads or (name.endswith(after) and name.startswith(tuple(f"{block}." for block in names))):
            module.register_forward_pre_hook(lambda *_, name=name: called.append(name))
    latents, conditioning = case.begin(backbone)
    backbone.object_attention(latents, 0, conditioning, OBJECTS, [last])
    assert not set(heads) & set(called)
    blocks = {names.index(next(block for block in names if name.startswith(f"{block}."))) for name in called}
    assert blocks <= set(range(last))
    assert len(blocks) == last


def test_bfloat16_weights_have_a_float32_adapter(family: Case) -> None:
    backbone = family.load(dtype="bfloat16")
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    assert {p.dtype for p in adapter.parameters()} == {torch.float32}
    latents, conditioning = family.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
    assert maps.dtype == torch.float32
    assert all(gradient.any() for gradient in torch.autograd.grad(maps.square().sum(), adapter.parameters()))


@pytest.mark.parametrize("name", ["wan2.2", "wan2.2-i2v"])
def test_guided_steps_are_those_of_the_noisy_transformer(
    name: str, folder_of: Callable[[str], Path], picture: Path
) -> None:
    case = make_case(name, folder_of, picture)
    backbone = case.load(num_inference_steps=8)
    latents, conditioning = case.begin(backbone)
    noisy = int((backbone.pipe.scheduler.timesteps >= 800).sum())
    assert 0 < backbone.max_guided_steps == noisy < 8
    called = []
    for each in ("transformer", "transformer_2"):
        getattr(backbone.pipe, each).register_forward_pre_hook(lambda *_, each=each: called.append(each))
    for step in range(8):
        latents = backbone.step(latents, step, conditioning)
    assert called == ["transformer"] * 2 * noisy + ["transformer_2"] * 2 * (8 - noisy)
    with pytest.raises(ValueError, match=f"step {noisy} is not taken by the adapted transformer"):
        backbone.object_attention(latents, noisy, conditioning, OBJECTS, [0])


def test_second_guidance_scale_without_a_second_transformer(folder_of: Callable[[str], Path], picture: Path) -> None:
    with pytest.raises(ValueError, match=r"guidance_scale_2 is 3\.0, but this model has one transformer"):
        make_case("wan", folder_of, picture).load(guidance_scale_2=3.0)


@pytest.mark.parametrize(("name", "key"), [("wan", "flow_shift"), ("wan-euler", "shift")])
def test_flow_shift(name: str, key: str, folder_of: Callable[[str], Path], picture: Path) -> None:
    backbone = make_case(name, folder_of, picture).load(flow_shift=7.0)
    assert backbone.pipe.scheduler.config[key] == 7.0


def test_images_are_asked_for_and_refused(folder_of: Callable[[str], Path], picture: Path, tmp_path: Path) -> None:
    text, image = (make_case(name, folder_of, picture).load() for name in ("wan", "wan-i2v"))
    with pytest.raises(ValueError, match="makes videos from text alone"):
        text.check_image(picture)
    with pytest.raises(ValueError, match="makes videos from an image"):
        image.check_image(None)
    with pytest.raises(ValueError, match=r"nowhere\.png' cannot be read"):
        image.encode(PROMPT, tmp_path / "nowhere.png")
