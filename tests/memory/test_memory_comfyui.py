"""Adapters in ComfyUI, as far as its file formats go: names of layers, and a workflow of its own nodes."""

import json
from dataclasses import replace

import pytest
import torch
from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

from ttom_pl.memory import AdapterSpec, Memory, Origin, comfyui_workflow
from ttom_pl.memory.comfyui import WAN_LAYERS, comfyui_layer

MODULES = ("blocks.0.attn2.to_q", "blocks.0.attn2.to_k", "blocks.1.attn2.to_v", "blocks.2.attn2.to_out.0")
ORIGIN = Origin("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "WanPipeline", 1, 50, 480, 832, 81, 16, 6.0, 3.0)
TWO = replace(ORIGIN, model="Wan-AI/Wan2.2-T2V-A14B-Diffusers", experts=2, steps=40, shift=5.0, boundary=0.875)

INPUTS = {
    "UNETLoader": {"unet_name": str, "weight_dtype": ("default", "fp8_e4m3fn")},
    "CLIPLoader": {"clip_name": str, "type": ("wan", "sd3"), "device": ("default", "cpu")},
    "VAELoader": {"vae_name": str},
    "ModelSamplingSD3": {"model": "MODEL", "shift": float},
    "CLIPTextEncode": {"text": str, "clip": "CLIP"},
    "CreateHookLoraModelOnly": {"lora_name": str, "strength_model": float, "prev_hooks": "HOOKS?"},
    "CreateHookKeyframe": {"strength_mult": float, "start_percent": float, "prev_hook_kf": "HOOK_KEYFRAMES?"},
    "SetHookKeyframes": {"hooks": "HOOKS", "hook_kf": "HOOK_KEYFRAMES?"},
    "ConditioningSetProperties": {
        "cond_NEW": "CONDITIONING",
        "strength": float,
        "set_cond_area": ("default", "mask bounds"),
        "mask": "MASK?",
        "hooks": "HOOKS?",
        "timesteps": "TIMESTEPS_RANGE?",
    },
    "EmptyHunyuanLatentVideo": {"width": int, "height": int, "length": int, "batch_size": int},
    "Wan22ImageToVideoLatent": {
        "vae": "VAE",
        "width": int,
        "height": int,
        "length": int,
        "batch_size": int,
        "start_image": "IMAGE?",
    },
    "KSampler": {
        "model": "MODEL",
        "seed": int,
        "steps": int,
        "cfg": float,
        "sampler_name": ("euler", "uni_pc"),
        "scheduler": ("simple", "normal"),
        "positive": "CONDITIONING",
        "negative": "CONDITIONING",
        "latent_image": "LATENT",
        "denoise": float,
    },
    "KSamplerAdvanced": {
        "model": "MODEL",
        "add_noise": ("enable", "disable"),
        "noise_seed": int,
        "steps": int,
        "cfg": float,
        "sampler_name": ("euler", "uni_pc"),
        "scheduler": ("simple", "normal"),
        "positive": "CONDITIONING",
        "negative": "CONDITIONING",
        "latent_image": "LATENT",
        "start_at_step": int,
        "end_at_step": int,
        "return_with_leftover_noise": ("disable", "enable"),
    },
    "VAEDecode": {"samples": "LATENT", "vae": "VAE"},
    "CreateVideo": {"images": "IMAGE", "fps": float, "audio": "AUDIO?"},
    "SaveVideo": {"video": "VIDEO", "filename_prefix": str, "format": ("auto", "mp4"), "codec": ("auto", "h264")},
}
"""Inputs of ComfyUI's nodes, as its nodes.py and comfy_extras define them; those that may be left out end in ?."""
OUTPUTS = {
    "UNETLoader": "MODEL",
    "CLIPLoader": "CLIP",
    "VAELoader": "VAE",
    "ModelSamplingSD3": "MODEL",
    "CLIPTextEncode": "CONDITIONING",
    "CreateHookLoraModelOnly": "HOOKS",
    "CreateHookKeyframe": "HOOK_KEYFRAMES",
    "SetHookKeyframes": "HOOKS",
    "ConditioningSetProperties": "CONDITIONING",
    "EmptyHunyuanLatentVideo": "LATENT",
    "Wan22ImageToVideoLatent": "LATENT",
    "KSampler": "LATENT",
    "KSamplerAdvanced": "LATENT",
    "VAEDecode": "IMAGE",
    "CreateVideo": "VIDEO",
}


@pytest.fixture(scope="module")
def memory():
    """One for all, which lasts as long as they do."""
    with Memory() as memory:
        yield memory


def learnt(memory, width=1536, active=5, origin=ORIGIN, fingerprint="wan-0123456789abcdef", modules=MODULES):
    adapter = {}
    for module in modules:
        adapter[f"transformer.{module}.lora_A.weight"] = torch.ones(2, width)
        adapter[f"transformer.{module}.lora_B.weight"] = torch.ones(width, 2)
    spec = AdapterSpec(rank=2, alpha=2.0, target_modules=modules, active_steps=active)
    extra = {"seed": 7} | ({} if origin is None else {"model": origin.to_dict()})
    given = {"key": [1.0, 0.0], "key_text": "s", "prompt": "a cat moves left", "fingerprint": fingerprint}
    return memory.insert(adapter, spec=spec, extra=extra, **given), adapter


def check_nodes(graph):
    """What ComfyUI's server checks before it runs a prompt."""
    graph = json.loads(json.dumps(graph))
    for node in graph.values():
        kind, known = node["class_type"], INPUTS[node["class_type"]]
        assert set(node["inputs"]) <= set(known), kind
        assert {name for name, type_ in known.items() if not str(type_).endswith("?")} <= set(node["inputs"]), kind
        for name, value in node["inputs"].items():
            expected = known[name]
            if isinstance(expected, str):
                other, output = value
                assert (OUTPUTS[graph[other]["class_type"]], output) == (expected.rstrip("?"), 0), (kind, name)
            elif isinstance(expected, tuple):
                assert value in expected, (kind, name)
            else:
                assert type(value) is expected, (kind, name)
    return graph


def of(graph, kind):
    return [node for node in graph.values() if node["class_type"] == kind]


def sigmas(steps, shift):
    """ComfyUI's ``simple`` schedule (comfy.samplers.simple_scheduler over ModelSamplingDiscreteFlow)."""
    table = [shift * t / (1 + (shift - 1) * t) for t in ((i + 1) / 1000 for i in range(1000))]
    return [table[-(1 + int(step * 1000 / steps))] for step in range(steps)]


def strengths(graph, steps, shift):
    """The strength of the LoRA in each step (comfy.hooks.HookKeyframeGroup)."""
    keyframes = sorted((node["inputs"] for node in of(graph, "CreateHookKeyframe")), key=lambda k: k["start_percent"])

    def starts(keyframe):
        percent = keyframe["start_percent"]
        return 1.0 if percent <= 0 else shift * (1 - percent) / (1 + (shift - 1) * (1 - percent))

    return [
        [keyframe["strength_mult"] for keyframe in keyframes if starts(keyframe) >= sigma][-1]
        for sigma in sigmas(steps, shift)
    ]


@pytest.mark.parametrize("steps", [1, 4, 8, 20, 30, 50, 400])
@pytest.mark.parametrize("shift", [1.0, 3.0, 8.0])
def test_the_adapter_is_on_in_its_steps_alone(memory, steps, shift):
    for active in {1, min(5, steps), max(1, steps - 1), steps}:
        entry, adapter = learnt(memory, active=active, origin=replace(ORIGIN, steps=steps, shift=shift))
        graph = check_nodes(comfyui_workflow(entry, adapter, "cat.safetensors"))
        assert strengths(graph, steps, shift) == [1.0] * active + [0.0] * (steps - active)


def test_a_workflow_is_what_was_learnt(memory):
    graph = check_nodes(comfyui_workflow(*learnt(memory), "cat.safetensors"))
    (sampler,), (size,), (lora,) = of(graph, "KSampler"), of(graph, "EmptyHunyuanLatentVideo"), of(graph, LORA)
    assert {name: sampler["inputs"][name] for name in ("steps", "cfg", "seed")} == {"steps": 50, "cfg": 6.0, "seed": 7}
    assert size["inputs"] == {"width": 832, "height": 480, "length": 81, "batch_size": 1}
    assert lora["inputs"] == {"lora_name": "cat.safetensors", "strength_model": 1.0}
    assert of(graph, "UNETLoader")[0]["inputs"]["unet_name"] == "wan2.1_t2v_1.3B_fp16.safetensors"
    positive, negative = (graph[sampler["inputs"][name][0]] for name in ("positive", "negative"))
    assert positive["class_type"] == "ConditioningSetProperties"
    assert graph[positive["inputs"]["cond_NEW"][0]]["inputs"]["text"] == "a cat moves left"
    assert negative["class_type"] == "CLIPTextEncode", "the negative prompt's pass goes without, as in a stream"
    again = comfyui_workflow(*learnt(memory, origin=None), "cat.safetensors", steps=20)
    assert of(again, "KSampler")[0]["inputs"]["steps"] == 20


LORA = "CreateHookLoraModelOnly"


def test_of_two_experts_the_first_has_it(memory):
    graph = check_nodes(comfyui_workflow(*learnt(memory, width=5120, origin=TWO), "cat.safetensors"))
    first, second = of(graph, "KSamplerAdvanced")
    border = sum(sigma >= 0.875 for sigma in sigmas(40, 5.0))
    assert (first["inputs"]["end_at_step"], second["inputs"]["start_at_step"]) == (border, border)
    assert 5 < border < 40
    assert graph[first["inputs"]["positive"][0]]["class_type"] == "ConditioningSetProperties"
    assert graph[second["inputs"]["positive"][0]]["class_type"] == "CLIPTextEncode"
    models = [graph[graph[node["inputs"]["model"][0]]["inputs"]["model"][0]] for node in (first, second)]
    assert ["high" in model["inputs"]["unet_name"] for model in models] == [True, False]
    assert second["inputs"]["latent_image"][0] == next(name for name, node in graph.items() if node is first)


def test_the_model_whose_tokens_have_times(memory):
    graph = check_nodes(comfyui_workflow(*learnt(memory, width=3072), "cat.safetensors"))
    assert of(graph, "Wan22ImageToVideoLatent")
    assert of(graph, "VAELoader")[0]["inputs"]["vae_name"] == "wan2.2_vae.safetensors"


def test_names_are_those_of_wans_own_checkpoints(memory):
    """As diffusers knows them, which makes its own names of them."""
    entry, _ = learnt(memory)
    for layer in WAN_LAYERS:
        module = f"blocks.3.{layer}"
        theirs = comfyui_layer(entry, module).removeprefix("diffusion_model.")
        assert set(convert_wan_transformer_to_diffusers({f"{theirs}.weight": torch.ones(1)})) == {f"{module}.weight"}


def test_names_of_other_families(memory):
    """LTX has the same names in ComfyUI as in diffusers; CogVideoX has none."""
    module = ("transformer_blocks.3.attn2.to_q",)
    entry, _ = learnt(memory, fingerprint="ltx-0123456789abcdef", modules=module)
    assert comfyui_layer(entry, *module) == "diffusion_model.transformer_blocks.3.attn2.to_q"
    entry, adapter = learnt(memory, fingerprint="cogvideox-0123456789abcdef", modules=module)
    with pytest.raises(ValueError, match=r"no name for 'transformer_blocks\.3\.attn2\.to_q'"):
        comfyui_layer(entry, *module)
    with pytest.raises(ValueError, match=r"for Wan's text to video alone, and entry .* is of 'cogvideox'"):
        comfyui_workflow(entry, adapter, "cat.safetensors")


def test_what_no_workflow_can_tell(memory):
    entry, adapter = learnt(memory, origin=None)
    with pytest.raises(ValueError, match="does not say in how many denoising steps it was learnt; give --steps"):
        comfyui_workflow(entry, adapter, "cat.safetensors")
    with pytest.raises(ValueError, match="steps is 1000; a workflow can tell 400 apart"):
        comfyui_workflow(entry, adapter, "cat.safetensors", 1000)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no object but list"),
        ({"model": 3}, "model is int"),
        ({"steps": True}, "steps is bool"),
        ({"steps": 2.5}, "steps is float"),
        ({"shift": "5"}, "shift is str"),
        ({"width": -1}, "width is -1"),
        ({"shift": float("nan")}, "shift is nan"),
        ({"model": "x" * 300}, "model has 300 characters"),
    ],
)
def test_origins_that_no_model_has(data, message):
    with pytest.raises(ValueError, match=message):
        Origin.from_dict(data)


def test_an_origin_is_read_as_it_was_written(memory):
    assert Origin.from_dict(json.loads(json.dumps(TWO.to_dict() | {"later": 1}))) == TWO
    entry, _ = learnt(memory)
    assert Origin.from_dict(entry.extra["model"]) == ORIGIN
