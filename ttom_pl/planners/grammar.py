"""The offline planner (first version: the captions of Sprites)."""

import re

from ttom_pl.layout.schema import Box, Layout, Track
from ttom_pl.planners.motions import DIRECTIONS, Motion
from ttom_pl.planners.placement import Body, Relation, arrange

_NUMBERS = {"a": 1, "an": 1, "one": 1, "the": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_RELATIONS = {"left of": "left", "right of": "right", "above": "above", "below": "below"}
_CLAUSE = re.compile(
    r"(?P<phrase>(?P<det>a|an|the|one|two|three|four|five|six) (?P<adj>\w+) (?P<noun>\w+))"
    r"(?: (?:moves?|stays?|is) (?P<how>left of|right of|above|below|left|right|up|down|still))?",
    re.IGNORECASE,
)


class GrammarPlanner:
    """Plan by grammar, offline and deterministic.

    Args:
        num_keyframes: keyframes of a layout.
        object_size: width and height of an object, as fractions of the frame.
        displacement: how far an object moves, as a fraction of the frame.
    """

    def __init__(
        self,
        num_keyframes: int = 6,
        object_size: tuple[float, float] = (0.25, 0.25),
        displacement: float = 0.45,
    ) -> None:
        self.num_keyframes = num_keyframes
        self.object_size = object_size
        self.displacement = displacement

    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout of a prompt."""
        found = list(_CLAUSE.finditer(prompt))
        bodies, relations = [], []
        for i, match in enumerate(found):
            how = (match["how"] or "still").lower()
            if how in _RELATIONS:
                relations.append(Relation(_RELATIONS[how], i, i + 1))
            motion = Motion((DIRECTIONS[how],)) if how in DIRECTIONS else Motion()
            bodies.append(Body(motion, _NUMBERS[match["det"].lower()], self.object_size))
        placed = arrange(bodies, relations, self.num_keyframes, self.displacement)
        stems = [match["noun"].lower().rstrip("s") for match in found]
        tracks: list[Track] = []
        for match, stem, group in zip(found, stems, placed, strict=True):
            names = ("adj", "noun") if stems.count(stem) > 1 else ("noun",)
            for boxes in group:
                path: tuple[Box, ...] = tuple((float(b[0]), float(b[1]), float(b[2]), float(b[3])) for b in boxes)
                words, spans = tuple(match[n] for n in names), tuple(match.span(n) for n in names)
                tracks.append(Track(len(tracks), match["phrase"], words, path, spans))
        return Layout(prompt, tuple(tracks), id, planner="grammar")
