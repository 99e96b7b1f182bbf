"""Quantised bases, and the precision of the VAE: the adapter trains through them, and nothing is merged into them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import PipelineQuantizationConfig, TorchAoConfig
from kinds import OBJECTS, PROMPT, Case, make_case
from test_pipelines import disturb
from test_user_loras import stack, write_files
from torch import Tensor

from ttom_pl.backbones import Placement, Quantization
from ttom_pl.backbones.pipeline import PipelineBackbone

CPU = torch.device("cpu")
INT8 = Quantization("torchao", {"quant_type": "Int8WeightOnlyConfig"})


@pytest.fixture(autouse=True)
def _torchao() -> None:
    pytest.importorskip("torchao")


@pytest.fixture(params=["wan", "wan2.2", "cogvideox-ddim", "ltx"])
def quantized(request: pytest.FixtureRequest, folder_of: Callable[[str], Path], picture: Path) -> Case:
    return make_case(request.param, folder_of, picture)


def gradients(case: Case, backbone: PipelineBackbone) -> tuple[Tensor, tuple[Tensor, ...]]:
    adapter = backbone.adapter
    assert adapter is not None
    latents, conditioning = case.begin(backbone)
    with adapter.enabled():
        maps = backbone.object_attention(latents, 0, conditioning, OBJECTS, [1])
    return maps.detach(), torch.autograd.grad(maps.square().sum(), adapter.parameters())


def dequantized(module: torch.nn.Module) -> dict[str, Tensor]:
    """The weights of a model's own layers, as plain tensors."""
    state = {k.replace(".base_layer", ""): v for k, v in module.state_dict().items() if "lora_" not in k}
    return {k: v if type(v) is Tensor else v.dequantize() for k, v in state.items()}


def test_gradients_are_those_through_the_dequantised_weights(quantized: Case) -> None:
    backbone = quantized.load(quantization=INT8)
    weight = backbone.blocks.of(backbone.pipe.transformer)[0].get_submodule(f"{backbone.reader.attention}.to_q").weight
    assert type(weight) is not torch.nn.Parameter or type(weight.data) is not Tensor
    values = dequantized(backbone.pipe.transformer)
    disturb(backbone.add_adapter(4, None, [1]))
    plain = quantized.load()
    assert any(not torch.equal(values[k], v) for k, v in plain.pipe.transformer.state_dict().items())
    plain.pipe.transformer.load_state_dict(values)
    disturb(plain.add_adapter(4, None, [1]))
    (maps, found), (expected, wanted) = gradients(quantized, backbone), gradients(quantized, plain)
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-7)
    for gradient, want in zip(found, wanted, strict=True):
        assert gradient.any()
        torch.testing.assert_close(gradient, want, rtol=1e-3, atol=1e-5 * float(want.abs().max()))


def test_frames_equal_the_quantised_pipeline(quantized: Case) -> None:
    from torchao.quantization import Int8WeightOnlyConfig

    parts = ("transformer", "transformer_2")
    config = PipelineQuantizationConfig(quant_mapping={p: TorchAoConfig(Int8WeightOnlyConfig()) for p in parts})
    cls = type(quantized.pipeline())
    pipe = cls.from_pretrained(quantized.folder, quantization_config=config, dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    backbone = quantized.load(quantization=INT8)
    disturb(backbone.add_adapter(4, None, [1]))
    assert torch.equal(quantized.by_parts(backbone, PROMPT, 3), quantized.by_pipeline(PROMPT, 3, pipe))


def test_nothing_is_merged_into_it(quantized: Case) -> None:
    """After an update, a step with the adapter on and a video, its weights are to the bit what they were."""
    backbone = quantized.load(quantization=INT8)
    before = dequantized(backbone.pipe.transformer)
    adapter = backbone.add_adapter(4, None, [1])
    disturb(adapter)
    optimizer = torch.optim.AdamW(adapter.parameters(), lr=0.1)
    latents, conditioning = quantized.begin(backbone)
    with adapter.enabled():
        backbone.object_attention(latents, 0, conditioning, OBJECTS, [1]).square().sum().backward()
        optimizer.step()
        backbone.step(latents, 0, conditioning)
    quantized.by_parts(backbone, PROMPT, 3)
    after = dequantized(backbone.pipe.transformer)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_fingerprint_tells_it_from_the_bare_model(quantized: Case) -> None:
    fingerprint = quantized.load(quantization=INT8).fingerprint
    assert fingerprint != quantized.load().fingerprint
    assert quantized.load(quantization=INT8).fingerprint == fingerprint
    adapted = quantized.load(quantization=INT8)
    adapted.add_adapter(4, None, [1])
    assert adapted.fingerprint == fingerprint


@pytest.mark.parametrize(
    "placement",
    [Placement(gradient_checkpointing=True), Placement(offload="group"), Placement(release_text_encoder=True)],
    ids=["checkpointing", "group", "text encoder"],
)
def test_placements_and_loras_of_the_user(quantized: Case, placement: Placement, tmp_path: Path) -> None:
    """All together: a quantised base, two LoRAs on it, and whatever fits it to a card."""
    loras = stack(quantized, write_files(quantized, tmp_path))

    def take(placement: Placement) -> tuple[tuple[Tensor, ...], Tensor]:
        backbone = quantized.load(quantization=INT8, loras=loras, placement=placement)
        disturb(backbone.add_adapter(4, None, [1]))
        backbone.to(CPU)
        return gradients(quantized, backbone)[1], quantized.by_parts(backbone, PROMPT, 3)

    (found, video), (wanted, expected) = take(placement), take(Placement())
    for gradient, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, want)
    assert torch.equal(video, expected)


def test_in_bfloat16_with_the_text_encoder(folder_of: Callable[[str], Path], picture: Path) -> None:
    case = make_case("wan", folder_of, picture)
    quantization = Quantization("torchao", INT8.quant_kwargs, ["transformer", "text_encoder"])
    backbone = case.load(quantization=quantization, dtype="bfloat16")
    adapter = backbone.add_adapter(4, None, [1])
    assert {parameter.dtype for parameter in adapter.parameters()} == {torch.float32}
    assert backbone.pipe.vae.dtype == torch.float32
    disturb(adapter)
    assert all(gradient.any() for gradient in gradients(case, backbone)[1])
    assert type(backbone.pipe.text_encoder.encoder.block[0].layer[0].SelfAttention.q.weight) is not torch.nn.Parameter


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quant_backend": "nobits"}, "quant_backend is 'nobits'; diffusers has .*torchao"),
        ({"quant_backend": "torchao"}, "quant_type is None; give the name of a config class"),
        ({"quant_backend": "torchao", "quant_kwargs": {"quant_type": "NoConfig"}}, "quant_type is 'NoConfig'"),
        ({"quant_backend": "torchao", "quant_kwargs": {"quant_type": "quantize_"}}, "are refused"),
        ({"quant_backend": "gguf"}, "files of quantization go with quant_backend 'gguf'"),
        ({"quant_backend": "torchao", "files": {"transformer": "x.gguf"}}, "go with quant_backend 'gguf'"),
        ({"quant_backend": "gguf", "files": {"transformer": "x.gguf"}}, "there is no GGUF file 'x.gguf'"),
    ],
)
def test_a_quantisation_that_cannot_be(arguments: dict[str, Any], message: str) -> None:
    """Refused before any model is loaded."""
    with pytest.raises(ValueError, match=message):
        Quantization(**arguments)


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import ttom_pl.backbones.quantization as module

    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", missing)
    with pytest.raises(ValueError, match=r"needs bitsandbytes: pip install 'ttom_pl\[bitsandbytes\]'"):
        Quantization("bitsandbytes_4bit", {"load_in_4bit": True})


def test_eight_bit_storage_of_a_quantised_model_is_refused(folder_of: Callable[[str], Path], picture: Path) -> None:
    case = make_case("wan", folder_of, picture)
    with pytest.raises(ValueError, match="leave one out"):
        case.load(quantization=INT8, placement=Placement(storage_dtype="float8_e4m3fn"))
    with pytest.raises(ValueError, match="a loaded pipeline cannot be quantised"):
        case.load(pretrained=case.pipeline(), quantization=INT8)


@pytest.mark.parametrize(
    ("dtype", "vae_dtype", "expected"),
    [
        ("bfloat16", None, {"wan": "float32", "ltx": "bfloat16"}),
        ("bfloat16", "bfloat16", {"wan": "bfloat16", "ltx": "bfloat16"}),
        ("float32", "bfloat16", {"wan": "bfloat16", "ltx": "bfloat16"}),
        ("bfloat16", "float32", {"wan": "float32", "ltx": "float32"}),
    ],
)
@pytest.mark.parametrize("name", ["wan", "ltx"])
def test_the_vae_has_a_precision_of_its_own(
    name: str, dtype: Any, vae_dtype: Any, expected: dict[str, str], folder_of: Callable[[str], Path], picture: Path
) -> None:
    """Wan's is float32 unless told otherwise, with the weights as they are in the file, not rounded on the way."""
    case = make_case(name, folder_of, picture)
    backbone = case.load(dtype=dtype, vae_dtype=vae_dtype)
    assert backbone.pipe.vae.dtype == getattr(torch, expected[name])
    assert backbone.pipe.transformer.dtype == getattr(torch, dtype)
    if expected[name] == "float32":
        whole = case.pipeline().vae.state_dict()
        assert all(torch.equal(value, whole[key]) for key, value in backbone.pipe.vae.state_dict().items())


def test_bitsandbytes(folder_of: Callable[[str], Path], picture: Path) -> None:
    """Where it is installed: each part gets the config class of its own library, and a missing card is named."""
    pytest.importorskip("bitsandbytes")
    import diffusers
    import transformers

    parts = ["transformer", "text_encoder"]
    quantization = Quantization("bitsandbytes_4bit", {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, parts)
    case = make_case("wan", folder_of, picture)
    given = quantization.arguments(type(case.pipeline()), str(case.folder), torch.bfloat16)["quantization_config"]
    classes = [type(given.quant_mapping[part]) for part in parts]
    assert classes == [diffusers.BitsAndBytesConfig, transformers.BitsAndBytesConfig]
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="cannot be quantised by bitsandbytes_4bit: No GPU found"):
            case.load(quantization=quantization)


def test_gguf(folder_of: Callable[[str], Path], picture: Path, tmp_path: Path) -> None:
    """A file in the names and blocks of llama.cpp, as Wan's are published: gradients as through its plain weights."""
    pytest.importorskip("gguf")
    case = make_case("wan", folder_of, picture)
    path, values = write_gguf(tmp_path / "wan-Q8_0.gguf", case.pipeline().transformer)
    backbone = case.load(quantization=Quantization("gguf", files={"transformer": str(path)}))
    assert backbone.fingerprint != case.load().fingerprint
    plain = case.load()
    plain.pipe.transformer.load_state_dict(values)
    for each in (backbone, plain):
        disturb(each.add_adapter(4, None, [1]))
    (maps, found), (expected, wanted) = gradients(case, backbone), gradients(case, plain)
    torch.testing.assert_close(maps, expected, rtol=1e-3, atol=1e-6)
    for gradient, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, want, rtol=2e-2, atol=1e-3 * float(want.abs().max()))
    video = case.by_parts(backbone, PROMPT, 3)
    torch.testing.assert_close(video, case.by_parts(plain, PROMPT, 3), rtol=0, atol=1e-2)


NAMES = (
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    (".attn1.", ".self_attn."),
    (".attn2.", ".cross_attn."),
    (".to_out.0.", ".o."),
    (".to_q.", ".q."),
    (".to_k.", ".k."),
    (".to_v.", ".v."),
    (".ffn.net.0.proj.", ".ffn.0."),
    (".ffn.net.2.", ".ffn.2."),
    (".norm2.", ".norm3."),
    (".scale_shift_table", ".modulation"),
    ("proj_out.", "head.head."),
)
"""Parts of parameters' names in diffusers, and in the original files."""


def write_gguf(path: Path, transformer: torch.nn.Module) -> tuple[Path, dict[str, Tensor]]:
    """Write a transformer, in 8 bits where its rows are whole blocks; return the file and what it holds."""
    import gguf

    writer = gguf.GGUFWriter(str(path), "wan")
    values = {}
    for name, value in transformer.state_dict().items():
        original = "head.modulation" if name == "scale_shift_table" else name
        for ours, theirs in NAMES:
            original = original.replace(ours, theirs)
        array = value.float().numpy()
        kind = gguf.GGMLQuantizationType
        eight = value.ndim == 2 and value.shape[1] % 32 == 0
        quantised = gguf.quants.quantize(array, kind.Q8_0) if eight else array
        values[name] = torch.from_numpy(np.array(gguf.quants.dequantize(quantised, kind.Q8_0) if eight else array))
        writer.add_tensor(original, quantised, raw_dtype=kind.Q8_0 if eight else kind.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, values
