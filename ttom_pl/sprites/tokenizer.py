"""The word-level tokenizer of the Sprites captions, as a transformers tokenizer."""

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from ttom_pl.sprites.world import vocabulary

MAX_TOKENS = 24
"""Tokens that a prompt is padded to."""
PAD, END, UNKNOWN = "<pad>", "</s>", "<unk>"


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer: one token per lower-case word of the captions, T5's special tokens, ``</s>`` at the end."""
    vocab = {word: i for i, word in enumerate([PAD, END, UNKNOWN, *vocabulary()])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {END}", special_tokens=[(END, vocab[END])])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, model_max_length=MAX_TOKENS
    )
