"""Tiny pipelines of HunyuanVideo with their real tokenizer classes, built from words that are written here."""

import re
from inspect import signature
from typing import Any

from diffusers import (
    AutoencoderKLHunyuanVideo,
    AutoencoderKLHunyuanVideo15,
    ClassifierFreeGuidance,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15Pipeline,
    HunyuanVideo15Transformer3DModel,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
)
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    ByT5Tokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    LlamaConfig,
    LlamaModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    Qwen2Tokenizer,
    T5Config,
    T5EncoderModel,
)

TEXT = 16
WORDS = "a red circle moves left and blue square up two yellow squares stay still green triangles cat walk"
SYSTEM = signature(HunyuanVideo15Pipeline._get_mllm_prompt_embeds).parameters["system_message"].default
TEMPLATE = signature(HunyuanVideoPipeline.encode_prompt).parameters["prompt_template"].default["template"]
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Qwen's form of a chat; in the words below the prompt begins at token 108, as in the real ones."""


def byte_level(words: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return vocabulary and merges of a byte-level tokenizer that knows runs of spaces, and words with what is before.

    A word that begins with one of them falls into that one and letters.
    """
    vocabulary = dict.fromkeys(sorted(ByteLevel.alphabet()))
    merges: dict[tuple[str, str], None] = {}
    for one, other in ((1, 1), (2, 2), (4, 4)):
        merges["\u0120" * one, "\u0120" * other] = None
    for word in words:
        piece = word[0]
        for letter in word[1:]:
            merges[piece, letter] = None
            piece += letter
    vocabulary |= {"".join(pair): None for pair in merges}
    return {piece: number for number, piece in enumerate(vocabulary)}, list(merges)


def qwen(known: list[str]) -> Qwen2Tokenizer:
    """As Qwen 2's, with some words that it knows."""
    vocabulary, merges = byte_level(known)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary |= {token: len(vocabulary) + number for number, token in enumerate(special)}
    return Qwen2Tokenizer(vocab=vocabulary, merges=merges, extra_special_tokens=special[1:])


def qwen_tokenizer() -> Qwen2Tokenizer:
    words = [word.strip(".,:") for word in SYSTEM.split()] + WORDS.split()
    known = [f"\u0120{word}" for word in dict.fromkeys(words) if word.isalpha()]
    tokenizer = qwen([*known, "You", "system", "user"])
    tokenizer.chat_template = CHAT
    return tokenizer


LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""What a text is split by before its pieces are looked up."""


def llama_tokenizer() -> PreTrainedTokenizerFast:
    """As Llama 3's; the prompt begins at token 95 of the template, as in the real one."""
    words = dict.fromkeys([*re.findall(r"(?<= )[A-Za-z]+", TEMPLATE), *WORDS.split()])
    vocabulary, merges = byte_level(
        [*(f"\u0120{word}" for word in words), "Describe", "system", "user", "\u010a\u010a"]
    )
    special = ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<pad>"]
    vocabulary |= {token: len(vocabulary) + number for number, token in enumerate(special)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    split = pre_tokenizers.Split(Regex(LLAMA_3), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{special[0]} $A", special_tokens=[(special[0], vocabulary[special[0]])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=special[0],
        eos_token=special[3],
        pad_token=special[4],
        extra_special_tokens=special[1:3],
        padding_side="right",
    )


def clip() -> tuple[CLIPTokenizer, CLIPTextModel]:
    """A tokenizer of letters and its encoder."""
    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer({token: number for number, token in enumerate(tokens)}, [])
    config = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        eos_token_id=tokenizer.eos_token_id,
    )
    return tokenizer, CLIPTextModel(config).eval()


def hunyuan_vae() -> AutoencoderKLHunyuanVideo:
    return AutoencoderKLHunyuanVideo(
        latent_channels=4, block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4
    ).eval()


def hunyuan(**changes: Any) -> HunyuanVideoPipeline:
    """Two blocks of two streams, two of one."""
    tokenizer, (tokenizer_2, text_encoder_2) = llama_tokenizer(), clip()
    language = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT,
        intermediate_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=4,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=2,
        num_single_layers=2,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        text_embed_dim=TEXT,
        pooled_projection_dim=8,
        rope_axes_dim=(4, 4, 4),
    )
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": LlamaModel(language).eval(),
        "tokenizer_2": tokenizer_2,
        "text_encoder_2": text_encoder_2,
        "vae": hunyuan_vae(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
        "transformer": transformer.eval(),
    }
    return HunyuanVideoPipeline(**(parts | changes))


def glyph_encoder(tokenizer: ByT5Tokenizer) -> T5EncoderModel:
    sizes = {"d_model": TEXT, "d_kv": 4, "d_ff": 32, "num_layers": 1, "num_heads": 4, "dropout_rate": 0.0}
    return T5EncoderModel(T5Config(vocab_size=len(tokenizer), **sizes)).eval()


def hunyuan15(**changes: Any) -> HunyuanVideo15Pipeline:
    tokenizer, glyphs = qwen_tokenizer(), ByT5Tokenizer()
    language = Qwen2_5_VLTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT,
        intermediate_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        rope_parameters={"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]},
    )
    transformer = HunyuanVideo15Transformer3DModel(
        in_channels=2 * 4 + 1,
        out_channels=4,
        num_attention_heads=2,
        attention_head_dim=12,
        num_layers=3,
        num_refiner_layers=1,
        mlp_ratio=2.0,
        text_embed_dim=TEXT,
        text_embed_2_dim=TEXT,
        image_embed_dim=8,
        rope_axes_dim=(4, 4, 4),
        task_type="t2v",
    )
    vae = AutoencoderKLHunyuanVideo15(
        latent_channels=4,
        block_out_channels=(8, 8, 8),
        layers_per_block=1,
        spatial_compression_ratio=4,
        temporal_compression_ratio=4,
    )
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": Qwen2_5_VLTextModel(language).eval(),
        "tokenizer_2": glyphs,
        "text_encoder_2": glyph_encoder(glyphs),
        "vae": vae.eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=5.0),
        "transformer": transformer.eval(),
        "guider": ClassifierFreeGuidance(guidance_scale=6.0),
    }
    return HunyuanVideo15Pipeline(**(parts | changes))
