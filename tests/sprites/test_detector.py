"""The detector reads the exact truth of rendered scenes back, and the scores are those of the truth."""

import random

import numpy as np
import pytest
import torch
from torch import Tensor

from ttom_pl.layout import Layout, Track
from ttom_pl.sprites.detector import detect, detect_tracks
from ttom_pl.sprites.render import render
from ttom_pl.sprites.scoring import moves, score_video
from ttom_pl.sprites.world import NUM_FRAMES, SIZE, Group, SpritesScene, sample_scene

SEEDS = range(1000, 1050)


def video_of(scene: SpritesScene) -> Tensor:
    """Pixels as a backbone returns them: (F, 3, H, W) in [0, 1]."""
    return ((render(scene) + 1) / 2).transpose(0, 1)


def layout_of(scene: SpritesScene) -> Layout:
    """The layout that the scene follows exactly, a keyframe a frame."""
    phrases = [group.phrase for group in scene.groups for _ in range(group.count)]
    tracks = tuple(
        Track(i, phrase, (phrase.split()[-1],), tuple(sprite.box(f) for f in range(NUM_FRAMES)))
        for i, (phrase, sprite) in enumerate(zip(phrases, scene.sprites, strict=True))
    )
    return Layout(scene.caption, tracks)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_is_read_back(seed: int) -> None:
    """Count, colour, shape, place and motion of every sprite, in every frame."""
    scene = sample_scene(random.Random(seed))
    tracks = detect_tracks(video_of(scene))
    assert len(tracks) == len(scene.sprites)
    motions = [group.motion for group in scene.groups for _ in range(group.count)]
    free = list(tracks)
    for sprite, motion in zip(scene.sprites, motions, strict=True):

        def distance(track: object, sprite: object = sprite) -> float:
            (x, y), (cx, cy) = track.detections[0].center, sprite.centers[0]  # type: ignore[attr-defined]
            return abs(x - cx) + abs(y - cy)

        track = min(free, key=distance)
        free.remove(track)
        assert (track.color, track.shape) == (sprite.color, sprite.shape)
        assert all(each is not None and each.shape == sprite.shape for each in track.detections)
        assert track.coverage == 1
        assert moves(track, motion)
        assert not any(moves(track, other) for other in {"left", "right", "up", "down", "still"} - {motion})
        for detection, center in zip(track.seen, sprite.centers, strict=True):
            offset = 4.5 / 3 if sprite.shape == "triangle" else 0  # its centroid is below the middle of its box
            assert detection.center == pytest.approx((center[0], center[1] + offset), abs=0.8)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_is_scored_as_right(seed: int) -> None:
    scene = sample_scene(random.Random(seed))
    scores = score_video(video_of(scene), layout_of(scene)).to_dict()
    overlap = scores.pop("layout_iou")
    assert set(scores.values()) == {1.0}
    assert ("relation" in scores) == (scene.relation is not None)
    assert overlap > 0.75  # whole pixels, and a square fills 0.92 of its box


def test_overlap_with_the_true_boxes() -> None:
    scenes = [sample_scene(random.Random(seed)) for seed in SEEDS]
    assert np.mean([score_video(video_of(scene), layout_of(scene)).layout_iou for scene in scenes]) > 0.85


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_small_errors_of_a_decoder_do_no_harm(seed: int) -> None:
    scene = sample_scene(random.Random(seed))
    noise = torch.randn(NUM_FRAMES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) * 0.03
    scores = score_video(video_of(scene) + noise, layout_of(scene))
    assert scores.correct == 1


def test_empty_frame() -> None:
    assert detect(np.full((32, 32, 3), 225, dtype=np.uint8)) == []


def test_nothing_there_scores_nothing() -> None:
    scene = sample_scene(random.Random(0))
    scores = score_video(torch.full((NUM_FRAMES, 3, SIZE, SIZE), 0.88), layout_of(scene))
    assert (scores.color, scores.motion, scores.count, scores.correct, scores.layout_iou, scores.stability) == (0,) * 6


def test_an_object_that_vanishes() -> None:
    """Seen in the first third only: it is not there, and the frames are not stable."""
    scene = sample_scene(random.Random(1), (Group("red", "circle", "left"),))
    video = video_of(scene)
    video[3:] = video[:1, :, :1, :1]
    scores = score_video(video, layout_of(scene))
    assert (scores.color, scores.count) == (0, 0)
    assert scores.stability == pytest.approx(1 / 3)


def test_an_object_that_flickers_stays_one_track() -> None:
    scene = sample_scene(random.Random(1), (Group("red", "circle", "left"),))
    video = video_of(scene)
    video[4] = video[:1, :, :1, :1]
    (track,) = detect_tracks(video)
    assert track.coverage == pytest.approx(8 / 9)
    assert moves(track, "left")


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (Group("red", "circle", "right"), {"motion": 0, "all_motions": 0}),
        (Group("red", "square", "left"), {"shape": 0}),
        (Group("blue", "circle", "left"), {"color": 0, "shape": 0, "motion": 0, "all_motions": 0, "layout_iou": 0}),
        (Group("red", "circle", "still"), {"motion": 0, "all_motions": 0}),
    ],
)
def test_each_mistake_is_scored_as_what_it_is(asked: Group, wrong: dict[str, float]) -> None:
    """The video shows a red circle that moves left."""
    scene = sample_scene(random.Random(2), (Group("red", "circle", "left"),))
    layout = layout_of(SpritesScene((asked,), None, scene.sprites))
    scores = score_video(video_of(scene), layout).to_dict()
    assert scores.pop("correct") == 0
    overlap = scores.pop("layout_iou")
    assert overlap == 0 if "layout_iou" in wrong else overlap > 0.75
    assert {name for name, value in scores.items() if value == 0} == set(wrong) - {"layout_iou"}


def test_one_object_too_many() -> None:
    scene = sample_scene(random.Random(3), (Group("red", "circle", "still", 2),))
    layout = layout_of(SpritesScene((Group("red", "circle", "still"),), None, scene.sprites[:1]))
    scores = score_video(video_of(scene), layout)
    assert (scores.color, scores.shape, scores.motion, scores.count, scores.correct) == (1, 1, 1, 0, 0)


def test_wrong_relation() -> None:
    scene = sample_scene(random.Random(4), (Group("red", "circle"), Group("blue", "square")), "left of")
    layout = layout_of(scene)
    swapped = Layout(layout.prompt.replace("left of", "right of"), layout.tracks)
    assert score_video(video_of(scene), layout).relation == 1
    assert score_video(video_of(scene), swapped).relation == 0


def test_a_layout_of_another_number_of_objects_is_refused() -> None:
    scene = sample_scene(random.Random(4), (Group("red", "circle"), Group("blue", "square")), "left of")
    layout = Layout(scene.caption, layout_of(scene).tracks[:1])
    with pytest.raises(ValueError, match="asks for 2 objects, its layout has 1 tracks"):
        score_video(video_of(scene), layout)
