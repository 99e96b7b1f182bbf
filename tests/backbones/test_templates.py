"""Tokens of a prompt that a language model reads inside a template."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from kinds import OBJECTS, PROMPT, make_case
from torch import Tensor
from transformers import LlamaTokenizerFast

from ttom_pl.backbones import Placement
from ttom_pl.backbones.attention import token_weights
from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.pipeline import PipelineBackbone

NAMES = ["hunyuan1.5", "hunyuan", "kandinsky5"]


@pytest.fixture(scope="module", params=NAMES)
def backbone(request: pytest.FixtureRequest, folder_of: Callable[[str], Path]) -> PipelineBackbone:
    return make_case(request.param, folder_of, Path()).load()


def seen(backbone: PipelineBackbone, prompt: str) -> list[str]:
    """The tokens whose embeddings the transformer gets, from what the language model itself is called with."""
    found: list[Tensor] = []
    handle = backbone.pipe.text_encoder.register_forward_pre_hook(
        lambda *given: found.append(given[2]["input_ids"][0]), with_kwargs=True
    )
    length = backbone.encode(prompt).prompt_embeds.shape[1]
    handle.remove()
    return [backbone.pipe.tokenizer.decode([token]).strip() for token in found[0][-length:]]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (PROMPT, ["circle", "square", "red"]),
        ("a green cat walk left", ["a", "cat", "left"]),
        ("the objects of the video: two red squares", ["objects", "video", "squares"]),
    ],
)
def test_positions_are_those_of_the_words(backbone: PipelineBackbone, prompt: str, words: list[str]) -> None:
    """Also where the template has the same words."""
    tokens = seen(backbone, prompt)
    for word in words:
        positions = backbone.token_positions(prompt, [word], [])
        assert positions
        assert {tokens[position] for position in positions} == {word}
        assert len(positions) == prompt.replace(":", "").split().count(word)


def test_the_objects_of_the_common_tests(backbone: PipelineBackbone) -> None:
    """The prompt begins where the template was cropped."""
    assert [backbone.token_positions(PROMPT, [word], []) for word in ("circle", "square")] == OBJECTS


def test_words_beyond_sight_and_of_the_template_alone(backbone: PipelineBackbone) -> None:
    with pytest.raises(ValueError, match=f"'squares' lies beyond the {backbone._seen_tokens} tokens"):
        backbone.token_positions("a red circle " * 8 + "and two squares", ["squares"], [])
    with pytest.raises(ValueError, match="'camera' is not in the prompt"):
        backbone.token_positions(PROMPT, ["camera"], [])


def test_tokens_are_found_after_what_is_quoted(folder_of: Callable[[str], Path]) -> None:
    """HunyuanVideo 1.5 puts the tokens of quoted text before the prompt's, and all padding behind both."""
    backbone = make_case("hunyuan1.5", folder_of, Path()).load()
    latents, conditioning = backbone.start(0), backbone.encode('a red circle and "left" square')
    assert conditioning.prompt_mask_2 is not None
    assert conditioning.prompt_mask_2.sum() > 5
    found: dict[str, Tensor] = {}
    transformer = backbone.pipe.transformer
    transformer.context_embedder.register_forward_hook(lambda *given: found.update(prompt=given[2][0]))
    transformer.transformer_blocks[0].register_forward_pre_hook(lambda _, args: found.update(block=args[1][0]))
    with torch.no_grad():
        backbone.predict(latents, 0, conditioning, Text.prompt(conditioning))
    (circle,) = backbone.token_positions('a red circle and "left" square', ["circle"], [])
    length = conditioning.prompt_embeds.shape[1]
    weights = backbone._in_sequence(token_weights([[circle], [0]], length), conditioning)
    assert len(weights) == len(found["block"])
    for row, position in zip(weights.argmax(0).tolist(), (circle, 0), strict=True):
        assert row != position
        expected = found["prompt"][position] + transformer.cond_type_embed.weight[0]
        torch.testing.assert_close(found["block"][row], expected)


def test_a_tokenizer_that_was_loaded_as_another_class(folder_of: Callable[[str], Path]) -> None:
    """Transformers makes another tokenizer of Llama 3's files where it is told that they are Llama 2's."""
    case = make_case("hunyuan", folder_of, Path())
    pipe = case.pipeline()
    pipe.tokenizer = LlamaTokenizerFast.from_pretrained(case.folder / "tokenizer")
    with pytest.warns(UserWarning, match=r"LlamaTokenizer makes \d+ tokens of the text before a prompt.* crops 95"):
        case.load(pretrained=pipe)


def test_padding_before_the_text(folder_of: Callable[[str], Path]) -> None:
    case = make_case("hunyuan", folder_of, Path())
    pipe = case.pipeline()
    pipe.tokenizer.padding_side = "left"
    with pytest.raises(ValueError, match=r"the tokenizer pads the left of a text.* set padding_side"):
        case.load(pretrained=pipe)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_sequence_length": 1025}, "max_sequence_length is 1025; this model takes at most 1024"),
        ({"placement": Placement(batched_guidance=True)}, "batched_guidance is true, but the prompt and the negative"),
    ],
)
def test_what_kandinsky_cannot(folder_of: Callable[[str], Path], changes: dict[str, Any], message: str) -> None:
    case = make_case("kandinsky5", folder_of, Path())
    with pytest.raises(ValueError, match=message):
        case.load(**changes)


def test_sparse_attention_is_refused(folder_of: Callable[[str], Path]) -> None:
    """Of videos of 10 seconds; its tokens are in another order."""
    case = make_case("kandinsky5", folder_of, Path())
    pipe = case.pipeline()
    pipe.transformer.register_to_config(attention_type="nabla")
    with pytest.raises(ValueError, match="attention_type of the transformer is 'nabla'"):
        case.load(pretrained=pipe)


def test_words_at_the_end_of_a_text_that_is_cut(folder_of: Callable[[str], Path]) -> None:
    """Kandinsky's pipeline cuts a long text twice, by letters and by tokens: words near the cut do not count."""
    backbone = make_case("kandinsky5", folder_of, Path()).load()
    prompt = "a red circle moves left and " * 8 + "two squares"
    embeds = backbone.encode(prompt).prompt_embeds
    positions = backbone.token_positions(prompt, ["circle"], [])
    assert positions == [2, 8, 14, 20]
    assert max(positions) < embeds.shape[1]
    tokens = seen(backbone, prompt)
    assert {tokens[position] for position in positions} == {"circle"}
    with pytest.raises(ValueError, match="'squares' lies beyond"):
        backbone.token_positions(prompt, ["squares"], [])
