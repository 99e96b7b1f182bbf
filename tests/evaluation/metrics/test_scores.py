"""Scores of hand-made detections against answers worked out by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ttom_pl.evaluation.metrics import (
    Detection,
    Detections,
    box_iou,
    generative_numeracy,
    judged_score,
    layout_miou,
    motion_binding,
    net_displacement,
    persistence,
    spatial_relationship,
    temporal_consistency,
    temporal_flickering,
)
from ttom_pl.layout import Layout, Track

STILL = (0.0, 0.0)


def at(label: str, x: float, y: float, side: float = 0.2, score: float = 1.0, track: int = 0) -> Detection:
    return Detection(label, (x - side / 2, y - side / 2, x + side / 2, y + side / 2), score, track)


def film(*frames: list[Detection], background: list[tuple[float, float]] | None = None) -> Detections:
    return Detections(tuple(map(tuple, frames)), tuple(background or [STILL] * len(frames)))


def going(label: str, dx: float, dy: float, frames: int = 5, track: int = 0) -> list[list[Detection]]:
    times = np.linspace(0, 1, frames)
    return [[at(label, 0.5 + dx * (t - 0.5), 0.5 + dy * (t - 0.5), track=track)] for t in times]


@pytest.mark.parametrize(
    ("direction", "score"),
    [("left", 0.2), ("right", 0.2 + 0.8 * 0.4), ("up", 0.2 + 0.8 * 0.3), ("down", 0.2)],
)
def test_motion(direction: str, score: float) -> None:
    """To the right by 0.4 of the width, up by 0.3 of the height."""
    assert motion_binding(film(*going("cat", 0.4, -0.3)), [("cat", direction)]) == pytest.approx(score)


def test_motion_is_against_the_background() -> None:
    """The camera follows the cat: the cat stays in the middle while the background runs to the left."""
    background = [(-0.1 * t, 0.0) for t in range(5)]
    detections = film(*going("cat", 0.0, 0.0), background=background)
    assert motion_binding(detections, [("cat", "right")]) == pytest.approx(0.2 + 0.8 * 0.4)
    assert motion_binding(detections, [("cat", "left")]) == pytest.approx(0.2)


def test_motion_counts_the_background_only_while_the_object_is_seen() -> None:
    frames = [[], *going("cat", 0.2, 0.0, 3), []]
    detections = film(*frames, background=[(0.1 * t, 0.0) for t in range(5)])
    (track,) = detections.tracks("cat")
    assert net_displacement(track, detections) == pytest.approx((0.0, 0.0))


def test_two_objects_are_worth_half_each() -> None:
    cat, dog = going("cat", -0.5, 0), going("dog", 0.5, 0, track=1)
    both = film(*(a + b for a, b in zip(cat, dog, strict=True)))
    asked = [("cat", "left"), ("dog", "right")]
    assert motion_binding(both, asked) == pytest.approx(0.6)
    assert motion_binding(film(*cat), asked) == pytest.approx(0.3)
    assert motion_binding(film([], []), asked) == 0.0


def test_motion_of_several_is_their_mean_and_blips_do_not_count() -> None:
    a, b = going("bird", 0.4, 0), going("bird", 0.2, 0, track=1)
    frames = [x + y for x, y in zip(a, b, strict=True)]
    frames[0] = [*frames[0], at("bird", 0.1, 0.1, track=2)]
    assert motion_binding(film(*frames), [("bird", "right")]) == pytest.approx(0.2 + 0.8 * 0.3)
    assert motion_binding(film([], [], [], [at("bird", 0.1, 0.1)]), [("bird", "right")]) == pytest.approx(0.2)


def test_motion_uses_masks_where_there_are() -> None:
    """A mask in a corner of its box."""
    mask = np.zeros((10, 10), dtype=bool)
    mask[0, 0] = True
    detection = Detection("cat", (0.0, 0.0, 1.0, 1.0), mask=mask)
    assert detection.center == pytest.approx((0.05, 0.05))


def test_motion_needs_the_background_and_a_direction() -> None:
    seen = going("cat", 0.4, 0)
    with pytest.raises(ValueError, match=r"did not measure that; give Detections\.background"):
        motion_binding(Detections(tuple(map(tuple, seen))), [("cat", "left")])
    with pytest.raises(ValueError, match="direction of 'cat' is 'forth'; it must be one of"):
        motion_binding(film(*seen), [("cat", "forth")])
    with pytest.raises(ValueError, match="at least one object"):
        motion_binding(film(*seen), [])


def test_numeracy() -> None:
    """Two cats in three of four frames, one dog in half of them."""
    two = [at("cat", 0.2, 0.2), at("cat", 0.8, 0.2, track=1)]
    dog = [at("dog", 0.5, 0.8, track=2)]
    detections = film(two + dog, two, two + dog, [*two, at("cat", 0.5, 0.5, track=3)])
    assert generative_numeracy(detections, {"cat": 2}) == pytest.approx(3 / 4)
    assert generative_numeracy(detections, {"cat": 2, "dog": 1}) == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert generative_numeracy(detections, {"fox": 1}) == 0.0


def test_numeracy_looks_at_16_frames() -> None:
    """The first and the last of 31 frames are looked at, and every other one between."""
    frames = [[at("cat", 0.5, 0.5)] if time % 2 == 0 else [] for time in range(31)]
    assert generative_numeracy(film(*frames), {"cat": 1}) == 1.0


@pytest.mark.parametrize(
    ("frame", "score"),
    [
        ([], 0.0),
        ([at("cat", 0.2, 0.5)], 0.2),
        ([at("dog", 0.2, 0.5)], 0.2),
        ([at("cat", 0.8, 0.5), at("dog", 0.2, 0.5)], 0.4),
        ([at("cat", 0.3, 0.1), at("dog", 0.4, 0.9)], 0.4),  # more above than left
        ([at("cat", 0.2, 0.5), at("dog", 0.8, 0.5)], 1.0),
        ([at("cat", 0.45, 0.5), at("dog", 0.55, 0.5)], 0.4 + 0.6 * (1 - 1 / 3)),
        ([at("cat", 0.2, 0.5, score=0.9), at("cat", 0.9, 0.5, score=0.5), at("dog", 0.8, 0.5)], 1.0),
    ],
)
def test_spatial_relationship(frame: list[Detection], score: float) -> None:
    assert spatial_relationship(film(frame), "cat", "left", "dog") == pytest.approx(score)


def test_spatial_relationship_of_two_alike() -> None:
    """One detection does not stand for both objects."""
    assert spatial_relationship(film([at("cat", 0.2, 0.5)]), "cat", "left", "cat") == pytest.approx(0.2)
    pair = [at("cat", 0.2, 0.5, score=0.9), at("cat", 0.8, 0.5, score=0.8, track=1)]
    assert spatial_relationship(film(pair), "cat", "left", "cat") == 1.0
    with pytest.raises(ValueError, match="'behind'; in the image plane there are left, right, above, below"):
        spatial_relationship(film(pair), "cat", "behind", "cat")


@given(st.floats(0.15, 0.85), st.floats(0.15, 0.85), st.floats(0.15, 0.85), st.floats(0.15, 0.85))
def test_spatial_relationship_seen_from_the_other(ax: float, ay: float, bx: float, by: float) -> None:
    """a left of b is b right of a, and at most one of the four relations holds."""
    detections = film([at("a", ax, ay), at("b", bx, by, track=1)])
    assert spatial_relationship(detections, "a", "left", "b") == spatial_relationship(detections, "b", "right", "a")
    assert spatial_relationship(detections, "a", "above", "b") == spatial_relationship(detections, "b", "below", "a")
    scores = [spatial_relationship(detections, "a", relation, "b") for relation in ("left", "right", "above", "below")]
    iou = box_iou(detections.frames[0][0].box, detections.frames[0][1].box)
    assert sum(score > 0.4 for score in scores) <= (iou < 1)


def layout(*tracks: Track) -> Layout:
    return Layout("cats and a dog", tracks)


def test_layout_miou() -> None:
    """Two tracks of one phrase are matched with what was seen whatever the order; a third object is missing."""
    left, right = (0.1, 0.1, 0.3, 0.3), (0.7, 0.1, 0.9, 0.3)
    wanted = layout(
        Track(0, "cats", ("cats",), (left, left)),
        Track(1, "cats", ("cats",), (right, right)),
        Track(2, "a dog", ("dog",), (left, None)),
    )
    frame = [at("cats", 0.8, 0.2, track=5), at("cats", 0.2, 0.2, track=6)]
    assert layout_miou(film(frame, frame), wanted) == pytest.approx(2 / 3)
    assert layout_miou(film(frame, frame[:1]), wanted) == pytest.approx((1 + 0.5) / 3)
    dog = at("dog", 0.3, 0.2, track=7)
    assert layout_miou(film([dog], []), wanted, ["cat", "cat", "dog"]) == pytest.approx(1 / 3 / 3)
    with pytest.raises(ValueError, match="2 labels for the 3 tracks"):
        layout_miou(film(frame), wanted, ["cat", "dog"])


@given(
    st.tuples(*[st.floats(0, 0.5)] * 2, *[st.floats(0.51, 1)] * 2),
    st.tuples(*[st.floats(0, 0.5)] * 2, *[st.floats(0.51, 1)] * 2),
)
def test_box_iou(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> None:
    assert box_iou(a, a) == pytest.approx(1)
    assert box_iou(a, b) == pytest.approx(box_iou(b, a))
    assert 0 <= box_iou(a, b) <= 1 + 1e-9


def test_flicker() -> None:
    """A video that switches between black and white, one that stands, and one that fades evenly."""
    black, white = torch.zeros(3, 4, 4), torch.ones(3, 4, 4)
    blinking, still = torch.stack([black, white, black, white]), torch.stack([white] * 4)
    fading = torch.linspace(0, 1, 5)[:, None, None, None].expand(5, 3, 4, 4)
    assert temporal_flickering(blinking) == 0.0
    assert temporal_flickering(still) == 1.0
    assert temporal_flickering(fading) == pytest.approx(0.75)
    assert temporal_consistency(blinking) == 0.0
    assert temporal_consistency(still) == 1.0
    assert temporal_consistency(fading) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="has 1 frames; its change over time takes at least 2"):
        temporal_flickering(still[:1])
    with pytest.raises(ValueError, match="at least 3"):
        temporal_consistency(still[:2])


def test_persistence() -> None:
    detections = film([at("cat", 0.5, 0.5)], [at("cat", 0.5, 0.5), at("dog", 0.1, 0.1, track=1)], [], [])
    assert persistence(detections) == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert persistence(film([], [])) == 0.0


def test_grades() -> None:
    assert judged_score("ACE") == pytest.approx(0.5)
    with pytest.raises(ValueError, match="'F' is no grade; grades are A, B, C, D, E"):
        judged_score("AF")
    with pytest.raises(ValueError, match="at least one grade"):
        judged_score([])


def test_detections_are_checked() -> None:
    with pytest.raises(ValueError, match="of no frame"):
        Detections(())
    with pytest.raises(ValueError, match="2 displacements for 1 frames"):
        Detections(((),), (STILL, STILL))
    assert math.isclose(box_iou((0, 0, 0, 0), (0, 0, 0, 0)), 0.0)
