"""What a prompt's video must show: read from metadata, from a Sprites caption, or from the prompt's English."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from ttom_pl.judge.claims import CATEGORIES, Category, Claims
from ttom_pl.layout.prompt import Prompt
from ttom_pl.layout.schema import Track
from ttom_pl.layout.text import as_read
from ttom_pl.metrics.motion import Direction
from ttom_pl.planners.english.chunks import chunk
from ttom_pl.planners.english.clauses import read_clauses
from ttom_pl.planners.english.function_words import DETERMINERS, NUMBERS
from ttom_pl.planners.english.mark_rules import find_marks
from ttom_pl.planners.english.nouns import singular
from ttom_pl.planners.english.tokens import tokenize
from ttom_pl.planners.reading import read_scene
from ttom_pl.planners.scene import Actor
from ttom_pl.sprites.caption import parse_caption

_RELATIONS = {"left": "left", "right": "right", "above": "above", "on": "above", "below": "below", "under": "below"}
_DEPTH = ("behind", "in front of", "front")
_DIRECTIONS: dict[tuple[int, int], Direction] = {(-1, 0): "left", (1, 0): "right", (0, -1): "up", (0, 1): "down"}


@dataclass(frozen=True)
class Expectation:
    """What is asked of a video, with the phrases by which a detector finds the objects.

    Attributes:
        motions: object and direction.
        counts: object and number.
        relation: object, relation in the image plane (left, right, above, below), other object.
        claims: what a judge must grade.
    """

    motions: tuple[tuple[str, str], ...] = ()
    counts: tuple[tuple[str, int], ...] = ()
    relation: tuple[str, str, str] | None = None
    claims: Claims | None = None

    @property
    def phrases(self) -> list[str]:
        """The objects, each once."""
        named = [phrase for phrase, _ in self.motions] + [phrase for phrase, _ in self.counts]
        return list(dict.fromkeys(named + ([self.relation[0], self.relation[2]] if self.relation else [])))

    def __str__(self) -> str:
        """What is asked in a line, e.g. ``"red circle left, 2 × blue square"``; empty where nothing is."""
        parts = [f"{name} {direction}" for name, direction in self.motions]
        parts += [f"{number} × {name}" for name, number in self.counts]
        if self.relation:
            first, relation, second = self.relation
            parts.append(f"{first} {relation}{' of' * (relation in ('left', 'right'))} {second}")
        return ", ".join([*parts, *(self.claims.items if self.claims else ())])


def expect(prompt: Prompt) -> Expectation:
    """Return what a prompt's video must show.

    The metadata decides where there is any (T2V-CompBench's fields, or ``category`` with one of the judged
    categories), else the text: a Sprites caption is read exactly, other English by the grammar that plans it, which
    takes numbers from two up, straight ways and relations in the image plane that are said in words.

    Raises:
        ValueError: if the metadata cannot be used.
    """
    if prompt.metadata:
        return _from_metadata(prompt)
    try:
        return _from_caption(as_read(prompt.text))
    except ValueError:
        return _from_english(as_read(prompt.text))


def category(prompt: Prompt) -> str:
    """Return the category of T2V-CompBench that a prompt's metadata is of, by its metric's name; empty for none."""
    data = prompt.metadata
    if data.get("category"):
        return str(data["category"])
    for field, name in (
        ("d_1", "motion_binding"),
        ("numbers", "generative_numeracy"),
        ("spatial", "spatial_relationship"),
        ("phrases", "consistent_attribute"),
        ("state 0", "dynamic_attribute"),
        ("phrase_0", "action_binding"),
    ):
        if field in data:
            return name
    return ""


def object_name(track: Track) -> str:
    """Return how to ask a detector for one object of a layout's track: "two red cats" is asked for as "red cat"."""
    words = track.phrase.split()
    while len(words) > 1 and (words[0].lower() in DETERMINERS or words[0].lower() in NUMBERS):
        words = words[1:]
    head = track.words[-1]
    return " ".join(singular(word.lower()) if word == head else word for word in words)


def _from_metadata(prompt: Prompt) -> Expectation:
    data, kind = prompt.metadata, category(prompt)
    if data.keys() == {"category"} and kind != "object_interactions":  # nothing about what is asked
        return _of_text(prompt)
    try:
        if kind == "motion_binding":
            pairs = [(str(data[f"object_{n}"]), str(data[f"d_{n}"])) for n in (1, 2) if data.get(f"object_{n}")]
            return Expectation(motions=tuple((name, _direction(direction)) for name, direction in pairs))
        if kind == "generative_numeracy":
            names = [name.strip() for name in str(data["objects"]).split(",")]
            numbers = [int(number) for number in str(data["numbers"]).split(",")]
            return Expectation(counts=tuple(zip(names, numbers, strict=True)))
        if kind == "spatial_relationship":
            return Expectation(relation=_relation(data))
        items = _items(prompt, kind)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        what = f"field {error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"the metadata of prompt {prompt.id!r} is no {kind}: {what}; got {dict(data)}") from None
    return Expectation(claims=Claims(_judged(kind), items)) if items else _of_text(prompt)


def _of_text(prompt: Prompt) -> Expectation:
    """Metadata of another kind says nothing; the text does."""
    return expect(Prompt(prompt.id, prompt.text))


def _items(prompt: Prompt, kind: str) -> tuple[str, ...]:
    data = prompt.metadata
    if kind == "consistent_attribute":
        return tuple(item.strip() for item in str(data["phrases"]).split(";"))
    if kind == "dynamic_attribute":
        return (f"{data['state 0']} becomes {data['state 1']}".replace("  ", " "),)
    if kind == "action_binding":
        pairs = [data[field] for field in ("phrase_0", "phrase_1") if data.get(field)]
        return tuple(str(pair[-1]).rstrip("?") for pair in pairs)
    return (prompt.text,) if kind == "object_interactions" else ()


def _judged(kind: str) -> Category:
    return next(each for each in get_args(Category) if each == kind)


def _direction(text: str) -> str:
    if text not in get_args(Direction):
        raise ValueError(f"the direction is {text!r}, not one of {', '.join(get_args(Direction))}")
    return text


def _relation(data: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return the relation, ``None`` for one in depth, which the image plane does not show."""
    word = str(data["spatial"])
    if word in _DEPTH:
        return None
    if word not in _RELATIONS:
        raise ValueError(f"the relation is {word!r}, not one of {', '.join((*_RELATIONS, *_DEPTH))}")
    return str(data["object_1"]), _RELATIONS[word], str(data["object_2"])


def _from_caption(text: str) -> Expectation:
    groups, relation = parse_caption(text)
    looks = [f"{group.color} {group.shape}" for group in groups]
    counts: Counter[str] = Counter()
    for look, group in zip(looks, groups, strict=True):
        counts[look] += group.count
    ways = [(look, g.motion) for look, g in zip(looks, groups, strict=True) if g.motion != "still"]
    unambiguous = tuple(way for way in ways if looks.count(way[0]) == 1)
    related = None if relation is None else (looks[0], relation.removesuffix(" of"), looks[1])
    return Expectation(unambiguous, tuple(counts.items()), related)


def _from_english(text: str) -> Expectation:
    scene = read_scene(text, read_clauses(chunk(tokenize(text), find_marks(text))))
    names = [_name(actor) for actor in scene.actors]
    motions, counts = [], []
    for name, actor in zip(names, scene.actors, strict=True):
        moves = actor.motion().moves if actor.steps else ()  # without steps it drifts, which nobody asked for
        if len(moves) == 1 and moves[0] in _DIRECTIONS and names.count(name) == 1:
            motions.append((name, _DIRECTIONS[moves[0]]))
        if (actor.count or 1) > 1 and names.count(name) == 1:
            counts.append((name, actor.count or 1))
    relations = [
        (names[each.firsts[0]], _RELATIONS[each.kind], names[each.seconds[0]])
        for each in scene.relations
        if each.kind in _RELATIONS and len(each.firsts) == len(each.seconds) == 1
    ]
    return Expectation(tuple(motions), tuple(counts), relations[0] if len(relations) == 1 else None)


def _name(actor: Actor) -> str:
    return re.sub(r"\s+", " ", " ".join([*(word.low for word in actor.noun.modifiers), actor.noun.lemma]))


__all__ = ["CATEGORIES", "Expectation", "category", "expect", "object_name"]
