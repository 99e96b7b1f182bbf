"""Each detector on real classes: the exact one on rendered scenes, the models with random weights."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from ttom_pl.evaluation.detectors import Detector, Sam2Tracker, SpritesDetector, ZeroShotDetector, link, suppress
from ttom_pl.evaluation.metrics import Detection, Detections, generative_numeracy, motion_binding, spatial_relationship
from ttom_pl.sprites.render import render
from ttom_pl.sprites.world import Group, SpritesScene, sample_scene

VIDEO = torch.rand(5, 3, 48, 64, generator=torch.Generator().manual_seed(0))


def boxed(label: str, x: float, y: float = 0.5, score: float = 1.0) -> Detection:
    return Detection(label, (x - 0.1, y - 0.1, x + 0.1, y + 0.1), score)


def filmed(scene: SpritesScene) -> torch.Tensor:
    """A scene as a video (F, 3, H, W) in [0, 1]."""
    return render(scene).transpose(0, 1) / 2 + 0.5


@pytest.mark.parametrize("scale", [1, 8])
def test_sprites(scale: int) -> None:
    """Two red circles go left and a blue square goes up, also when the video is enlarged."""
    groups = (Group("red", "circle", "left", 2), Group("blue", "square", "up"))
    scene = sample_scene(random.Random(3), groups)
    video = filmed(scene).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    found = SpritesDetector().detect(video, ["two red circles", "blue square", "squares", "green triangle"])
    assert generative_numeracy(found, {"two red circles": 2, "blue square": 1}) == 1.0
    assert generative_numeracy(found, {"squares": 1, "green triangle": 0}) == 1.0
    way = abs(scene.sprites[0].centers[-1][0] - scene.sprites[0].centers[0][0]) / 32
    assert motion_binding(found, [("two red circles", "left")]) == pytest.approx(0.2 + 0.8 * way, abs=0.03)
    assert motion_binding(found, [("blue square", "down")]) == pytest.approx(0.2, abs=0.01)
    for frame, detections in enumerate(found.frames):
        (square,) = [each for each in detections if each.label == "squares"]
        assert np.abs(np.array(square.box) - scene.sprites[2].box(frame)).max() < 1.5 / 32


def test_sprites_relation() -> None:
    scene = sample_scene(random.Random(1), (Group("cyan", "circle"), Group("red", "circle")), "above")
    found = SpritesDetector().detect(filmed(scene), ["cyan circle", "red circle"])
    assert spatial_relationship(found, "cyan circle", "above", "red circle") == 1.0
    assert spatial_relationship(found, "cyan circle", "left", "red circle") == pytest.approx(0.4)


def test_sprites_by_color() -> None:
    """A red circle is no red square, unless colours alone tell objects apart; "square" alone asks for the shape."""
    scene = sample_scene(random.Random(3), (Group("red", "circle", "left"),))
    phrases = ["red square", "blue circle", "square"]
    assert SpritesDetector().detect(filmed(scene), phrases).labels == []
    assert SpritesDetector(by="color").detect(filmed(scene), phrases).labels == ["red square"]
    with pytest.raises(ValueError, match="by is 'size'"):
        SpritesDetector(by="size")  # type: ignore[arg-type]


TWO_REDS = sample_scene(random.Random(3), (Group("red", "circle", "left"), Group("red", "square", "right")))


@pytest.mark.parametrize(
    ("phrase", "sprites"),
    [
        ("a red square", [1]),
        ("two red circles", [0]),
        ("the red triangle", [0, 1]),
        ("something red", [0, 1]),
        ("a circle", [0]),
        ("a triangle", []),
        ("a green circle", []),
    ],
)
def test_sprites_by_color_then_by_shape(phrase: str, sprites: list[int]) -> None:
    found = SpritesDetector(by="closest").detect(filmed(TWO_REDS), [phrase])
    for frame, detections in enumerate(found.frames):
        boxes = sorted(detection.box for detection in detections)
        expected = sorted(TWO_REDS.sprites[sprite].box(frame) for sprite in sprites)
        assert len(boxes) == len(expected)
        np.testing.assert_allclose(boxes or [0], expected or [0], atol=1.5 / 32)


def test_sprites_that_are_seldom_seen() -> None:
    """A ghost of a few frames is no closest object."""
    video = filmed(TWO_REDS)
    video[4:] = video[4:, :, :1, :1]
    assert SpritesDetector(by="color").detect(video, ["red square"]).labels == ["red square"]
    assert SpritesDetector(by="closest").detect(video, ["red square"]).labels == []


def test_sprites_knows_its_world() -> None:
    with pytest.raises(ValueError, match="'a cat' names no colour or shape of the Sprites world; use a detector for"):
        SpritesDetector().detect(VIDEO, ["red circle", "a cat"])


def test_link() -> None:
    """Two cats pass each other's column at different heights, a dog jumps, and a cat is missed for a frame."""
    frames = [
        [boxed("cat", 0.2, 0.2), boxed("cat", 0.8, 0.8), boxed("dog", 0.2, 0.2)],
        [boxed("cat", 0.7, 0.8), boxed("cat", 0.3, 0.2), boxed("dog", 0.6, 0.2)],
        [boxed("cat", 0.6, 0.8)],
        [boxed("cat", 0.5, 0.8), boxed("cat", 0.5, 0.2)],
    ]
    detections = Detections(link(frames))
    first, second = detections.tracks("cat")
    assert [each and round(each.center[0], 2) for each in first] == [0.2, 0.3, None, 0.5]
    assert [each and round(each.center[0], 2) for each in second] == [0.8, 0.7, 0.6, 0.5]
    assert len(detections.tracks("dog")) == 2


def test_suppress() -> None:
    """The less confident of two boxes on one object goes, unless it answers another phrase."""
    kept = suppress([boxed("cat", 0.5, score=0.4), boxed("cat", 0.51, score=0.9), boxed("dog", 0.5, score=0.3)], 0.5)
    assert [(each.label, each.score) for each in kept] == [("cat", 0.9), ("dog", 0.3)]


@pytest.mark.parametrize("family", ["grounding_dino", "owlv2"])
def test_zero_shot(family: str, request: pytest.FixtureRequest) -> None:
    """Boxes in the frame, labelled by the phrases as they were asked; the same whatever the batches."""
    folder: Path = request.getfixturevalue(family)
    found = ZeroShotDetector(folder, threshold=0.0, device="cpu").detect(VIDEO, ["a cat", "dog"])
    assert len(found) == 5
    assert set(found.labels) == {"a cat", "dog"}
    boxes = np.array([each.box for frame in found.frames for each in frame])
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    assert boxes.min() >= 0
    assert boxes.max() <= 1
    assert found.background is not None
    single = ZeroShotDetector(folder, threshold=0.0, batch_size=1, device="cpu").detect(VIDEO, ["dog"])
    for frame, alone in zip(found.frames, single.frames, strict=True):
        dogs = [each.box for each in frame if each.label == "dog"]
        assert np.allclose(dogs, [each.box for each in alone], atol=1e-4)


def test_zero_shot_is_what_the_model_says(grounding_dino: Path) -> None:
    """Against a call of the model itself, on one frame and without suppression."""
    detector = ZeroShotDetector(grounding_dino, threshold=0.5, nms_threshold=1.0, device="cpu")
    found = detector.detect(VIDEO[:1], ["A dog"])
    inputs = detector.processor(images=VIDEO[0].mul(255).round().byte(), text="dog.", return_tensors="pt")
    with torch.inference_mode():
        outputs = detector.model(**inputs)
    scores = outputs.logits.sigmoid().amax(-1)[0]
    kept = scores[scores > 0.5].sort(descending=True).values
    assert 0 < len(kept) <= 10
    assert [each.score for each in found.frames[0]] == pytest.approx(kept.tolist(), abs=1e-4)


def test_a_high_threshold_finds_nothing(owlv2: Path) -> None:
    found = ZeroShotDetector(owlv2, threshold=1.0, device="cpu").detect(VIDEO, ["cat"])
    assert found.labels == []
    assert motion_binding(found, [("cat", "left")]) == 0.0


def test_zero_shot_knows_its_families(sam2: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sam2"):
        ZeroShotDetector(sam2)
    with pytest.raises(OSError, match=r"the model .*nowhere. cannot be loaded .*folder of a model on this disk"):
        ZeroShotDetector(tmp_path / "nowhere")


class Scripted(Detector):
    """Says what it was told to."""

    def __init__(self, *frames: Sequence[Detection]) -> None:
        self.found = Detections(tuple(map(tuple, frames)))

    def detect(self, video: torch.Tensor, phrases: Sequence[str]) -> Detections:
        return self.found


def test_sam2_follows(sam2: Path) -> None:
    """Both cats of the middle frame get a mask in every frame; the dog, which is not in it, keeps its box."""
    cats = [Detection("cat", (0.1, 0.1, 0.5, 0.5), 0.9, 4), Detection("cat", (0.5, 0.5, 0.9, 0.9), 0.8, 7)]
    dog = Detection("dog", (0.3, 0.3, 0.6, 0.6), 0.7, 9)
    detector: Detector = Scripted([dog], [cats[0]], cats, [], [dog])
    found = Sam2Tracker(detector, sam2, device="cpu").detect(VIDEO, ["cat", "dog"])
    tracks = found.tracks("cat")
    assert [track[0].track for track in tracks if track[0]] == [4, 7]
    for track in tracks:
        for each in track:
            assert each is not None
            assert each.mask is not None
            assert each.mask.shape == (48, 64)
            rows, columns = np.nonzero(each.mask)
            assert each.box == (columns.min() / 64, rows.min() / 48, (columns.max() + 1) / 64, (rows.max() + 1) / 48)
    assert [each and each.box for each in found.tracks("dog")[0]] == [dog.box, None, None, None, dog.box]
    assert found.background is not None
    assert motion_binding(found, [("cat", "left")]) >= 0.2


def test_sam2_listens_to_the_boxes(sam2: Path) -> None:
    """Another box gives another mask."""

    def mask(box: tuple[float, float, float, float]) -> np.ndarray:
        tracker = Sam2Tracker(Scripted([Detection("cat", box)], [], [], [], []), sam2, device="cpu")
        detection = tracker.detect(VIDEO, ["cat"]).frames[0][0]
        assert detection.mask is not None
        return detection.mask

    assert (mask((0.0, 0.0, 0.3, 0.3)) == mask((0.0, 0.0, 0.3, 0.3))).all()
    assert (mask((0.0, 0.0, 0.3, 0.3)) != mask((0.6, 0.6, 1.0, 1.0))).any()


def test_sam2_without_anything_to_follow(sam2: Path) -> None:
    found = Sam2Tracker(Scripted([], [], [], [], []), sam2, device="cpu").detect(VIDEO, ["cat"])
    assert found.labels == []
