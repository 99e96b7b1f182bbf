"""What prompts ask for: metadata, captions, English; and the metadata of T2V-CompBench as it is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ttom_pl.evaluation.expectation import Expectation, object_name
from ttom_pl.evaluation.from_prompt import expect
from ttom_pl.evaluation.metadata import category
from ttom_pl.layout import Track
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.prompts.readers import read_any


def asked(text: str, **metadata: Any) -> Expectation:
    return expect(Prompt("0001", text, metadata=metadata))


def test_metadata() -> None:
    motion = asked("x", object_1="cat", d_1="left", object_2="dog", d_2="up")
    assert motion.motions == (("cat", "left"), ("dog", "up"))
    assert asked("x", object_1="cat", d_1="left", object_2="", d_2="").motions == (("cat", "left"),)
    assert asked("x", objects="dog,cat", numbers="2,4").counts == (("dog", 2), ("cat", 4))
    spatial = asked("x", spatial="under", object_1="fox", object_2="tree")
    assert spatial.relation == ("fox", "below", "tree")
    assert spatial.phrases == ["fox", "tree"]
    behind = asked("x", spatial="behind", object_1="fox", object_2="tree")
    assert (behind.relation, behind.phrases, behind.truth) == (None, ["fox", "tree"], "metadata")


def test_claims() -> None:
    claims = asked("x", phrases="a blue car; a white fence").claims
    assert claims is not None
    assert (claims.category, claims.items) == ("consistent_attribute", ("a blue car", "a white fence"))
    claims = asked("x", phrase_0=["a dog?", "a dog runs?"], phrase_1=["a cat?", "a cat sits?"]).claims
    assert claims is not None
    assert (claims.category, claims.items) == ("action_binding", ("a dog runs", "a cat sits"))
    claims = asked("x", **{"state 0": "a full candle", "state 1": "a burned candle"}).claims
    assert claims is not None
    assert claims.items == ("a full candle becomes a burned candle",)
    claims = asked("Two cars collide", category="object_interactions").claims
    assert claims is not None
    assert (claims.category, claims.items) == ("object_interactions", ("Two cars collide",))
    assert asked("a cat runs to the left", category="motion_binding").motions == (("cat", "left"),)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"object_1": "cat", "d_1": "forth"}, "'0001' is no motion_binding: the direction is 'forth', not one of left"),
        ({"objects": "cat", "numbers": "2,3"}, "is no generative_numeracy"),
        ({"numbers": "2"}, "field 'objects' is missing"),
        ({"spatial": "near", "object_1": "a", "object_2": "b"}, "the relation is 'near', not one of left"),
        ({"state 0": "a"}, "field 'state 1' is missing"),
    ],
)
def test_bad_metadata(metadata: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        asked("x", **metadata)


def test_captions() -> None:
    two = asked("two red circles move left and a blue square stays still", color="blue")
    assert two.motions == (("red circle", "left"),)
    assert two.counts == (("red circle", 2), ("blue square", 1))
    assert asked("a red circle is left of a blue square").relation == ("red circle", "left", "blue square")
    alike = asked("a red circle moves left and a red circle moves up")
    assert alike.motions == ()
    assert alike.counts == (("red circle", 2),)


def test_english() -> None:
    both = asked("A ball rolls left while three puppies dash right")
    assert both.motions == (("ball", "left"), ("puppy", "right"))
    assert both.counts == (("puppy", 3),)
    assert asked("A brown dog is sitting to the left of a bicycle").relation == ("brown dog", "left", "bicycle")
    assert asked("the sky at night") == Expectation(truth="grammar")


def test_where_it_is_known_from() -> None:
    """The metadata decides, whatever the text says and however it is read; metadata of other things says nothing."""
    text = "A robot hands a cup to a child, who then runs off to the right"
    assert (asked(text).truth, asked(text).motions) == ("grammar", (("child", "right"),))
    given = asked("The cat runs to the left", object_1="dog", d_1="up")
    assert (given.truth, given.motions, given.phrases) == ("metadata", (("dog", "up"),), ["dog"])
    assert asked("The cat runs to the left", objects="cat", numbers="3").motions == ()
    assert asked("a red circle moves left").truth == "caption"
    for metadata in ({"category": "motion_binding"}, {"source": "me"}, {"auxiliary_info": {"color": {"color": "red"}}}):
        assert asked("The cat runs to the left", **metadata).truth == "grammar"
    assert asked("Two cars collide", category="object_interactions").truth == "metadata"


def test_metadata_of_vbench() -> None:
    """As it is in ``VBench_full_info.json``, each kind once more within itself, or as its scripts hand it on."""
    relation = {"object_a": "bicycle", "object_b": "car", "relationship": "on the top of"}
    for info in ({"spatial_relationship": {"spatial_relationship": relation}}, {"spatial_relationship": relation}):
        spatial = asked("x", dimension=["spatial_relationship"], auxiliary_info=info)
        assert (spatial.relation, spatial.truth) == (("bicycle", "above", "car"), "metadata")
    several = asked("x", auxiliary_info={"multiple_objects": {"object": "bird and cat"}})
    assert (several.phrases, several.counts) == (["bird", "cat"], ())
    assert str(several) == "bird, cat"
    for info, message in (
        ({"spatial_relationship": relation | {"relationship": "near"}}, "the relation is 'near', not one of on the"),
        ({"spatial_relationship": {"object_a": "x"}}, "field 'relationship' is missing"),
        ({"multiple_objects": "bird"}, "not as VBench has it"),
    ):
        with pytest.raises(ValueError, match=message):
            asked("x", auxiliary_info=info)


@pytest.mark.parametrize(
    ("phrase", "word", "name"),
    [
        ("two red cats", "cats", "red cat"),
        ("a child", "child", "child"),
        ("three geese", "geese", "goose"),
        ("cats", "cats", "cat"),
    ],
)
def test_object_name(phrase: str, word: str, name: str) -> None:
    assert object_name(Track(0, phrase, (word,), ((0, 0, 1, 1),))) == name


def test_the_benchmark_itself(shared_data: Path) -> None:
    """Every prompt of T2V-CompBench is understood as its metric needs it, but relations in depth and interactions."""
    empty = {}
    for file in sorted((shared_data / "t2vcompbench").glob("*.json")):
        prompts = read_any(file)
        kinds = {category(prompt) for prompt in prompts}
        assert len(kinds) == 1
        assert {expect(prompt).truth for prompt in prompts} == {"metadata"}
        if kinds == {"motion_binding"}:
            assert all(expect(prompt).motions for prompt in prompts)
        if kinds == {"generative_numeracy"}:
            assert all(expect(prompt).counts for prompt in prompts)
        if kinds & {"consistent_attribute", "dynamic_attribute", "action_binding"}:
            assert all(expect(prompt).claims for prompt in prompts)
        if kinds == {"spatial_relationship"}:
            empty = {prompt.metadata["spatial"] for prompt in prompts if expect(prompt).relation is None}
    assert empty == {"behind", "in front of"}


def test_the_other_benchmark(shared_data: Path) -> None:
    """Long prompts of VBench, which the grammar reads in its own way, are asked for what their metadata says."""
    pattern = re.compile(
        r"^(?:an? )?([\w ]+?) (on the (?:left|right|top|bottom) of) (?:an? )?([\w ]+?)(?:, front view)?$"
    )
    for prompt in json.loads((shared_data / "vbench" / "given.json").read_text())["spatial_relationship"]:
        match = pattern.match(prompt["short"])
        assert match
        a, relationship, b = match.groups()
        info = {"spatial_relationship": {"object_a": a, "object_b": b, "relationship": relationship}}
        expected = asked(prompt["long"], auxiliary_info={"spatial_relationship": info})
        assert expected.truth == "metadata"
        assert expected.relation is not None
        assert (expected.relation[0], expected.relation[2]) == (a, b)
        assert expected.motions == ()
