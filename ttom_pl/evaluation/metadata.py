"""What a benchmark's metadata asks of a video: T2V-CompBench's fields, VBench's, or the same by hand."""

from collections.abc import Mapping
from typing import Any, get_args

from ttom_pl.evaluation.expectation import RELATIONS, Expectation
from ttom_pl.evaluation.judge.claims import Category, Claims
from ttom_pl.evaluation.metrics.motion import Direction
from ttom_pl.prompts.prompt import Prompt

_DEPTH = ("behind", "in front of", "front")
_VBENCH_RELATIONS = {
    "on the left of": "left",
    "on the right of": "right",
    "on the top of": "above",
    "on the bottom of": "below",
}
_FIELDS = (
    ("d_1", "motion_binding"),
    ("numbers", "generative_numeracy"),
    ("spatial", "spatial_relationship"),
    ("phrases", "consistent_attribute"),
    ("state 0", "dynamic_attribute"),
    ("phrase_0", "action_binding"),
)


def category(prompt: Prompt) -> str:
    """Return the category of T2V-CompBench that a prompt's metadata is of, by its metric's name; empty for none."""
    data = prompt.metadata
    if data.get("category"):
        return str(data["category"])
    return next((name for field, name in _FIELDS if field in data), "")


def from_metadata(prompt: Prompt) -> Expectation | None:
    """Return what a prompt's metadata asks for; ``None`` where it says nothing of that.

    Raises:
        ValueError: if the metadata cannot be used.
    """
    data, kind = prompt.metadata, category(prompt)
    if isinstance(data.get("auxiliary_info"), Mapping):
        return _vbench(prompt)
    if kind == "object_interactions":  # judged by the text
        return Expectation(claims=Claims("object_interactions", (prompt.text,)), truth="metadata")
    if set(data) <= {"category"}:  # which alone says nothing of what is asked
        return None
    try:
        return _compbench(data, kind)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        what = f"field {error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"the metadata of prompt {prompt.id!r} is no {kind}: {what}; got {dict(data)}") from None


def _compbench(data: Mapping[str, Any], kind: str) -> Expectation | None:
    if kind == "motion_binding":
        pairs = [(str(data[f"object_{n}"]), str(data[f"d_{n}"])) for n in (1, 2) if data.get(f"object_{n}")]
        motions = tuple((name, _direction(direction)) for name, direction in pairs)
        return Expectation(motions=motions, truth="metadata") if motions else None
    if kind == "generative_numeracy":
        names = [name.strip() for name in str(data["objects"]).split(",")]
        numbers = [int(number) for number in str(data["numbers"]).split(",")]
        return Expectation(counts=tuple(zip(names, numbers, strict=True)), truth="metadata")
    if kind == "spatial_relationship":
        return _relation(data)
    items = _items(data, kind)
    return Expectation(claims=Claims(_judged(kind), items), truth="metadata") if items else None


def _items(data: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    if kind == "consistent_attribute":
        return tuple(item.strip() for item in str(data["phrases"]).split(";"))
    if kind == "dynamic_attribute":
        return (f"{data['state 0']} becomes {data['state 1']}".replace("  ", " "),)
    if kind == "action_binding":
        pairs = [data[field] for field in ("phrase_0", "phrase_1") if data.get(field)]
        return tuple(str(pair[-1]).rstrip("?") for pair in pairs)
    return ()


def _judged(kind: str) -> Category:
    return next(category for category in get_args(Category) if category == kind)


def _direction(text: str) -> str:
    if text not in get_args(Direction):
        raise ValueError(f"the direction is {text!r}, not one of {', '.join(get_args(Direction))}")
    return text


def _relation(data: Mapping[str, Any]) -> Expectation:
    """Return the relation, none for one in depth, which the image plane does not show."""
    word = str(data["spatial"])
    if word in _DEPTH:
        return Expectation(objects=(str(data["object_1"]), str(data["object_2"])), truth="metadata")
    if word not in RELATIONS:
        raise ValueError(f"the relation is {word!r}, not one of {', '.join((*RELATIONS, *_DEPTH))}")
    relation = (str(data["object_1"]), RELATIONS[word], str(data["object_2"]))
    return Expectation(relation=relation, truth="metadata")


def _vbench(prompt: Prompt) -> Expectation | None:
    """Return what VBench's ``auxiliary_info`` says of objects and their relation; the rest is none of our metrics."""
    info: Mapping[str, Any] = prompt.metadata["auxiliary_info"]
    try:
        for key in ("spatial_relationship", "multiple_objects", "object_class"):
            if not info.get(key):
                continue
            relation_info = info[key].get(key, info[key])  # VBench has it once more within itself
            if key == "spatial_relationship":
                word = str(relation_info["relationship"])
                if word not in _VBENCH_RELATIONS:
                    raise ValueError(f"the relation is {word!r}, not one of {', '.join(_VBENCH_RELATIONS)}")
                relation = (str(relation_info["object_a"]), _VBENCH_RELATIONS[word], str(relation_info["object_b"]))
                return Expectation(relation=relation, truth="metadata")
            return Expectation(objects=tuple(str(relation_info["object"]).split(" and ")), truth="metadata")
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        what = f"field {error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(
            f"the auxiliary_info of prompt {prompt.id!r} is not as VBench has it: {what}; got {dict(info)}"
        ) from None
    return None


__all__ = ["category", "from_metadata"]
