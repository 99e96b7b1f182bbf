"""Free English that is in no benchmark: what moves where, what stands where, how many there are."""

from itertools import pairwise

import pytest

from ttom_pl.layout import Box, Layout, Track
from ttom_pl.planners import GrammarPlanner

PLANNER = GrammarPlanner()
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}
SIGN = {True: 1, False: -1}


def center(box: Box | None) -> tuple[float, float]:
    assert box is not None
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def track(layout: Layout, noun: str) -> Track:
    found = [t for t in layout.tracks if t.words[-1].lower() == noun]
    assert found, f"no {noun!r} among {[t.words for t in layout.tracks]}"
    return found[0]


def way(layout: Layout, noun: str) -> tuple[int, int]:
    """The direction from the first to the last keyframe."""
    boxes = track(layout, noun).boxes
    (x0, y0), (x1, y1) = center(boxes[0]), center(boxes[-1])
    return tuple((d > 0.2) - (d < -0.2) for d in (x1 - x0, y1 - y0))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("prompt", "ways"),
    [
        ("A tortoise trudges leftwards as a hare zooms rightwards", {"tortoise": "left", "hare": "right"}),
        ("While a crab crawls to the left, a seagull walks to the right", {"crab": "left", "seagull": "right"}),
        ("From left to right, a tram crosses the street", {"tram": "right"}),
        ("Leftward across the desert walks a camel", {"camel": "left"}),
        ("A black cat that is wearing a collar runs to the left", {"cat": "left"}),
        ("A truck going to the right stops at a traffic light", {"truck": "right"}),
        ("The left car moves right and the right car moves left", {"car": "right"}),
        ("A nimble squirrel with a bushy tail and glossy fur darts to the left", {"squirrel": "left"}),
        ("two dogs frolic to the right while a wug glimbs left", {"dogs": "right", "wug": "left"}),
        # the verb alone says it
        ("A submarine sinks", {"submarine": "down"}),
        ("A rocket takes off", {"rocket": "up"}),
        ("A curtain falls", {"curtain": "down"}),
        ("The sun sets behind the mountains", {"sun": "down"}),
        ("A cat climbs a tree", {"cat": "up"}),
        ("An egg rolls off the table", {"egg": "down"}),
        # the object moves, not the subject
        ("A boy kicks a red ball to the left", {"ball": "left", "boy": "still"}),
        ("A gust of wind carries a plastic bag upward", {"bag": "up"}),
        ("A crane lifts a heavy container", {"container": "up", "crane": "still"}),
        ("A worker lowers a bucket into the well", {"bucket": "down", "worker": "still"}),
        # both move
        ("A woman riding a horse to the right", {"woman": "right", "horse": "right"}),
        ("A person holding an umbrella walks to the left", {"person": "left", "umbrella": "left"}),
        ("A wooden crate is dragged to the right by a robot", {"crate": "right", "robot": "right"}),
        ("A dog chases a cat to the left", {"dog": "left", "cat": "left"}),
        ("A black horse gallops to the left, kicking up dust", {"horse": "left"}),
        ("It is raining while a bus goes to the left", {"bus": "left"}),
        ("A stone tossed to the left lands in the water", {"stone": "left"}),
        ("A dove released from a cage flies upwards", {"dove": "up"}),
        ("A seagull soars higher and higher", {"seagull": "up"}),
        ("Kicking a ball, a boy runs to the right", {"boy": "right"}),
        ("A sleek silver sports car with tinted windows cruises to the right", {"car": "right"}),
        # no direction of motion
        ("A man raises his left hand", {"man": "still"}),
        ("A cat looks left while a dog looks right", {"cat": "still", "dog": "still"}),
        ("five oranges are left on the table", {"oranges": "still"}),
        ("A dog does not move to the left", {"dog": "still"}),
        ("A man sets up a telescope", {"man": "still"}),
        ("A fox right next to a den", {"fox": "still"}),
    ],
)
def test_directions(prompt: str, ways: dict[str, str]) -> None:
    layout = PLANNER.plan(prompt)
    assert {noun: way(layout, noun) for noun in ways} == {noun: STEPS[name] for noun, name in ways.items()}


@pytest.mark.parametrize(
    ("prompt", "counts"),
    [
        ("five mice nibble on cheese", {"mice": 5}),
        ("a cat and three kittens sleep in a basket", {"cat": 1, "kittens": 3}),
        ("a herd of six elephants crosses a river", {"elephants": 6}),
        ("A pair of dolphins swim together", {"dolphins": 2}),
        ("a pair of jeans hangs on a line", {"jeans": 1}),
        ("four slices of pizza on two plates", {"pizza": 4, "plates": 2}),
        ("A dozen eggs", {"eggs": 12}),
        ("3 cats and 2 dogs play with a ball", {"cats": 3, "dogs": 2, "ball": 1}),
        ("Four robots and one human play cards", {"robots": 4, "human": 1}),
        ("twenty-two sheep", {"sheep": 1}),
        ("four lobsters and two octopuses", {"lobsters": 4, "octopuses": 2}),
        ("three of the five dogs bark", {"dogs": 3}),
        ("Both a cook and a cat stare at a pie", {"cook": 1, "cat": 1, "pie": 1}),
        ("two passengers and their four suitcases", {"passengers": 2, "suitcases": 4}),
        ("A cozy kitchen with three ceramic mugs and two plates", {"mugs": 3, "plates": 2}),
    ],
)
def test_counts(prompt: str, counts: dict[str, int]) -> None:
    layout = PLANNER.plan(prompt)
    assert {noun: sum(t.words[-1].lower() == noun for t in layout.tracks) for noun in counts} == counts


@pytest.mark.parametrize(
    ("prompt", "phrases"),
    [
        (
            "Man with green hair playing chess with a woman in a silver dress",
            ["Man with green hair", "a woman in a silver dress"],
        ),
        ("a girl wearing a red shirt waves", ["a girl wearing a red shirt"]),
        ("A black and white cat sits on a red and blue rug", ["A black and white cat", "a red and blue rug"]),
        ("An elephant sprays water with its trunk, a lion sitting nearby", ["An elephant", "a lion"]),
        ("A kid and a penguin watch a movie", ["A kid", "a penguin", "a movie"]),
        ("A realistic video of a scene in which a dog barks", ["a dog"]),
        ("A dog sleeps. The dog wakes up. It barks.", ["A dog"]),
        ("A blue ball hits a red ball and the red ball rolls to the right", ["A blue ball", "a red ball"]),
        ("A car drives in the rain on a sunny day at noon", ["A car"]),
        ("Two wrestlers grapple on a mat", ["Two wrestlers", "Two wrestlers", "a mat"]),
        ("A kite can be seen in the sky", ["A kite"]),
        ("A cat sits watching a goldfish swim", ["A cat", "a goldfish"]),
        ("There's a zebra on the left of a hydrant, photo realistic, 4k", ["a zebra", "a hydrant"]),
        ("A woman in a yellow dress who holds an umbrella", ["A woman in a yellow dress", "an umbrella"]),
        ("Father and son build a birdhouse", ["Father", "son", "a birdhouse"]),
        ("Trainer throws a stick to a dog", ["Trainer", "a stick", "a dog"]),
    ],
)
def test_phrases(prompt: str, phrases: list[str]) -> None:
    assert [t.phrase for t in PLANNER.plan(prompt).tracks] == phrases


def test_relations_between_three() -> None:
    layout = PLANNER.plan("A cat is between a dog and a rabbit")
    dog, cat, rabbit = (center(track(layout, noun).boxes[0])[0] for noun in ("dog", "cat", "rabbit"))
    assert dog < cat < rabbit


def test_between_a_pair() -> None:
    layout = PLANNER.plan("a small boat between two large ships")
    boat = center(track(layout, "boat").boxes[0])[0]
    left, right = sorted(center(t.boxes[0])[0] for t in layout.tracks if t.words == ("ships",))
    assert left < boat < right


def test_one_and_the_other() -> None:
    layout = PLANNER.plan("Two birds: one flies left and the other flies right")
    ends = [(center(t.boxes[0])[0], center(t.boxes[-1])[0]) for t in layout.tracks]
    assert [end < start for start, end in ends] == [True, False]


def test_meeting() -> None:
    """What collides comes from both sides, and does not change places."""
    layout = PLANNER.plan("Two cars collide at an intersection")
    (a, b) = layout.tracks
    gaps = [center(q)[0] - center(p)[0] for p, q in zip(a.boxes, b.boxes, strict=True)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] > 0


def test_sequence_of_places() -> None:
    layout = PLANNER.plan(
        "a dog initially on the lower left of the scene. It first moves to the upper left of the scene and then to the "
        "upper right of the scene."
    )
    (dog,) = layout.tracks
    assert center(dog.boxes[0]) == pytest.approx((0.25, 0.75))
    assert center(dog.boxes[-1]) == pytest.approx((0.75, 0.25))
    for box in dog.boxes[2:4]:
        assert max(center(box)) < 0.5


def test_there_and_back() -> None:
    boxes = PLANNER.plan("A ball rolls to the left and then back to the right").tracks[0].boxes
    xs = [center(box)[0] for box in boxes]
    assert xs[0] == pytest.approx(xs[-1])
    assert xs[2] < xs[0] - 0.25


@pytest.mark.parametrize(
    ("prompt", "larger"), [("A dog walks toward the camera", True), ("A plane flies away into the distance", False)]
)
def test_size_tells_distance(prompt: str, larger: bool) -> None:
    first, *_, last = PLANNER.plan(prompt).tracks[0].boxes
    assert first is not None
    assert last is not None
    assert (last[2] - last[0] > first[2] - first[0]) is larger


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a flying bird appears only in the second half of the video", [False] * 3 + [True] * 3),
        ("a dog is visible only at the beginning of the video", [True] * 3 + [False] * 3),
        ("A butterfly appears halfway through the video", [False] * 3 + [True] * 3),
        ("A cat disappears in the second half of the video", [True] * 3 + [False] * 3),
    ],
)
def test_presence(prompt: str, shown: list[bool]) -> None:
    assert [box is not None for box in PLANNER.plan(prompt).tracks[0].boxes] == shown


def test_falling_accelerates() -> None:
    ys = [center(box)[1] for box in PLANNER.plan("an apple falls from a tree").tracks[0].boxes]
    steps = [b - a for a, b in pairwise(ys)]
    assert steps == sorted(steps)


def test_throwing_is_an_arc() -> None:
    ys = [center(box)[1] for box in PLANNER.plan("a basketball is thrown from left to right").tracks[0].boxes]
    assert min(ys[2:4]) < ys[0] - 0.2
    assert ys[0] == pytest.approx(ys[-1])


def test_what_stands_with_something_stands_where_it_is_said() -> None:
    """The windmill is behind the cow, not the other way round."""
    layout = PLANNER.plan("A cow grazing, with a windmill behind it")
    cow, windmill = (track(layout, noun).boxes[0] for noun in ("cow", "windmill"))
    assert cow is not None
    assert windmill is not None
    assert windmill[3] < cow[3]
    layout = PLANNER.plan("A sofa with a dog on its left")
    assert center(track(layout, "dog").boxes[0])[0] < center(track(layout, "sofa").boxes[0])[0]


def test_what_is_put_is_where_it_is_put() -> None:
    """The egg is in the bowl, not the chef."""
    layout = PLANNER.plan("The chef cracks an egg into a bowl")
    egg, bowl, chef = (track(layout, noun).boxes[0] for noun in ("egg", "bowl", "chef"))
    assert egg is not None
    assert bowl is not None
    assert chef is not None
    assert bowl[0] < egg[0]
    assert egg[2] < bowl[2]
    assert bowl[1] < egg[1]
    assert egg[3] < bowl[3]
    assert chef[2] <= bowl[0] or chef[0] >= bowl[2]


@pytest.mark.parametrize(
    ("prompt", "before", "after"),
    [
        ("A flower bud opening into a bright red rose", "bud", "rose"),
        ("Grapes shrivelling into raisins", "grapes", "raisins"),
        ("A sculptor carves a block of marble into a statue", "marble", "statue"),
    ],
)
def test_what_is_formed_takes_the_place_of_its_material(prompt: str, before: str, after: str) -> None:
    layout = PLANNER.plan(prompt)
    assert track(layout, before).boxes[-1] is None
    assert track(layout, before).boxes[0] is not None
    assert track(layout, after).boxes[0] is None
    assert track(layout, after).boxes[-1] is not None
    assert all(all(each.boxes) for each in layout.tracks if each.words[-1].lower() not in (before, after))


def test_becoming_takes_the_place() -> None:
    caterpillar, butterfly = PLANNER.plan("a caterpillar morphing into a butterfly").tracks
    assert [box is None for box in caterpillar.boxes] == [box is not None for box in butterfly.boxes]
    assert caterpillar.boxes[0] == butterfly.boxes[-1]
