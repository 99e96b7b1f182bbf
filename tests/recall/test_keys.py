"""Keys: abstractions like the paper's, and vectors that separate what the layout separates."""

import sys

import pytest
import torch

from ttom_pl.layout import Layout, Track
from ttom_pl.recall.keys import abstract_prompt, abstract_scene, layout_vector, scene_key, sentence_embedder

LEFT = ((0.7, 0.4, 0.9, 0.6), (0.1, 0.4, 0.3, 0.6))
RIGHT = LEFT[::-1]
STILL = (LEFT[0], LEFT[0])


def scene(prompt, *tracks, background=""):
    numbered = (Track(i, phrase, (phrase.split()[-1],), boxes) for i, (phrase, boxes) in enumerate(tracks))
    return Layout(prompt, tuple(numbered), background=background)


SCENES = [
    scene("A red kayak paddles to the left side of a calm lake.", ("A red kayak", LEFT), background="a calm lake"),
    scene("A small puppy trots to the left on a wooden deck.", ("puppy", LEFT), background="deck"),
    scene(
        "A cyclist rides past a pedestrian from right to the left in a busy city street.",
        ("A cyclist", LEFT),
        ("a pedestrian", STILL),
        background="city street",
    ),
    scene("A paper boat floats from right to left in a garden pond.", ("paper boat", LEFT), background="garden pond"),
    scene("A sailboat drifts to the left across an open bay.", ("A sailboat", LEFT), background="bay"),
    scene(
        "A hawk soars right to left above a pine forest in the mountains.",
        ("hawk", LEFT),
        ("pine forest", STILL),
        background="mountains",
    ),
    scene("A drone flies leftwards while a bird swoops rightwards", ("A drone", LEFT), ("a bird", RIGHT)),
]


def test_abstractions_are_the_samples(shared_data):
    lines = (shared_data / "ttom" / "scene_abstractions_sample.tsv").read_text().splitlines()[1:]
    samples = dict(line.split("\t") for line in lines)
    assert {layout.prompt: abstract_scene(layout) for layout in SCENES} == samples


@pytest.mark.parametrize(
    ("prompt", "phrase", "expected"),
    [
        ("a red circle moves left", "a red circle", "<object_0> <verb_0> left."),
        ("a red circle is left of a blue square", "a red circle", "<object_0> is left of a blue square."),
        ("A cat slinking to the left side", "cat", "<object_0> <verb_0> to the left side."),
        ("A balloon slowly ascending at a party", "balloon", "<object_0> slowly <verb_0> at a party."),
        ("A soccer ball being kicked hard to the right", "soccer ball", "<object_0> <verb_0> hard to the right."),
        ("Wind gust lifts a kite into the sky", "a kite", "Wind gust lifts <object_0> into the sky."),
        ("A man with a hat walks away", "man", "<object_0> with a hat walks away."),
    ],
)
def test_verbs_that_follow_their_object(prompt, phrase, expected):
    assert abstract_prompt(scene(prompt, (phrase, STILL))) == expected


def test_count_is_part_of_the_scene():
    layout = scene("three green triangles move right", *[("three green triangles", RIGHT)] * 3)
    assert abstract_scene(layout) == "Direction: [right right right]. 3 <object_0> <verb_0> right."


def test_key_separates_what_the_layout_separates():
    def embed(texts):
        return torch.ones(len(texts), 1)

    left, right = (scene("a cat walks", ("a cat", boxes)) for boxes in (LEFT, RIGHT))
    other = scene("a dog walks", ("a dog", LEFT))
    keys = {name: scene_key(each, embed)[1] for name, each in (("l", left), ("r", right), ("o", other))}
    assert keys["l"] @ keys["o"] == pytest.approx(1.0, abs=1e-6)
    assert keys["l"] @ keys["r"] < 0.9
    assert layout_vector(left) @ layout_vector(right) < 0.8
    assert keys["l"] @ keys["r"] == pytest.approx(
        0.5 + 0.5 * float(layout_vector(left) @ layout_vector(right)), abs=1e-6
    )
    with pytest.raises(ValueError, match="text_weight"):
        scene_key(left, embed, 1.5)


def test_sentence_transformers_are_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ValueError, match="pip install sentence-transformers"):
        sentence_embedder("any/model")
