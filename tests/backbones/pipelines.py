"""Tiny pipelines of the real classes with random weights, one for each kind of model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLLTXVideo,
    AutoencoderKLWan,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
    FlowMatchEulerDiscreteScheduler,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    SkyReelsV2Pipeline,
    SkyReelsV2Transformer3DModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModel,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

TEXT = 16
WORDS = "a red circle moves left and blue square up two yellow squares stay still green tri angle s cat walk ing"


def t5_tokenizer() -> T5Tokenizer:
    """A sentencepiece tokenizer as T5's: pieces with ``▁`` for a space, ``</s>`` at the end; some words in pieces."""
    pieces = ["<pad>", "</s>", "<unk>", "▁"]
    for word in WORDS.split():
        pieces += [f"▁{word}", word]
    letters = [
        letter for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,'éüñ" if letter not in pieces
    ]
    pieces += letters
    scores = [0.0, 0.0, 0.0] + [-2.0 - 0.01 * i for i in range(len(pieces) - 3 - len(letters))] + [-9.0] * len(letters)
    return T5Tokenizer(vocab=list(zip(dict.fromkeys(pieces), scores, strict=False)), extra_ids=0, model_max_length=32)


def text_encoder(tokenizer: T5Tokenizer, umt5: bool = False) -> T5EncoderModel | UMT5EncoderModel:
    config, model = (UMT5Config, UMT5EncoderModel) if umt5 else (T5Config, T5EncoderModel)
    return model(
        config(
            vocab_size=len(tokenizer),
            d_model=TEXT,
            d_kv=4,
            d_ff=32,
            num_layers=1,
            num_heads=4,
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=1,
        )
    ).eval()


WAN = {
    "patch_size": (1, 2, 2),
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "in_channels": 4,
    "out_channels": 4,
    "text_dim": TEXT,
    "freq_dim": 16,
    "ffn_dim": 32,
    "num_layers": 3,
    "rope_max_seq_len": 32,
}


def wan_transformer(**changes: Any) -> WanTransformer3DModel:
    return WanTransformer3DModel(**(WAN | changes)).eval()


WAN_VAE = {
    "base_dim": 4,
    "z_dim": 4,
    "dim_mult": [1, 2],
    "num_res_blocks": 1,
    "temperal_downsample": [True],
    "patch_size": 2,
    "in_channels": 12,
    "out_channels": 12,
    "scale_factor_temporal": 2,
    "scale_factor_spatial": 4,
    "latents_mean": [0.1, -0.2, 0.3, -0.4],
    "latents_std": [0.9, 1.1, 1.3, 0.7],
}


def wan_vae(**changes: Any) -> AutoencoderKLWan:
    return AutoencoderKLWan(**(WAN_VAE | changes)).eval()


def unipc() -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)


def wan(**changes: Any) -> WanPipeline:
    tokenizer = t5_tokenizer()
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": text_encoder(tokenizer, umt5=True),
        "vae": wan_vae(),
        "scheduler": unipc(),
        "transformer": wan_transformer(),
    }
    return WanPipeline(**(parts | changes))


def wan_euler() -> WanPipeline:
    return wan(scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0))


def wan22(**changes: Any) -> WanPipeline:
    """Two transformers, as A14B."""
    return wan(transformer_2=wan_transformer(), boundary_ratio=0.8, **changes)


def wan22_euler() -> WanPipeline:
    return wan22(scheduler=FlowMatchEulerDiscreteScheduler(shift=5.0))


def wan_ti2v() -> WanPipeline:
    """A timestep for each token, as TI2V-5B."""
    return wan(expand_timesteps=True)


def wan_image(**changes: Any) -> WanImageToVideoPipeline:
    """An image encoder and an image channel, as Wan 2.1 I2V: latents, mask and image go in together."""
    tokenizer = t5_tokenizer()
    vision = CLIPVisionConfig(
        hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=16, patch_size=8
    )
    size = {"height": 16, "width": 16}
    parts = {
        "tokenizer": tokenizer,
        "text_encoder": text_encoder(tokenizer, umt5=True),
        "vae": wan_vae(),
        "scheduler": unipc(),
        "image_encoder": CLIPVisionModel(vision).eval(),
        "image_processor": CLIPImageProcessor(size=size, crop_size=size),
        "transformer": wan_transformer(in_channels=4 + 2 + 4, image_dim=8, added_kv_proj_dim=24),
    }
    return WanImageToVideoPipeline(**(parts | changes))


def wan22_image() -> WanImageToVideoPipeline:
    """Two transformers and the image beside the latents, as A14B."""
    transformers = [wan_transformer(in_channels=4 + 2 + 4) for _ in range(2)]
    return wan_image(
        image_encoder=None,
        image_processor=None,
        transformer=transformers[0],
        transformer_2=transformers[1],
        boundary_ratio=0.8,
    )


def wan_ti2v_image() -> WanImageToVideoPipeline:
    """The image in place of the first latent frame, as TI2V-5B."""
    return wan_image(image_encoder=None, image_processor=None, transformer=wan_transformer(), expand_timesteps=True)


def skyreels() -> SkyReelsV2Pipeline:
    """Wan's parts but for the transformer; the VAE has no patches, as the pipeline counts its stages alone."""
    tokenizer = t5_tokenizer()
    return SkyReelsV2Pipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder(tokenizer, umt5=True),
        vae=wan_vae(
            dim_mult=[1, 2, 2],
            temperal_downsample=[False, True],
            patch_size=None,
            in_channels=3,
            out_channels=3,
        ),
        scheduler=unipc(),
        transformer=SkyReelsV2Transformer3DModel(**WAN).eval(),
    )


def cogvideox(scheduler: Any = CogVideoXDDIMScheduler, **changes: Any) -> CogVideoXPipeline:
    tokenizer = t5_tokenizer()
    settings = {
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "in_channels": 4,
        "out_channels": 4,
        "time_embed_dim": 8,
        "text_embed_dim": TEXT,
        "num_layers": 3,
        "sample_width": 8,
        "sample_height": 8,
        "sample_frames": 9,
        "temporal_compression_ratio": 4,
        "max_text_seq_length": 24,
    }
    transformer = CogVideoXTransformer3DModel(**(settings | changes)).eval()
    vae = AutoencoderKLCogVideoX(
        block_out_channels=(4, 4, 4, 4),
        down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=64,
        sample_width=64,
        temporal_compression_ratio=4,
    ).eval()
    return CogVideoXPipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder(tokenizer),
        vae=vae,
        transformer=transformer,
        scheduler=scheduler(
            prediction_type="v_prediction",
            rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
            snr_shift_scale=1.0,
        ),
    )


def cogvideox_5b() -> CogVideoXPipeline:
    """Rotary positions and the DPM scheduler."""
    return cogvideox(CogVideoXDPMScheduler, use_rotary_positional_embeddings=True)


def cogvideox_learned() -> CogVideoXPipeline:
    """Learned positions beside the rotary ones."""
    return cogvideox(use_rotary_positional_embeddings=True, use_learned_positional_embeddings=True)


def cogvideox_15() -> CogVideoXPipeline:
    """Patches of two latent frames, as CogVideoX 1.5: three latent frames are padded to four."""
    return cogvideox(use_rotary_positional_embeddings=True, patch_size_t=2, patch_bias=False)


def ltx(timestep_conditioning: bool = False) -> LTXPipeline:
    tokenizer = t5_tokenizer()
    transformer = LTXVideoTransformer3DModel(
        in_channels=8,
        out_channels=8,
        num_attention_heads=2,
        attention_head_dim=12,
        cross_attention_dim=24,
        num_layers=3,
        caption_channels=TEXT,
    ).eval()
    vae = AutoencoderKLLTXVideo(
        in_channels=3,
        out_channels=3,
        latent_channels=8,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
        spatio_temporal_scaling=(True, True, False, False),
        decoder_spatio_temporal_scaling=(True, True, False, False),
        decoder_inject_noise=(False,) * 5,
        upsample_residual=(False,) * 4,
        upsample_factor=(1,) * 4,
        timestep_conditioning=timestep_conditioning,
        patch_size=1,
        patch_size_t=1,
        encoder_causal=True,
        decoder_causal=False,
    ).eval()
    vae.use_framewise_encoding = False
    vae.use_framewise_decoding = False
    return LTXPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift_terminal=0.1),
        vae=vae,
        text_encoder=text_encoder(tokenizer),
        tokenizer=tokenizer,
        transformer=transformer,
    )


def ltx_noisy() -> LTXPipeline:
    """A VAE that denoises as it decodes."""
    return ltx(timestep_conditioning=True)


def save(make: Callable[[], Any], folder: Path, seed: int = 0) -> Path:
    """Write the pipeline that ``make`` makes, with weights from ``seed``."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        pipe = make()
        # Zeros and ones of fresh layers would hide mistakes; gates of zero would hide whole blocks.
        for parameter in pipe.transformer.parameters():
            parameter.data += 0.1 * torch.randn(parameter.shape)
    pipe.save_pretrained(folder)
    return folder
