"""How well the grammar planner understands the prompts of T2V-CompBench and of LVD's kinds, without a network.

    python benchmarks/planner.py --data ../shared/data

Prints, for each set, how many prompts hold what they must, and every prompt that does not, by category.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations, product
from pathlib import Path

from ttom_pl.layout import Box, Layout, Track
from ttom_pl.planners import GrammarPlanner
from ttom_pl.planners.english.nouns import singular
from ttom_pl.planners.placement import search

TARGETS = {
    "motion": 0.96,
    "spatial": 0.94,
    "numeracy": 0.96,
    "action": 0.90,
    "attribute": 0.90,
    "dynamic": 0.90,
    "interaction": 0.90,
    "lvd": 0.98,
    "consistency": 1.0,
}
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
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


@dataclass(frozen=True)
class Check:
    """One prompt with what must hold of its layout: a function that returns what is wrong, or an empty text."""

    category: str
    prompt: str
    wrong: Callable[[Layout], str]


def center(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def iou(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(area) - width * height)


def words(text: str) -> list[str]:
    clean = text.lower().replace("?", "").replace(",", "").split()
    return [singular(word) for word in clean if word not in {"a", "an", "the"}]


def tracks_of(layout: Layout, name: str) -> list[Track]:
    """Return the tracks whose phrase has all words of a name and whose steered noun is the name's last."""
    wanted = words(name)
    found = [t for t in layout.tracks if set(wanted) <= set(words(t.phrase))]
    return [t for t in found if singular(t.words[-1].lower()) == wanted[-1]] or found


def moves(name: str, direction: str) -> Callable[[Layout], str]:
    def wrong(layout: Layout) -> str:
        tracks = tracks_of(layout, name)
        if not tracks:
            return f"no track for {name!r}"
        boxes = [box for box in tracks[0].boxes if box is not None]
        (x0, y0), (x1, y1) = center(boxes[0]), center(boxes[-1])
        along_x, along_y = x1 - x0, y1 - y0
        dx, dy = DIRECTIONS[direction]
        along, across = along_x * dx + along_y * dy, abs(along_x * dy) + abs(along_y * dx)
        return (
            ""
            if along >= 0.25 and along > across
            else f"{name!r} moves ({along_x:.2f}, {along_y:.2f}), not {direction}"
        )

    return wrong


def stands(relation: str, first: str, second: str) -> Callable[[Layout], str]:
    def holds(a: Box, b: Box) -> bool:
        (ax, ay), (bx, by) = center(a), center(b)
        overlap_x = min(a[2], b[2]) - max(a[0], b[0])
        match relation:
            case "left" | "right":
                return (bx - ax) * (1 if relation == "left" else -1) > abs(by - ay) and overlap_x <= 0
            case "above":
                return by - ay > abs(bx - ax) and a[3] <= b[1] + 1e-6
            case "below" | "under":
                return ay - by > abs(bx - ax) and a[1] >= b[3] - 1e-6
            case "on":
                return by > ay and overlap_x > 0 and abs(a[3] - b[1]) < 0.06
            case "in front of":
                return iou(a, b) > 0 and a[3] > b[3]
            case "behind":
                return iou(a, b) > 0 and a[3] < b[3]
        raise ValueError(f"unknown relation {relation!r}")

    def wrong(layout: Layout) -> str:
        a, b = tracks_of(layout, first), tracks_of(layout, second)
        if not a or not b:
            return f"no track for {first if not a else second!r}"
        both = [(p, q) for p, q in zip(a[0].boxes, b[0].boxes, strict=True) if p is not None and q is not None]
        bad = [k for k, (p, q) in enumerate(both) if not holds(p, q)]
        return f"not {relation!r} at keyframes {bad}" if bad or not both else ""

    return wrong


def counts(numbers: dict[str, int]) -> Callable[[Layout], str]:
    def wrong(layout: Layout) -> str:
        for name, number in numbers.items():
            found = len(tracks_of(layout, name))
            if found != number:
                return f"{found} of {number} {name!r}"
        for a, b in combinations(layout.tracks, 2):
            for p, q in zip(a.boxes, b.boxes, strict=True):
                if p is not None and q is not None and iou(p, q) > 0.2:
                    return f"boxes of {a.phrase!r} and {b.phrase!r} overlap by {iou(p, q):.2f}"
        return ""

    return wrong


def names(*phrases: str) -> Callable[[Layout], str]:
    def wrong(layout: Layout) -> str:
        missing = [phrase for phrase in phrases if not tracks_of(layout, phrase)]
        return f"no track for {missing}" if missing else ""

    return wrong


def changes(prompt: str, *states: str) -> Callable[[Layout], str]:
    """Check that each object of the states that the prompt names has a track."""

    def wrong(layout: Layout) -> str:
        known = set(words(prompt.rstrip(".")))
        heads = [singular(track.words[-1].lower()) for track in layout.tracks]
        for state in states:
            for part in state.lower().replace(" and an ", " and a ").split(" and a "):
                if known & set(words(part)) and not set(words(part)) & set(heads):
                    return f"no track for {part!r}"
        return ""

    return wrong


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


def present(name: str, half: str) -> Callable[[Layout], str]:
    def wrong(layout: Layout) -> str:
        boxes = tracks_of(layout, name)[0].boxes
        middle = len(boxes) // 2
        first, second = boxes[:middle], boxes[middle:]
        shown, hidden = (first, second) if half == "first" else (second, first)
        return "" if all(shown) and not any(hidden) else f"{name!r} is not in the {half} half only"

    return wrong


def passes(first: str, second: str, start: str) -> Callable[[Layout], str]:
    def wrong(layout: Layout) -> str:
        (a,), (b,) = tracks_of(layout, first), tracks_of(layout, second)
        offsets = [center(p)[0] - center(q)[0] for p, q in zip(a.boxes, b.boxes, strict=True) if p and q]
        sign = 1 if start == "left" else -1
        return "" if offsets[0] * sign < -0.05 and offsets[-1] * sign > 0.05 else f"offsets along x are {offsets}"

    return wrong


def visits(name: str, corners: tuple[str, str, str]) -> Callable[[Layout], str]:
    def wrong(layout: Layout) -> str:
        boxes = tracks_of(layout, name)[0].boxes
        for corner, box in zip(corners, (boxes[0], boxes[len(boxes) // 2], boxes[-1]), strict=True):
            x, y = center(box) if box is not None else (0.5, 0.5)
            if ((x < 0.5) != ("left" in corner)) or ((y < 0.5) != ("upper" in corner)):
                return f"at ({x:.2f}, {y:.2f}), not on the {corner}"
        return ""

    return wrong


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


def measure(planner: GrammarPlanner, folder: Path, families: int | None = None) -> tuple[Counter, dict]:
    """Plan every prompt.

    Args:
        planner: the planner.
        folder: folder that may hold ``t2vcompbench/``.
        families: prompts of each family of the consistency check; all when not given.

    Returns:
        The number of prompts in each set, and for each set the failures: the prompt and what is wrong.
    """
    asked: Counter = Counter()
    failures: dict[str, dict[str, str]] = defaultdict(dict)
    seen: set[tuple[str, str]] = set()
    checks = lvd()
    if (folder / "t2vcompbench").is_dir():
        checks = chain(compbench(folder / "t2vcompbench"), checks)
    for check in checks:
        asked[check.category] += (check.category, check.prompt) not in seen
        seen.add((check.category, check.prompt))
        wrong = check.wrong(planner.plan(check.prompt))
        if wrong:
            failures[check.category][check.prompt] = wrong
    for family, prompts in consistency():
        chosen = prompts[:: 1 if families is None else max(1, len(prompts) // families)]
        groups = defaultdict(list)
        for prompt in chosen:
            groups[tuple(track.boxes for track in planner.plan(prompt).tracks)].append(prompt)
        usual = max(groups.values(), key=len)
        asked["consistency"] += len(chosen)
        odd = [prompt for group in groups.values() if group is not usual for prompt in group]
        failures["consistency"] |= dict.fromkeys(odd, f"other boxes than most of {family!r}")
    return asked, failures


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds t2vcompbench/")
    folder = parser.parse_args().data
    if not (folder / "t2vcompbench").is_dir():
        print(f"{folder / 't2vcompbench'} is missing; only the prompts made here are measured\n")
    asked, failures = measure(GrammarPlanner(), folder)
    print(f"{'set':12} {'prompts':>8} {'hold':>8} {'reach':>8}")
    for category, target in TARGETS.items():
        if asked[category]:
            rate = 1 - len(failures[category]) / asked[category]
            print(f"{category:12} {asked[category]:8d} {rate:8.1%} {target:8.0%}{'' if rate >= target else '  MISSED'}")
    prompts = [prompt for _, family in consistency() for prompt in family] + [check.prompt for check in lvd()]
    search.cache_clear()
    start = time.perf_counter()
    for prompt in prompts[:: len(prompts) // 1000][:1000]:
        GrammarPlanner().plan(prompt)
    print(f"speed        1000 prompts in {time.perf_counter() - start:.2f} s")
    for category, prompts_and_reasons in failures.items():
        if prompts_and_reasons:
            print(f"\n{category}: {len(prompts_and_reasons)} failures")
        for prompt, wrong in prompts_and_reasons.items():
            print(f"  - {prompt}\n      {wrong}")


if __name__ == "__main__":
    main()
