"""An adapter in ComfyUI: the names of its LoRA loaders, and a workflow that has it on in the first steps alone."""

import re
from typing import Any

from ttom_pl.memory.entry import AdapterTensors, Entry
from ttom_pl.memory.origin import Origin, origin_of

_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
_LTX = re.compile(r"transformer_blocks\.\d+\.(attn[12]\.(to_[qkv]|to_out\.0)|ff\.net\.(0\.proj|2))")
_LAYERS = {"to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "o"}
WAN_LAYERS = {f"attn1.{name}": f"self_attn.{theirs}" for name, theirs in _LAYERS.items()}
WAN_LAYERS |= {f"attn2.{name}": f"cross_attn.{theirs}" for name, theirs in _LAYERS.items()}
WAN_LAYERS |= {"ffn.net.0.proj": "ffn.0", "ffn.net.2": "ffn.2"}
"""Layers of a block by diffusers' names, and by those of Wan's own code, which ComfyUI runs."""

_TEXT_ENCODER = "umt5_xxl_fp8_e4m3fn_scaled.safetensors"
_FILES = {
    1536: ("wan2.1_t2v_1.3B_fp16.safetensors",),
    3072: ("wan2.2_ti2v_5B_fp16.safetensors",),
    5120: ("wan2.1_t2v_14B_fp16.safetensors",),
}
"""Files of ComfyUI's own packages of Wan, by the width of the transformer."""
_TWO = ("wan2.2_t2v_high_noise_14B_fp8_scaled.safetensors", "wan2.2_t2v_low_noise_14B_fp8_scaled.safetensors")
_TOKENS_HAVE_TIMES = 3072  # Wan 2.2 TI2V, with a VAE and latents of its own
_USUAL = Origin(height=480, width=832, frames=81, fps=16, guidance=5.0, shift=5.0)
_MOST_STEPS = 400  # the switch lies half a step from either side, and ComfyUI knows a thousandth of the schedule


def family(entry: Entry) -> str:
    """Return the family of an entry's model, the first part of its fingerprint, such as ``wan``."""
    return re.sub(r"-[0-9a-f]{16}$", "", entry.fingerprint.split("+")[0])


def comfyui_layer(entry: Entry, module: str) -> str:
    """Return ComfyUI's name of a module.

    Raises:
        ValueError: if it has none.
    """
    block = _BLOCK.fullmatch(module)
    if block is not None and block[2] in WAN_LAYERS:
        return f"diffusion_model.blocks.{block[1]}.{WAN_LAYERS[block[2]]}"
    if family(entry) == "ltx" and _LTX.fullmatch(module):
        return f"diffusion_model.{module}"  # it runs LTX under these names
    raise ValueError(f"ComfyUI's LoRA loaders have no name for {module!r}; export it for diffusers or PEFT")


def switch_percent(active_steps: int, steps: int) -> float:
    """Return where in the schedule the adapter goes off: half a step before the first step without it.

    ComfyUI's keyframes and its ``simple`` schedule measure the same way, by the share of the steps that are done.

    Args:
        active_steps: denoising steps with the adapter, fewer than ``steps``.
        steps: denoising steps.
    """
    return round((active_steps - 0.5) / steps, 3)


def comfyui_workflow(entry: Entry, adapter: AdapterTensors, lora: str, steps: int | None = None) -> dict[str, Any]:
    """Return a workflow of ComfyUI's own nodes, in its API format, that makes a video with an adapter as it was learnt.

    The LoRA is a hook on the conditioning of the prompt, so that it is left out of the pass of the negative prompt, as
    in a stream, and keyframes switch it off after the steps that it was learnt for. Of two experts the first has it.

    Args:
        entry: the entry, of a text-to-video Wan.
        adapter: its adapter.
        lora: name of the LoRA's file in ComfyUI's folder ``models/loras``.
        steps: denoising steps; those that it was learnt in when not given.

    Raises:
        ValueError: if the model is not a text-to-video Wan, or the steps are not known or too many.
    """
    if family(entry) != "wan":
        raise ValueError(
            f"workflows are written for Wan's text to video alone, and entry {entry.id} is of {family(entry)!r}; in a "
            "graph of your own put the LoRA on the prompt's conditioning by hooks with keyframes"
        )
    origin = origin_of(entry.extra) or _USUAL
    steps = steps or origin.steps
    if not steps:
        raise ValueError(f"entry {entry.id} does not say in how many denoising steps it was learnt; give --steps")
    if steps > _MOST_STEPS:
        raise ValueError(f"steps is {steps}; a workflow can tell {_MOST_STEPS} apart at most")
    graph = _Graph()
    width = next((tensor.shape[1] for name, tensor in adapter.items() if name.endswith("to_q.lora_A.weight")), 0)
    tokens_have_times = width == _TOKENS_HAVE_TIMES
    files = _TWO if origin.experts > 1 else _FILES.get(width, (f"{origin.model or 'model'}.safetensors",))
    shift = _USUAL.shift if origin.shift is None else origin.shift
    models = []
    for file in files:
        model = graph.add("UNETLoader", "the model", unet_name=file, weight_dtype="default")
        models.append(graph.add("ModelSamplingSD3", "shift of the schedule", model=model, shift=shift))
    clip = graph.add("CLIPLoader", "the text encoder", clip_name=_TEXT_ENCODER, type="wan", device="default")
    vae_name = "wan2.2_vae.safetensors" if tokens_have_times else "wan_2.1_vae.safetensors"
    vae = graph.add("VAELoader", "the VAE", vae_name=vae_name)
    prompt = graph.add("CLIPTextEncode", "prompt", text=entry.prompt, clip=clip)
    negative = graph.add("CLIPTextEncode", "negative prompt", text="", clip=clip)
    hooked = _hooked(graph, prompt, lora, entry.spec.active_steps, steps)
    size = {
        "width": origin.width or _USUAL.width,
        "height": origin.height or _USUAL.height,
        "length": origin.frames or _USUAL.frames,
        "batch_size": 1,
    }
    if tokens_have_times:
        latents = graph.add("Wan22ImageToVideoLatent", "size", vae=vae, **size)
    else:
        latents = graph.add("EmptyHunyuanLatentVideo", "size", **size)
    seed = entry.extra.get("seed")
    sampling = {
        "steps": steps,
        "cfg": origin.guidance,
        "sampler_name": "euler" if len(models) > 1 else "uni_pc",
        "scheduler": "simple",
        "negative": negative,
    }
    number = seed if isinstance(seed, int) and seed >= 0 else 0
    if len(models) == 1:
        latents = graph.add(
            "KSampler", "all steps", model=models[0], seed=number, positive=hooked, latent_image=latents, denoise=1.0,
            **sampling,
        )  # fmt: skip
    else:
        border = noisy_steps(steps, float(shift or 1.0), origin.boundary or 0.875)
        for place, (model, positive) in enumerate(((models[0], hooked), (models[1], prompt))):
            latents = graph.add(
                "KSamplerAdvanced",
                "low noise" if place else "high noise",
                model=model,
                add_noise="disable" if place else "enable",
                noise_seed=number,
                positive=positive,
                latent_image=latents,
                start_at_step=border if place else 0,
                end_at_step=steps if place else border,
                return_with_leftover_noise="disable" if place else "enable",
                **sampling,
            )
    images = graph.add("VAEDecode", "frames", samples=latents, vae=vae)
    video = graph.add("CreateVideo", "video", images=images, fps=float(origin.fps or _USUAL.fps))
    graph.add("SaveVideo", "save", video=video, filename_prefix="video/ttom", format="auto", codec="auto")
    return graph.nodes


def noisy_steps(steps: int, shift: float, boundary: float) -> int:
    """Return how many of the first steps of ComfyUI's ``simple`` schedule are at or above a share of the noise."""
    times = [1 - int(step * 1000 / steps) / 1000 for step in range(steps)]
    return sum(shift * time / (1 + (shift - 1) * time) >= boundary for time in times)


class _Graph:
    """Nodes as ComfyUI's API format has them."""

    def __init__(self) -> None:
        self.nodes: dict[str, Any] = {}

    def add(self, kind: str, title: str, **inputs: Any) -> list[Any]:
        """Add a node, and return its first output."""
        name = str(len(self.nodes) + 1)
        self.nodes[name] = {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}
        return [name, 0]


def _hooked(graph: _Graph, prompt: list[Any], lora: str, active_steps: int, steps: int) -> list[Any]:
    """Put the LoRA on the prompt's conditioning, for the first steps."""
    hooks = graph.add("CreateHookLoraModelOnly", "the adapter", lora_name=lora, strength_model=1.0)
    keyframes = graph.add("CreateHookKeyframe", "on", strength_mult=1.0, start_percent=0.0)
    if active_steps < steps:
        percent = switch_percent(active_steps, steps)
        title = f"off after step {active_steps} of {steps}: at ({active_steps} - 0.5) / {steps}"
        keyframes = graph.add(
            "CreateHookKeyframe", title, strength_mult=0.0, start_percent=percent, prev_hook_kf=keyframes
        )
    scheduled = graph.add("SetHookKeyframes", "schedule of its strength", hooks=hooks, hook_kf=keyframes)
    return graph.add(
        "ConditioningSetProperties",
        "prompt with the adapter",
        cond_NEW=prompt,
        strength=1.0,
        set_cond_area="default",
        hooks=scheduled,
    )


def check_lora_name(name: str) -> None:
    """Raise ``ValueError`` if ComfyUI lists no file of this name among its LoRAs."""
    if not name.endswith(".safetensors"):
        raise ValueError(f"{name!r} does not end in .safetensors, without which ComfyUI lists no LoRA; name it so")


__all__ = ["check_lora_name", "comfyui_layer", "comfyui_workflow", "family", "noisy_steps", "switch_percent"]
