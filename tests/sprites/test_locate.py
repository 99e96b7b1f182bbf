"""Where the objects of a prompt are, against the exact truth of rendered scenes."""

import numpy as np
import pytest
import torch

from ttom_pl.sprites.locate import locate_sprites
from ttom_pl.sprites.render import render
from ttom_pl.sprites.world import Scene, Sprite

SIZE = 32
WAY = tuple((6.0 + 2 * frame, 8.0) for frame in range(9))
STILL = ((22.0, 24.0),) * 9
SCENE = Scene((), None, (Sprite("red", "circle", 4.0, WAY), Sprite("blue", "square", 4.0, STILL)))


@pytest.fixture
def video() -> torch.Tensor:
    return render(SCENE).permute(1, 0, 2, 3) / 2 + 0.5


def test_boxes_are_those_of_the_scene(video: torch.Tensor) -> None:
    found = locate_sprites(video, ["a blue square", "a red circle"])
    for frames, sprite in zip(found, reversed(SCENE.sprites), strict=True):
        for frame, boxes in enumerate(frames):
            np.testing.assert_allclose(boxes, [sprite.box(frame)], atol=1.5 / SIZE)


@pytest.mark.parametrize(
    ("phrase", "seen"),
    [
        ("two red circles", 1),
        ("the red triangle", 1),
        ("a green circle", 0),
        ("something blue", 1),
        ("a circle", 1),
        ("a triangle", 0),
    ],
)
def test_by_colour_then_by_shape(video: torch.Tensor, phrase: str, seen: int) -> None:
    (frames,) = locate_sprites(video, [phrase])
    assert [len(boxes) for boxes in frames] == [seen] * 9


def test_shape_decides_between_objects_of_a_colour() -> None:
    scene = Scene((), None, (Sprite("red", "circle", 4.0, WAY), Sprite("red", "square", 4.0, STILL)))
    (frames,) = locate_sprites(render(scene).permute(1, 0, 2, 3) / 2 + 0.5, ["a red square"])
    np.testing.assert_allclose(frames[0], [scene.sprites[1].box(0)], atol=1.5 / SIZE)


def test_a_phrase_that_names_nothing() -> None:
    with pytest.raises(ValueError, match="'a cat' names no colour and no shape of the Sprites world"):
        locate_sprites(torch.zeros(1, 3, SIZE, SIZE), ["a cat"])
