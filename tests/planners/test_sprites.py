"""The grammar planner on the captions of Sprites."""

import random
from itertools import combinations

import pytest
import torch

from ttom_pl.layout import interpolate_boxes
from ttom_pl.planners import GrammarPlanner
from ttom_pl.sprites.world import MOTIONS, RELATIONS, SIZE, caption, sample_groups

PLANNER = GrammarPlanner()


@pytest.mark.parametrize("seed", range(150))
def test_layout_shows_what_the_caption_says(seed: int) -> None:
    """Counts, motions and relations hold; sizes and ways are those of the world; nothing touches or leaves."""
    groups, relation = sample_groups(random.Random(seed))
    layout = PLANNER.plan(caption(groups, relation))
    assert (layout.confidence, layout.reason) == (1, "")
    assert len(layout.tracks) == sum(group.count for group in groups)
    boxes = interpolate_boxes(layout, 41)
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    for a, b in combinations(boxes, 2):
        gap = torch.maximum(a[:, :2] - b[:, 2:], b[:, :2] - a[:, 2:]).max(-1).values
        assert gap.min() > 1.5 / SIZE
    assert torch.allclose(boxes[..., 2:] - boxes[..., :2], torch.tensor(0.25))
    ways = boxes[:, -1, :2] - boxes[:, 0, :2]
    motions = [group for group in groups for _ in range(group.count)]
    for group, track, way in zip(motions, layout.tracks, ways, strict=True):
        assert track.phrase == group.phrase
        step = torch.tensor(MOTIONS[group.motion]).float()
        assert torch.allclose(way, step * way.abs().max())
        if group.motion != "still":
            assert 12 / SIZE < way.abs().max() < 18 / SIZE
    if relation is not None:
        offset = boxes[0, 0, :2] - boxes[1, 0, :2]
        assert torch.dot(offset, torch.tensor(RELATIONS[relation]).float()) > 10 / SIZE


def test_same_noun_is_told_apart_by_its_adjective() -> None:
    """Two circles: the words of each are its colour and its own "circle"."""
    prompt = "a red circle moves left and a blue circle moves up"
    red, blue = PLANNER.plan(prompt).tracks
    assert (red.words, red.spans) == (("red", "circle"), ((2, 5), (6, 12)))
    assert (blue.words, blue.spans) == (("blue", "circle"), ((30, 34), (35, 41)))


def test_single_noun_is_steered_alone() -> None:
    """One circle and one square: the head noun is enough."""
    circle, square = PLANNER.plan("a red circle moves left and a blue square moves up").tracks
    assert (circle.words, square.words) == (("circle",), ("square",))


def test_counted_objects_share_phrase_words_and_way() -> None:
    """Three triangles are three tracks of one object."""
    tracks = PLANNER.plan("three green triangles move right").tracks
    assert len(tracks) == 3
    assert {(track.phrase, track.words, track.spans) for track in tracks} == {
        ("three green triangles", ("triangles",), ((12, 21),))
    }
