"""What must hold of the layouts of VBench's prompts: both objects, once each, in their relation, and no nonsense.

The names of the objects and their relation are read from the short prompt by a pattern of VBench's own, not by the
planner; of a long prompt only those objects are asked for that it still names.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ttom_pl.layout import Box, Layout, LayoutError, Track
from ttom_pl.planners import Planner, steer_in
from ttom_pl.planners.english.nouns import singular

MOST_TRACKS = 6
_SHORT = re.compile(
    r"^(?:an? )?(?P<a>[\w ]+?) (?:on the (?P<relation>left|right|top|bottom) of|and) (?:an? )?(?P<b>[\w ]+?)"
    r"(?:, front view)?$"
)
_NAMES = {
    "tv": ("television", "tv stand", "tv set"),
    "couch": ("sofa",),
    "chair": ("armchair",),
    "hair drier": ("hair dryer", "hairdryer", "blow dryer"),
    "cell phone": ("phone", "smartphone", "cellphone", "mobile phone"),
    "donut": ("doughnut",),
    "remote": ("remote control",),
    "cup": ("mug", "teacup"),
    "refrigerator": ("fridge",),
    "sports ball": ("ball", "soccer ball", "tennis ball", "basketball", "football", "baseball"),
    "potted plant": ("plant", "houseplant"),
    "bicycle": ("bike",),
    "motorcycle": ("motorbike", "bike"),
    "train": ("locomotive",),
    "tie": ("necktie", "bowtie", "bow tie"),
    "tennis racket": ("racket", "racquet"),
    "baseball glove": ("glove", "mitt"),
    "baseball bat": ("bat",),
    "wine glass": ("glass", "wineglass"),
    "dining table": ("table",),
    "laptop": ("computer",),
    "skis": ("ski",),
    "fire hydrant": ("hydrant",),
    "person": ("man", "woman", "individual", "girl", "boy"),
    "dog": ("puppy", "retriever"),
    "horse": ("stallion", "mare"),
    "sheep": ("lamb",),
    "cow": ("bull",),
    "bear": ("cub",),
    "bird": ("parrot", "robin", "sparrow"),
    "cat": ("kitten",),
    "broccoli": ("floret",),
    "suitcase": ("luggage",),
    "car": ("sedan", "vehicle"),
    "bus": ("coach",),
    "pizza": (),
}
_NOT_DRAWN = re.compile(
    r"^(?:ambian\w*|angle|appearance|art|atmosphere|backdrop|background|backgrounds?|beauty|breeze|camera|charm|close-?up"
    r"|colou?rs?|composition|contrast|demeanor|depth|design|details?|edges?|elegance|elements?|emphasis|energy|environment"
    r"|expression|finish|focus|foreground|frame|glows?|grain|harmony|highlights?|hues?|image|interaction|light|lighting"
    r"|mist|mix|moment|mood|motion|music|noise|palette|pattern|patterns|perspective|photography|position|quality|realism"
    r"|reflections?|scene|scenery|setting|shadows?|shot|side|silence|sky|smoke|softness|sound|steam|style|sunlight|sunset"
    r"|sunrise|surface|surfaces|surroundings|symmetry|texture|textures|time|tone|tones|touch|tranquility|vibe|view|warmth"
    r"|wind|world|kitchen|room|bathroom|bedroom|street|streets|city|cityscape|landscape|park|meadow|field|garden|beach"
    r"|lake|sea|ocean|forest|house-?interior|floor|ceiling|wall|walls|countertops?|air|water|grass|greenery|morning|evening"
    r"|day|night|modern|vintage|sleek|slightly|partially|beautifully|both|neatly|melancholic|enhance|features?|handle"
    r"|eyes?|fur|tail|coat|mane|head|face|smile|hair|feathers?|tires?|wheels?|bristles?|leather|metal|wood|ceramic)$"
)


@dataclass(frozen=True)
class Pair:
    """A prompt of VBench: two objects by their names, the relation of the first to the second, and its two texts."""

    first: str
    second: str
    relation: str
    short: str
    long: str


def read_pairs(path: Path) -> Iterator[Pair]:
    """Yield the prompts of a file as ``vbench/given.json`` is."""
    for prompts in json.loads(path.read_text()).values():
        for each in prompts:
            match = _SHORT.match(each["short"])
            assert match, each["short"]
            yield Pair(match["a"], match["b"], match["relation"] or "", each["short"], each["long"])


def named(name: str, text: str) -> list[str]:
    """Return the names that a text has for an object: its own, or others for the same thing."""
    return [each for each in (name, *_NAMES.get(name, ())) if re.search(rf"\b{each}(?:e?s)?\b", text, re.IGNORECASE)]


def tracks_of(layout: Layout, name: str) -> list[Track]:
    """Return the tracks of an object: by its whole name within the noun phrase, or by the noun that is steered."""
    found = []
    for track in layout.tracks:
        core = re.split(r" (?:with|in|on|of|that|which|holding|wearing|for|from) ", track.phrase.lower())[0]
        core = core if not re.match(r"^(?:a |the )?(?:pair|piece|slice|couple)$", core) else track.phrase.lower()
        steered = track.words[-1].lower()
        for each in (name, *_NAMES.get(name, ())):
            last = each.split()[-1]
            whole = re.search(rf"\b{each}(?:e?s)?(?: (?:device|set|unit|toy))?$", core)
            if (steered in {last, f"{last}s", f"{last}es", last.removesuffix("s")}) or (whole and steered in core):
                found.append(track)
                break
    return found


def holds(relation: str, a: Box, b: Box) -> bool:
    """Whether the first box stands to the second in a relation: sides with no overlap, on with the boxes touching."""
    ax, ay, bx, by = (a[0] + a[2]) / 2, (a[1] + a[3]) / 2, (b[0] + b[2]) / 2, (b[1] + b[3]) / 2
    wide = min(a[2], b[2]) - max(a[0], b[0])
    match relation:
        case "left":
            return bx - ax > abs(by - ay) and wide <= 0
        case "right":
            return ax - bx > abs(by - ay) and wide <= 0
        case "top":
            return by > ay and wide > 0 and abs(a[3] - b[1]) < 0.06
        case "bottom":
            return ay > by and wide > 0 and abs(b[3] - a[1]) < 0.06
    return True


def wrong_pair(layout: Layout, pair: Pair, only_these: bool, text: str) -> str:
    """Return what is wrong with a layout; an empty text where all is right.

    Args:
        layout: the layout.
        pair: what the prompt asks for.
        only_these: whether there must be no other object.
        text: the prompt that was planned; objects that it does not name are not asked for.
    """
    asked = [name for name in (pair.first, pair.second) if named(name, text)]
    found = {name: tracks_of(layout, name) for name in asked}
    for name, tracks in found.items():
        most = 2 if name.endswith("s") and name not in {"bus", "wine glass"} else 1
        if not 1 <= len(tracks) <= most:
            return f"{len(tracks)} tracks for {name!r}"
    others = [t.phrase for t in layout.tracks if not any(t in tracks for tracks in found.values())]
    if only_these and others:
        return f"tracks for {others}"
    if len(layout.tracks) > MOST_TRACKS:
        return f"{len(layout.tracks)} tracks"
    odd = [t.phrase for t in layout.tracks if t.phrase in others and _NOT_DRAWN.match(t.words[-1].lower())]
    if odd:
        return f"cannot be drawn: {odd}"
    if pair.relation and len(asked) == 2:
        (a, *_), (b, *_) = (found[name] for name in asked)
        both = [(p, q) for p, q in zip(a.boxes, b.boxes, strict=True) if p is not None and q is not None]
        bad = [k for k, (p, q) in enumerate(both) if not holds(pair.relation, p, q)]
        if bad or not both:
            return f"not {pair.relation!r} at keyframes {bad}"
    return ""


def wrong_steering(layout: Layout, pair: Pair) -> str:
    """Return what is wrong when the objects of a layout of the short prompt are steered in the long one."""
    try:
        steered = steer_in(layout, pair.long)
    except LayoutError as error:
        return str(error)
    for name in (pair.first, pair.second):
        own = tracks_of(layout, name)
        both = zip(layout.tracks, steered.tracks, strict=True)
        words = {singular(word.lower()) for before, after in both if before in own for word in after.words}
        nouns = {singular(word) for each in (name, *_NAMES.get(name, ())) for word in each.split()}
        if not words & nouns:
            return f"{name!r} is steered by {sorted(words)}"
    return ""


def mistaken(planner: Planner, pairs: Sequence[Pair]) -> tuple[int, list[str]]:
    """Ask every second long prompt for each object that it does not name.

    Returns:
        How often it was asked, and what was taken for the object where something was; not all of it wrongly, as the
        names known here are few (a snowboarder is a person).
    """
    asked, taken = 0, []
    for name in sorted({name for pair in pairs for name in (pair.first, pair.second)}):
        layout = planner.plan(f"{'an' if name[0] in 'aeiou' else 'a'} {name}")
        for pair in pairs[::2]:
            if not named(name, pair.long):
                asked += 1
                with suppress(LayoutError):
                    taken.append(f"{steer_in(layout, pair.long).tracks[0].phrase!r} for {name!r}")
    return asked, taken
