"""LoRA files of other tools, read as an adapter."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ttom_pl.memory.lora_files import as_adapter, read_lora

MODULE = "blocks.1.attn2.to_q"
WIDTH, OUT = 6, 5


def matrices(rank=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rank, WIDTH, generator=generator), torch.randn(OUT, rank, generator=generator)


def neutral(rank=4, modules=(MODULE, "blocks.0.attn2.to_q")):
    generator = torch.Generator().manual_seed(1)
    state = {}
    for module in modules:
        state[f"transformer.{module}.lora_A.weight"] = torch.randn(rank, WIDTH, generator=generator)
        state[f"transformer.{module}.lora_B.weight"] = torch.zeros(OUT, rank)
    return state


def change(adapter, module, scale):
    a, b = (adapter[f"transformer.{module}.lora_{matrix}.weight"] for matrix in "AB")
    return scale * b @ a


NAMES = {
    "diffusers": (f"transformer.{MODULE}.lora_A.weight", f"transformer.{MODULE}.lora_B.weight"),
    "peft": (f"base_model.model.{MODULE}.lora_A.weight", f"base_model.model.{MODULE}.lora_B.weight"),
    "comfyui": (
        "diffusion_model.blocks.1.cross_attn.q.lora_A.weight",
        "diffusion_model.blocks.1.cross_attn.q.lora_B.weight",
    ),
    "comfyui, up and down": (
        "diffusion_model.blocks.1.cross_attn.q.lora_down.weight",
        "diffusion_model.blocks.1.cross_attn.q.lora_up.weight",
    ),
    "trainers of Wan": (
        "lora_unet_blocks_1_cross_attn_q.lora_down.weight",
        "lora_unet_blocks_1_cross_attn_q.lora_up.weight",
    ),
    "an adapter's name": (f"{MODULE}.lora_A.default.weight", f"{MODULE}.lora_B.default.weight"),
}


@pytest.mark.parametrize("alpha", [None, 1.0])
@pytest.mark.parametrize("tool", NAMES)
def test_whatever_the_names_the_layers_change_alike(tool, alpha, tmp_path):
    down, up = matrices()
    first, second = NAMES[tool]
    tensors = {first: down, second: up}
    if alpha is not None:
        tensors[first.rsplit(".lora_", 1)[0] + ".alpha"] = torch.tensor(alpha)
    save_file(tensors, tmp_path / "lora.safetensors")
    adapter = as_adapter(read_lora(tmp_path / "lora.safetensors"), neutral(), rank=4, alpha=8.0)
    torch.testing.assert_close(change(adapter, MODULE, 8.0 / 4), (1.0 if alpha is None else alpha / 2) * up @ down)
    assert not change(adapter, "blocks.0.attn2.to_q", 1.0).any(), "what the LoRA leaves alone stays neutral"
    untouched = neutral()[f"transformer.{MODULE}.lora_A.weight"][2:]
    assert torch.equal(adapter[f"transformer.{MODULE}.lora_A.weight"][2:], untouched), "ranks that can be learnt"


def test_alpha_beside_the_tensors(tmp_path):
    down, up = matrices()
    first, second = NAMES["diffusers"]
    notes = {"lora_adapter_metadata": json.dumps({"transformer.r": 2, "transformer.lora_alpha": 6.0})}
    save_file({first: down, second: up}, tmp_path / "lora.safetensors", notes)
    assert read_lora(tmp_path / "lora.safetensors")[MODULE].scale == 3.0
    save_file(dict(zip(NAMES["peft"], (down, up), strict=True)), tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 2, "lora_alpha": 1}))
    assert read_lora(tmp_path)[MODULE].scale == 0.5
    for wrong in ({"r": 2}, {"r": 0, "lora_alpha": 1}, {"r": 2, "lora_alpha": 1, "use_dora": True}, []):
        (tmp_path / "adapter_config.json").write_text(json.dumps(wrong))
        with pytest.raises(ValueError, match=r"the configuration of the LoRA .* cannot be used"):
            read_lora(tmp_path)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "holds no LoRA"),
        ({"transformer.blocks.0.attn2.to_q.weight": torch.ones(2, 2)}, "is no LoRA matrix"),
        ({"diffusion_model.blocks.0.cross_attn.q.diff_b": torch.ones(2)}, "without biases, DoRA or convolutions"),
        ({NAMES["diffusers"][0]: torch.ones(2, 2, dtype=torch.int8)}, "is no LoRA matrix"),
        ({NAMES["diffusers"][0]: torch.ones(2, 2)}, "are no pair"),
        ({NAMES["diffusers"][0]: torch.ones(2, 6), NAMES["diffusers"][1]: torch.ones(5, 3)}, "are no pair"),
        ({"transformer_2." + NAMES["diffusers"][0][12:]: torch.ones(2, 6)}, "is of the second expert"),
    ],
)
def test_files_that_are_no_lora_of_ours(tensors, message, tmp_path):
    save_file(tensors, tmp_path / "lora.safetensors")
    with pytest.raises(ValueError, match=message):
        read_lora(tmp_path / "lora.safetensors")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_lora(tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"bad")
    with pytest.raises(ValueError, match="cannot be read"):
        read_lora(tmp_path / "bad.safetensors")


def test_loras_that_the_adapter_cannot_hold(tmp_path):
    down, up = matrices()
    save_file(dict(zip(NAMES["diffusers"], (down, up), strict=True)), tmp_path / "lora.safetensors")
    lora = read_lora(tmp_path / "lora.safetensors")
    with pytest.raises(ValueError, match=r"changes 1 layers that the rehearsal does not adapt, such as 'blocks\.1"):
        as_adapter(lora, neutral(modules=("blocks.0.attn2.to_q",)), 4, 4.0)
    with pytest.raises(ValueError, match=r"has rank 2 in .*, the rehearsal's 1; set rank to 2"):
        as_adapter(lora, neutral(rank=1), 1, 1.0)
    wider = {name: torch.zeros(9, 4) if ".lora_B." in name else tensor for name, tensor in neutral().items()}
    with pytest.raises(ValueError, match="is 6 to 5 wide, the model's 6 to 9; is it of another model"):
        as_adapter(lora, wider, 4, 4.0)
