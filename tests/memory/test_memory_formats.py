"""One entry for other tools: names, numbers and notes."""

import json

import pytest
import torch
from diffusers import WanPipeline
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file

from ttom_pl.memory import AdapterSpec, Memory, block_norms, export_adapter

MODULES = ("blocks.0.attn2.to_q", "blocks.0.attn2.to_k", "blocks.1.attn2.to_v", "blocks.2.attn2.to_out.0")
WIDTH = 24


@pytest.fixture
def entry_and_adapter(memory):
    """An adapter of the tiny model with an alpha unlike its rank."""
    generator = torch.Generator().manual_seed(0)
    spec = AdapterSpec(rank=2, alpha=6.0, target_modules=MODULES, active_steps=3)
    adapter = {}
    for module in MODULES:
        adapter[f"transformer.{module}.lora_A.weight"] = torch.randn(2, WIDTH, generator=generator)
        adapter[f"transformer.{module}.lora_B.weight"] = torch.randn(WIDTH, 2, generator=generator)
    entry = memory.insert(
        adapter, key=[1.0, 0.0], key_text="<object_0> moves", prompt="a cat moves", fingerprint="wan", spec=spec
    )
    return entry, adapter


def metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def test_comfyui_names(entry_and_adapter, tmp_path):
    entry, adapter = entry_and_adapter
    tensors = load_file(export_adapter(entry, adapter, tmp_path / "lora.safetensors", "comfyui"))
    layers = ["blocks.0.cross_attn.q", "blocks.0.cross_attn.k", "blocks.1.cross_attn.v", "blocks.2.cross_attn.o"]
    parts = ("lora_A.weight", "lora_B.weight", "alpha")
    assert set(tensors) == {f"diffusion_model.{layer}.{part}" for layer in layers for part in parts}
    for layer, module in zip(layers, MODULES, strict=True):
        for part in parts[:2]:
            assert torch.equal(tensors[f"diffusion_model.{layer}.{part}"], adapter[f"transformer.{module}.{part}"])
        assert tensors[f"diffusion_model.{layer}.alpha"].item() == 6.0


def test_peft_folder(entry_and_adapter, tmp_path):
    entry, adapter = entry_and_adapter
    folder = export_adapter(entry, adapter, tmp_path / "peft", "peft")
    config = json.loads((folder / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (2, 6.0, "LORA")
    tensors = load_file(folder / "adapter_model.safetensors")
    assert set(tensors) == {name.replace("transformer.", "base_model.model.", 1) for name in adapter}


@pytest.mark.parametrize("format", ["diffusers", "comfyui", "peft"])
def test_active_steps_are_in_the_metadata(entry_and_adapter, tmp_path, format):
    path = export_adapter(*entry_and_adapter, tmp_path / "out", format)
    notes = metadata(path / "adapter_model.safetensors" if format == "peft" else path)
    assert notes["ttom_active_steps"] == "3"
    assert "first 3 denoising steps" in notes["ttom_note"]
    assert notes["ttom_prompt"] == "a cat moves"


@pytest.mark.parametrize("format", ["diffusers", "comfyui", "peft", "memory file"])
def test_other_tools_compute_the_same(entry_and_adapter, tmp_path, tiny_pipeline, memory, format):
    """W' = W + alpha / rank · B·A in every layer, whoever loads it."""
    entry, adapter = entry_and_adapter
    pipe = WanPipeline.from_pretrained(tiny_pipeline)
    plain = {module: pipe.transformer.get_submodule(module).weight.detach().clone() for module in MODULES}
    if format == "peft":
        export_adapter(entry, adapter, tmp_path / "peft", "peft")
        merged = PeftModel.from_pretrained(pipe.transformer, tmp_path / "peft").merge_and_unload()
    else:
        path = next(memory.path.glob("adapters/*"))
        if format != "memory file":
            path = export_adapter(entry, adapter, tmp_path / "lora.safetensors", format)
        pipe.load_lora_weights(path.parent, weight_name=path.name)
        pipe.fuse_lora()
        pipe.unload_lora_weights()
        merged = pipe.transformer
    for module, weight in plain.items():
        a, b = (adapter[f"transformer.{module}.lora_{matrix}.weight"] for matrix in "AB")
        torch.testing.assert_close(merged.get_submodule(module).weight, weight + 3.0 * b @ a)


def test_unknown_layers_are_refused(learn, tmp_path):
    with Memory() as memory:
        spec = AdapterSpec(2, 2, ("patch_embedding",), 5)
        tensors = {"transformer.patch_embedding.lora_A.weight": torch.ones(2, 4)}
        entry = learn(memory, 0, adapter=tensors, spec=spec)
        with pytest.raises(ValueError, match="no name for 'patch_embedding'"):
            export_adapter(entry, tensors, tmp_path / "x", "comfyui")
        with pytest.raises(ValueError, match="no LoRA matrix"):
            export_adapter(entry, {"other": torch.ones(1)}, tmp_path / "x", "peft")


def test_block_norms(entry_and_adapter):
    entry, adapter = entry_and_adapter
    norms = block_norms(entry, adapter)
    assert list(norms) == [MODULES[i] for i in (1, 0, 2, 3)]
    for module, norm in norms.items():
        a, b = (adapter[f"transformer.{module}.lora_{matrix}.weight"] for matrix in "AB")
        assert norm == pytest.approx(float((3.0 * b @ a).norm()), rel=1e-5)
