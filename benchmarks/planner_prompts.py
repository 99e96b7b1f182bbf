"""Prompts for the grammar planner, with what must hold of their layouts, and families that must get the same boxes."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from planner_checks import Check, changes, counts, moves, names, passes, present, stands, visits

THINGS = {
    "small": ("glass", "orange", "paper plane", "hot dog", "sparrow", "toy car"),
    "medium": ("dog", "teddy bear", "octopus", "child", "chair", "bicycle"),
    "large": ("car", "horse", "sofa", "rowboat", "brown bear", "van"),
    "huge": ("hot air balloon", "house", "elephant", "school bus", "oak tree", "airplane"),
    "unknown": ("wug", "circle", "blicket", "triangle", "dax", "square"),
}
ADJECTIVES = ("", "red", "small", "old wooden", "shiny", "glimmery")
PLACES = (
    "",
    " in a park",
    " on the moon",
    " in a busy city street",
    " at the beach",
    " across a field",
    " on a sunny day",
)


def compbench(folder: Path) -> Iterator[Check]:
    def read(name: str) -> list[dict[str, str]]:
        return json.loads((folder / f"{name}.json").read_text())

    for x in read("motion_binding"):
        for i in (1, 2):
            if x[f"object_{i}"]:
                yield Check("motion", x["prompt"], moves(x[f"object_{i}"], x[f"d_{i}"]))
    for x in read("spatial_relationships"):
        yield Check("spatial", x["prompt"], stands(x["spatial"], x["object_1"], x["object_2"]))
    for x in read("generative_numeracy"):
        numbers = dict(zip(x["objects"].split(","), map(int, x["numbers"].split(",")), strict=True))
        yield Check("numeracy", x["prompt"], counts(numbers))
    for x in json.loads((folder / "action_binding.json").read_text()):
        yield Check("action", x["prompt"], names(x["phrase_0"][0], x["phrase_1"][0]))
    for x in read("consistent_attribute_binding"):
        yield Check("attribute", x["prompt"], names(*x["phrases"].split(";")))
    for x in read("dynamic_attribute_binding"):
        yield Check("dynamic", x["prompt"], changes(x["prompt"], x["state 0"], x["state 1"]))
    for x in read("object_interactions"):
        yield Check("interaction", x["prompt"], lambda layout: "" if layout.confidence > 0.5 else layout.reason)


def lvd() -> Iterator[Check]:
    """LVD's kinds of prompts, in its words and in plainer ones."""
    numbers = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
    objects = {"car": "cars", "cat": "cats", "bird": "birds", "person": "people", "fish": "fish", "box": "boxes"}
    for opening, (number, count), (name, plural) in product(
        ("", "A realistic lively video of a scene with "), numbers.items(), objects.items()
    ):
        noun = name if count == 1 else plural
        yield Check("lvd", f"{opening}{number} {noun}", counts({name: count}))
        yield Check("lvd", f"{opening}{number} moving {noun}", counts({name: count}))
    colors, pairs = ("red", "brown", "white", "yellow"), (("cat", "dog"), ("car", "bird"), ("ball", "turtle"))
    for opening, (a, b), (p, q) in product(
        ("", "A realistic lively video of a scene with "), product(colors, colors), pairs
    ):
        yield Check("lvd", f"{opening}a {a} {p} and a {b} {q}", names(f"{a} {p}", f"{b} {q}"))
    for opening, name, half in product(
        ("a", "A realistic lively video of a scene in which a"),
        ("flying bird", "walking dog", "red car"),
        ("first", "second"),
    ):
        prompt = f"{opening} {name} appears only in the {half} half of the video"
        yield Check("lvd", prompt, present(name, half))
    sides = (("left", "right"), ("right", "left"))
    for (start, end), name, other in product(sides, ("bird", "dog", "ball"), ("car", "house", "bench")):
        prompt = f"A realistic lively video of a scene with a {name} moving from the {start} of a {other} to its {end}"
        yield Check("lvd", prompt, passes(name, other, start))
    for (start, end), name in product(sides, ("bear walks", "bird flies", "ball rolls")):
        thing = name.split()[0]
        yield Check("lvd", f"A {name} from the {start} to the {end}", moves(thing, end))
    corners = ("lower left", "lower right", "upper left", "upper right")
    for (a, b, c), name in product(product(corners, repeat=3), ("dog", "bird")):
        if b not in (a, c):
            prompt = (
                f"A realistic lively video of a scene in which a {name} initially on the {a} of the scene. "
                f"It first moves to the {b} of the scene and then moves to the {c} of the scene."
            )
            yield Check("lvd", prompt, visits(name, (a, b, c)))


FAMILIES = (
    "a {thing} moves to the left{place}",
    "a {thing} moving from left to right{place}",
    "a {thing} falls down{place}",
    "a {thing} rises{place}",
    "two {things} move right{place}",
    "three {things}{place}",
    "a {thing} flies toward the camera{place}",
    "a {thing} moves up while a {other} moves down{place}",
    "a {thing} to the left of a {other}{place}",
    "a {thing} sitting on a {other}{place}",
    "a {thing} in front of a {other}{place}",
    "a {thing} moving from the left of a {other} to its right{place}",
    "a {thing} appears only in the second half of the video{place}",
    "a {thing} bounces{place}",
)
PLURALS = {"glass": "glasses", "octopus": "octopuses", "child": "children"}
NEXT = dict(zip(THINGS, [*list(THINGS)[1:], "small"], strict=True))


def consistency() -> Iterator[tuple[str, list[str]]]:
    """Families of prompts that differ only in object (of one size class), adjective or place.

    Those with one kind of thing are families across all classes, as sizes are relative to each other.
    """
    for family in FAMILIES:
        alone = [prompt for size in THINGS for prompt in _family(family, size, size)]
        if "{other}" not in family:
            yield family, alone
            continue
        yield f"{family}, of one class", alone
        for size, other in NEXT.items():
            yield f"{family}, {size} and {other}", list(_family(family, size, other))


def _family(family: str, size: str, other: str) -> Iterator[str]:
    for number, (thing, adjective, place) in enumerate(product(THINGS[size], ADJECTIVES, PLACES)):
        first = f"{adjective} {thing}".strip()
        several = f"{adjective} {PLURALS.get(thing, thing + 's')}".strip()
        yield family.format(
            thing=first, things=several, other=THINGS[other][(number + 1) % len(THINGS[other])], place=place
        )
