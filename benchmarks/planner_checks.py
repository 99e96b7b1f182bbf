"""What must hold of layouts: functions that return what is wrong, or an empty text."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

from ttom_pl.layout import Box, Layout, Track
from ttom_pl.planners.english.nouns import singular

DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


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
