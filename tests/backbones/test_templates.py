"""Tokens of a prompt that a language model reads inside a template."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from kinds import OBJECTS, PROMPT, make_case
from torch import Tensor

from ttom_pl.backbones.attention import token_weights
from ttom_pl.backbones.guidance import Text
from ttom_pl.backbones.pipeline import PipelineBackbone

NAMES = ["hunyuan1.5", "hunyuan"]


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
    with pytest.raises(ValueError, match="'squares' lies beyond the 24 tokens"):
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
