"""The Sprites world: coloured shapes that move over a plain background.

A :class:`SpritesScene` is the exact truth of one video: which sprites there are, where each one is in every frame, and
the caption that says so. :func:`sample_scene` draws a scene; :mod:`ttom_pl.sprites.render` turns it into pixels.
"""

import random
from dataclasses import dataclass

SIZE = 32
"""Height and width of a frame in pixels."""
NUM_FRAMES = 9
"""Frames in a video."""
FPS = 8

SHAPES = ("circle", "square", "triangle")
COLORS: dict[str, tuple[int, int, int]] = {
    "red": (222, 45, 38),
    "green": (35, 139, 69),
    "blue": (33, 80, 200),
    "yellow": (250, 200, 20),
    "purple": (136, 40, 160),
    "cyan": (40, 190, 210),
}
"""Colour names and their sRGB values (0-255)."""
BACKGROUND = (225, 225, 220)
MOTIONS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}
"""Motion names and unit displacements (x to the right, y downwards)."""
RELATIONS: dict[str, tuple[int, int]] = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
"""Relations "a R b" and the direction from b to a."""
NUMBERS = ("a", "two", "three")

RADIUS = (3.5, 4.5)
TRAVEL = (12.0, 18.0)
MAX_SPRITES = len(NUMBERS)
_GAP = 1.5
_RELATION_OFFSET = 10.0


@dataclass(frozen=True)
class Group:
    """Sprites that share a phrase: ``count`` × (``color`` ``shape``), all with the same ``motion``."""

    color: str
    shape: str
    motion: str = "still"
    count: int = 1

    @property
    def phrase(self) -> str:
        """The noun phrase of the caption, e.g. ``"two red circles"``."""
        return f"{NUMBERS[self.count - 1]} {self.color} {self.shape}{'s' if self.count > 1 else ''}"

    @property
    def clause(self) -> str:
        """The clause of the caption, e.g. ``"two red circles move left"``."""
        plural = self.count > 1
        if self.motion == "still":
            return f"{self.phrase} {'stay' if plural else 'stays'} still"
        return f"{self.phrase} {'move' if plural else 'moves'} {self.motion}"


@dataclass(frozen=True)
class Sprite:
    """One sprite: its group's look, its radius in pixels and its centre (x, y) in pixels in every frame."""

    color: str
    shape: str
    radius: float
    centers: tuple[tuple[float, float], ...]

    def box(self, frame: int) -> tuple[float, float, float, float]:
        """The box (x0, y0, x1, y1) in fractions of the frame."""
        x, y = self.centers[frame]
        r = self.radius
        return ((x - r) / SIZE, (y - r) / SIZE, (x + r) / SIZE, (y + r) / SIZE)


@dataclass(frozen=True)
class SpritesScene:
    """What a caption asks for (``groups``, ``relation``) and one way to show it (``sprites``)."""

    groups: tuple[Group, ...]
    relation: str | None
    sprites: tuple[Sprite, ...]

    @property
    def caption(self) -> str:
        """The caption, e.g. ``"a red circle moves left and a blue square moves up"``."""
        return caption(self.groups, self.relation)


def caption(groups: tuple[Group, ...], relation: str | None = None) -> str:
    """Write the caption of the given groups; with a ``relation`` the first of two groups stands in it to the second."""
    if relation is not None:
        first, second = groups
        return f"{first.phrase} is {relation} {second.phrase}"
    return " and ".join(group.clause for group in groups)


def vocabulary() -> list[str]:
    """Return every word that a caption can hold, sorted."""
    words = {"is", "and", "move", "moves", "stay", "stays", *NUMBERS, *COLORS, *MOTIONS}
    words |= {word for relation in RELATIONS for word in relation.split()}
    words |= {shape + ending for shape in SHAPES for ending in ("", "s")}
    return sorted(words)


def sample_groups(rng: random.Random) -> tuple[tuple[Group, ...], str | None]:
    """Draw what a caption asks for, over all kinds of caption: one or two moving objects, counts, relations."""
    kind = rng.choices(["one", "two", "count", "counts", "relation"], [0.36, 0.36, 0.12, 0.06, 0.10])[0]
    if kind == "one":
        return (_group(rng),), None
    if kind == "count":
        return (_group(rng, count=rng.randint(2, MAX_SPRITES)),), None
    first = _group(rng)
    second = _group(rng)
    while (first.color, first.shape) == (second.color, second.shape):
        second = _group(rng)
    if kind == "relation":
        still = tuple(Group(g.color, g.shape) for g in (first, second))
        return still, rng.choice(list(RELATIONS))
    if kind == "counts":
        counts = rng.choice([(1, 2), (2, 1)])
        first, second = (Group(g.color, g.shape, g.motion, n) for g, n in zip((first, second), counts, strict=True))
    return (first, second), None


def _group(rng: random.Random, count: int = 1) -> Group:
    motion = "still" if rng.random() < 0.12 else rng.choice(["left", "right", "up", "down"])
    return Group(rng.choice(list(COLORS)), rng.choice(SHAPES), motion, count)


def sample_scene(
    rng: random.Random, groups: tuple[Group, ...] | None = None, relation: str | None = None, tries: int = 1000
) -> SpritesScene:
    """Draw a scene in which no two sprites ever touch.

    Args:
        rng: source of randomness.
        groups: what to show; drawn by :func:`sample_groups` when not given.
        relation: a key of :data:`RELATIONS`, for two still groups of one.
        tries: placements to try.

    Raises:
        ValueError: if ``tries`` placements all overlap (too many sprites for the frame).
    """
    if groups is None:
        groups, relation = sample_groups(rng)
    for _ in range(tries):
        sprites = _arrange(rng, groups)
        if sprites is not None and _holds(relation, sprites):
            return SpritesScene(groups, relation, tuple(sprites))
    raise ValueError(
        f"no room for {caption(groups, relation)!r}: {tries} placements overlap; ask for at most {MAX_SPRITES} sprites"
    )


def _arrange(rng: random.Random, groups: tuple[Group, ...], tries: int = 20) -> list[Sprite] | None:
    """Place the sprites one after the other, each apart from those before it; ``None`` where one finds no room."""
    sprites: list[Sprite] = []
    for group in groups:
        travel = rng.uniform(*TRAVEL)
        for _ in range(group.count):
            candidates = (_place(rng, group, travel) for _ in range(tries))
            sprite = next((c for c in candidates if all(_apart(c, other) for other in sprites)), None)
            if sprite is None:
                return None
            sprites.append(sprite)
    return sprites


def _place(rng: random.Random, group: Group, travel: float) -> Sprite:
    radius = rng.uniform(*RADIUS)
    dx, dy = MOTIONS[group.motion]
    low, high = radius + 0.5, SIZE - radius - 0.5
    distance = min(travel, high - low)

    def start(step: int) -> float:
        return rng.uniform(low + max(0.0, -step * distance), high - max(0.0, step * distance))

    x, y = start(dx), start(dy)
    last = NUM_FRAMES - 1
    centers = tuple((x + dx * distance * f / last, y + dy * distance * f / last) for f in range(NUM_FRAMES))
    return Sprite(group.color, group.shape, radius, centers)


def _apart(a: Sprite, b: Sprite) -> bool:
    """Whether two sprites' boxes keep a gap in every frame."""
    reach = a.radius + b.radius + _GAP
    return all(max(abs(p[0] - q[0]), abs(p[1] - q[1])) >= reach for p, q in zip(a.centers, b.centers, strict=True))


def _holds(relation: str | None, sprites: list[Sprite]) -> bool:
    if relation is None:
        return True
    (ax, ay), (bx, by) = sprites[0].centers[0], sprites[1].centers[0]
    dx, dy = RELATIONS[relation]
    along, across = (ax - bx) * dx + (ay - by) * dy, abs((ax - bx) * dy) + abs((ay - by) * dx)
    return along >= _RELATION_OFFSET and across <= along / 2
