"""A tiny pipeline of Kandinsky 5; its vocabulary has the words of the pipeline's template."""

import re
from typing import Any

from diffusers import FlowMatchEulerDiscreteScheduler, Kandinsky5T2VPipeline, Kandinsky5Transformer3DModel
from hunyuan import TEXT, WORDS, clip, hunyuan_vae, qwen
from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

TEMPLATE = Kandinsky5T2VPipeline(*[None] * 7).prompt_template
PARTS = {
    "scren": ["\u0120sc", "ren"],
    "dynamism": ["\u0120dynam", "ism"],
    "postprocessing": ["\u0120post", "processing"],
}
"""Words of the template that are two tokens each, as the real vocabulary has them."""


def qwen_tokenizer() -> Qwen2Tokenizer:
    """The prompt begins at token 128 of the template, as in the real one."""
    words = dict.fromkeys(re.findall(r"(?<= )[A-Za-z]+", TEMPLATE) + WORDS.split())
    known = [f"\u0120{word}" for word in words if word not in PARTS]
    known += ["Describe", "You", "Name", "Pay", "system", "user", ".\u010a"]
    return qwen([*known, *(part for parts in PARTS.values() for part in parts)])


def language_model(vocabulary: int) -> Qwen2_5_VLForConditionalGeneration:
    text = {
        "vocab_size": vocabulary,
        "hidden_size": TEXT,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]},
    }
    vision = {"depth": 1, "hidden_size": 8, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": TEXT}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision)).eval()


def kandinsky(visual_cond: bool = True, **changes: Any) -> Kandinsky5T2VPipeline:
    tokenizer, (tokenizer_2, text_encoder_2) = qwen_tokenizer(), clip()
    transformer = Kandinsky5Transformer3DModel(
        in_visual_dim=4,
        out_visual_dim=4,
        in_text_dim=TEXT,
        in_text_dim2=8,
        time_dim=16,
        model_dim=24,
        ff_dim=32,
        num_text_blocks=1,
        num_visual_blocks=3,
        axes_dims=(4, 4, 4),
        visual_cond=visual_cond,
    )
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": language_model(len(tokenizer)),
        "tokenizer_2": tokenizer_2,
        "text_encoder_2": text_encoder_2,
        "vae": hunyuan_vae(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=5.0),
        "transformer": transformer.eval(),
    }
    return Kandinsky5T2VPipeline(**(parts | changes))


def kandinsky_plain() -> Kandinsky5T2VPipeline:
    """No channels for an image."""
    return kandinsky(visual_cond=False)
