"""The Sprites world, its captions and its renderer."""

import random
from itertools import combinations

import pytest
import torch

from ttom_pl.sprites.caption import parse_caption
from ttom_pl.sprites.render import render, rgb
from ttom_pl.sprites.tokenizer import MAX_TOKENS, make_tokenizer
from ttom_pl.sprites.world import (
    BACKGROUND,
    COLORS,
    MOTIONS,
    NUM_FRAMES,
    RELATIONS,
    SIZE,
    TRAVEL,
    Group,
    Sprite,
    SpritesScene,
    caption,
    sample_groups,
    sample_scene,
    vocabulary,
)

SCENES = [sample_scene(random.Random(seed)) for seed in range(200)]


def test_sprites_stay_in_the_frame() -> None:
    for scene in SCENES:
        boxes = torch.tensor([sprite.box(frame) for sprite in scene.sprites for frame in range(NUM_FRAMES)])
        assert boxes.min() >= 0
        assert boxes.max() <= 1


def test_sprites_never_touch() -> None:
    """A gap of more than a pixel between the boxes of any two, in every frame."""
    for scene in SCENES:
        for a, b in combinations(scene.sprites, 2):
            for frame in range(NUM_FRAMES):
                p, q = a.box(frame), b.box(frame)
                gap = max(p[0] - q[2], q[0] - p[2], p[1] - q[3], q[1] - p[3]) * SIZE
                assert gap > 1


def test_sprites_move_as_their_groups_say() -> None:
    for scene in SCENES:
        wanted = [group for group in scene.groups for _ in range(group.count)]
        assert len(wanted) == len(scene.sprites)
        for group, sprite in zip(wanted, scene.sprites, strict=True):
            assert (sprite.color, sprite.shape) == (group.color, group.shape)
            (x0, y0), (x1, y1) = sprite.centers[0], sprite.centers[-1]
            dx, dy = MOTIONS[group.motion]
            way = (x1 - x0) * dx + (y1 - y0) * dy
            assert (x1 - x0, y1 - y0) == pytest.approx((dx * way, dy * way), abs=1e-9)
            assert way == 0 if group.motion == "still" else TRAVEL[0] <= way <= TRAVEL[1]


def test_groups_of_a_scene_can_be_told_apart() -> None:
    for scene in SCENES:
        looks = [(group.color, group.shape) for group in scene.groups]
        assert len(set(looks)) == len(looks)


def test_relations_hold() -> None:
    scenes = [scene for scene in SCENES if scene.relation is not None]
    assert len(scenes) >= 10
    for scene in scenes:
        assert scene.relation is not None
        (ax, ay), (bx, by) = (sprite.centers[0] for sprite in scene.sprites)
        dx, dy = RELATIONS[scene.relation]
        assert (ax - bx) * dx + (ay - by) * dy >= 10


def test_a_scene_is_a_function_of_its_seed() -> None:
    assert sample_scene(random.Random(5)) == SCENES[5]
    assert len({scene.caption for scene in SCENES}) > 150


def test_no_room() -> None:
    with pytest.raises(ValueError, match="no room for 'three red circles"):
        sample_scene(random.Random(0), tuple(Group("red", "circle", "still", 3) for _ in range(8)), tries=3)


def test_captions() -> None:
    red, blue = Group("red", "circle", "left"), Group("blue", "square", "up", 2)
    assert caption((red, blue)) == "a red circle moves left and two blue squares move up"
    assert caption((Group("green", "triangle"), Group("cyan", "circle")), "left of") == (
        "a green triangle is left of a cyan circle"
    )
    assert caption((Group("green", "triangle", count=3),)) == "three green triangles stay still"


@pytest.mark.parametrize("start", range(0, 500, 100))
def test_captions_are_read_back(start: int) -> None:
    for seed in range(start, start + 100):
        groups, relation = sample_groups(random.Random(seed))
        assert parse_caption(caption(groups, relation)) == (groups, relation)


def test_captions_may_be_written_loosely() -> None:
    expected = (Group("red", "circle", "left"),), None
    assert parse_caption("  A red   circle moves LEFT. ") == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a red dragon moves left", "it does not know 'dragon'"),
        ("a circle red moves left", "its words are not in an order that it knows"),
        ("", "its words are not in an order"),
        ("a red circle moves left and", "its words are not in an order"),
    ],
)
def test_what_is_no_caption(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        parse_caption(text)


def test_tokenizer_knows_every_caption() -> None:
    """A token a word and the end token, none unknown, none cut off."""
    tokenizer = make_tokenizer()
    for scene in SCENES:
        ids = tokenizer(scene.caption).input_ids
        assert tokenizer.unk_token_id not in ids
        assert len(ids) == len(scene.caption.split()) + 1 <= MAX_TOKENS
        assert ids[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(ids, skip_special_tokens=True) == scene.caption


def test_vocabulary_holds_no_word_twice() -> None:
    words = vocabulary()
    assert len(set(words)) == len(words)
    assert make_tokenizer().vocab_size == len(words) + 3


@pytest.mark.parametrize("shape", ["circle", "square", "triangle"])
def test_render(shape: str) -> None:
    """The colour at the centre, the background in the corner, an area as the geometry says."""
    sprite = Sprite("red", shape, 4.0, ((16.0, 16.0),) * NUM_FRAMES)
    video = render(SpritesScene((Group("red", shape),), None, (sprite,)))
    assert video.shape == (3, NUM_FRAMES, SIZE, SIZE)
    assert video.dtype == torch.float32
    torch.testing.assert_close(video[:, 0, 16, 16], rgb(COLORS["red"]).flatten())
    torch.testing.assert_close(video[:, 0, 0, 0], rgb(BACKGROUND).flatten())
    share = (video - rgb(BACKGROUND))[0, 0] / (rgb(COLORS["red"]) - rgb(BACKGROUND))[0]
    area = {"circle": torch.pi * 16, "square": (2 * 0.92 * 4) ** 2, "triangle": 8 * 8 / 2}[shape]
    assert share.sum().item() == pytest.approx(area, rel=0.06)
