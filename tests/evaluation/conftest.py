"""Tiny models of the real classes, with random weights, saved to folders that ``from_pretrained`` reads."""

from pathlib import Path

import pytest
import torch
import transformers as tf


@pytest.fixture(scope="session")
def grounding_dino(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "grounding-dino"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "cat", "dog", "red", "ball"]
    tokenizer = tf.BertTokenizerFast(vocab={word: i for i, word in enumerate(words)})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = tf.GroundingDinoForObjectDetection(
            tf.GroundingDinoConfig(
                backbone_config=tf.SwinConfig(
                    image_size=64,
                    embed_dim=8,
                    depths=[1, 1, 1, 1],
                    num_heads=[1, 1, 2, 2],
                    window_size=2,
                    out_features=["stage2", "stage3", "stage4"],
                ),
                text_config=tf.BertConfig(
                    vocab_size=len(words),
                    hidden_size=16,
                    num_hidden_layers=1,
                    num_attention_heads=2,
                    intermediate_size=16,
                    max_position_embeddings=64,
                ),
                d_model=32,
                num_queries=10,
                encoder_layers=1,
                encoder_ffn_dim=16,
                encoder_attention_heads=2,
                decoder_layers=2,
                decoder_ffn_dim=16,
                decoder_attention_heads=2,
                max_text_len=32,
            )
        )
    pictures = tf.GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96})
    model.eval().save_pretrained(folder)
    tf.GroundingDinoProcessor(pictures, tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def owlv2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "owlv2"
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = ["!", "<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = tf.CLIPTokenizerFast(vocab={t: i for i, t in enumerate(tokens)}, merges=[], model_max_length=32)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = tf.Owlv2ForObjectDetection(
            tf.Owlv2Config(
                text_config={"vocab_size": len(tokens), "max_position_embeddings": 32, **sizes, **ends},
                vision_config={"image_size": 32, "patch_size": 8, **sizes},
                projection_dim=16,
            )
        )
    model.eval().save_pretrained(folder)
    tf.Owlv2Processor(tf.Owlv2ImageProcessorPil(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sam2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It sees the objects in all frames, which random weights otherwise decide."""
    folder = tmp_path_factory.mktemp("models") / "sam2"
    width = 128
    backbone = tf.Sam2HieraDetConfig(
        hidden_size=8,
        image_size=[64, 64],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 2, 2],
        window_size_per_stage=[4, 4, 2, 2],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = tf.Sam2VideoModel(
            tf.Sam2VideoConfig(
                vision_config=tf.Sam2VisionConfig(
                    backbone_config=backbone,
                    backbone_channel_list=[64, 32, 16, 8],
                    backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
                    fpn_hidden_size=width,
                ),
                prompt_encoder_config={"hidden_size": width, "image_size": 64, "patch_size": 16},
                mask_decoder_config={
                    "hidden_size": width,
                    "mlp_dim": 32,
                    "num_hidden_layers": 1,
                    "num_attention_heads": 2,
                    "iou_head_hidden_dim": 16,
                },
                image_size=64,
                memory_attention_hidden_size=width,
                memory_attention_num_layers=1,
                memory_attention_feed_forward_hidden_size=32,
                memory_attention_rope_feat_sizes=[4, 4],
                memory_encoder_hidden_size=width,
                mask_downsampler_embed_dim=width,
                memory_fuser_embed_dim=width,
                memory_fuser_intermediate_dim=32,
                memory_fuser_num_layers=1,
            )
        )
        torch.nn.init.constant_(model.mask_decoder.pred_obj_score_head.proj_out.bias, 20.0)
    model.eval().save_pretrained(folder)
    return folder
