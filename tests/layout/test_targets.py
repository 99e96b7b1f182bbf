"""Layouts as tensors: interpolation between keyframes and target maps."""

import math

import pytest
import torch

from ttom_pl.layout import Box, Layout, Track, gaussian_maps, interpolate_boxes, object_targets

LEFT: Box = (0.0, 0.4, 0.2, 0.6)
RIGHT: Box = (0.6, 0.2, 1.0, 0.6)


def layout(*paths: tuple[Box | None, ...], phrases: tuple[str, ...] = ()) -> Layout:
    """A layout of tracks of the given boxes."""
    names = phrases or tuple(f"thing{i}" for i in range(len(paths)))
    tracks = tuple(Track(i, name, (name,), path) for i, (name, path) in enumerate(zip(names, paths, strict=True)))
    return Layout(" and ".join(names), tracks)


def test_ends_are_the_first_and_last_keyframe() -> None:
    boxes = interpolate_boxes(layout((LEFT, RIGHT, LEFT)), 9)[0]
    torch.testing.assert_close(boxes[[0, 4, 8]], torch.tensor([LEFT, RIGHT, LEFT]))


def test_linear_in_between() -> None:
    boxes = interpolate_boxes(layout((LEFT, RIGHT)), 5)[0]
    torch.testing.assert_close(boxes[1], 0.75 * torch.tensor(LEFT) + 0.25 * torch.tensor(RIGHT))


def test_fewer_frames_than_keyframes() -> None:
    boxes = interpolate_boxes(layout((LEFT, RIGHT, LEFT, RIGHT)), 2)[0]
    torch.testing.assert_close(boxes, torch.tensor([LEFT, RIGHT]))


def test_one_keyframe_holds_throughout() -> None:
    assert (interpolate_boxes(layout((LEFT,)), 4) == torch.tensor(LEFT)).all()


def test_single_frame_is_the_first_keyframe() -> None:
    torch.testing.assert_close(interpolate_boxes(layout((LEFT, RIGHT)), 1)[0], torch.tensor([LEFT]))


def test_absent_keyframes_are_nan_and_do_not_bend_the_path() -> None:
    """Present up to half of the way to the keyframe where it is absent, with its last box."""
    boxes = interpolate_boxes(layout((LEFT, None, None, RIGHT)), 13)[0]
    absent = boxes.isnan().any(-1)
    assert absent.tolist() == [False, False, *[True] * 8, False, False, False]
    assert boxes[absent].isnan().all()


def test_gaussian_has_a_standard_deviation_of_a_quarter_of_the_side() -> None:
    """Second moments on a fine grid; the box is small, so that the frame cuts nothing off."""
    box = torch.tensor([0.4, 0.35, 0.6, 0.75])
    gaussian = gaussian_maps(box, 400, 400)
    gaussian = gaussian / gaussian.sum()
    cells = (torch.arange(400) + 0.5) / 400
    x, y = (gaussian.sum(0) * cells).sum(), (gaussian.sum(1) * cells).sum()
    assert (x.item(), y.item()) == pytest.approx((0.5, 0.55), abs=1e-5)
    sigma_x = (gaussian.sum(0) * (cells - x) ** 2).sum().sqrt()
    sigma_y = (gaussian.sum(1) * (cells - y) ** 2).sum().sqrt()
    assert (sigma_x.item(), sigma_y.item()) == pytest.approx((0.2 / 4, 0.4 / 4), rel=1e-3)


def test_gaussian_at_one_sigma() -> None:
    """1 in the cell at the centre of a box of eight cells, e^(-1/2) two cells beside it, e^(-1) two cells across."""
    gaussian = gaussian_maps(torch.tensor([1, 1, 9, 9]) / 20 + 0.025, 20, 20)
    assert gaussian[5, [3, 5, 7]].tolist() == pytest.approx([math.exp(-0.5), 1, math.exp(-0.5)], rel=1e-5)
    assert gaussian[7, 7].item() == pytest.approx(math.exp(-1), rel=1e-5)


def test_centre_of_mass_follows_the_boxes() -> None:
    path = layout(((0.1, 0.4, 0.3, 0.6), (0.7, 0.3, 0.9, 0.5)))
    _, targets = object_targets(path, (5, 32, 48))
    boxes = interpolate_boxes(path, 5)[0]
    x = (targets[0].sum(-2) * (torch.arange(48) + 0.5) / 48).sum(-1)
    y = (targets[0].sum(-1) * (torch.arange(32) + 0.5) / 32).sum(-1)
    torch.testing.assert_close(x, (boxes[:, 0] + boxes[:, 2]) / 2, atol=0.005, rtol=0)
    torch.testing.assert_close(y, (boxes[:, 1] + boxes[:, 3]) / 2, atol=0.005, rtol=0)


def test_each_frame_sums_to_one_or_is_absent() -> None:
    _, targets = object_targets(layout((LEFT, None, None), (RIGHT, LEFT, LEFT)), (5, 8, 8))
    assert targets.shape == (2, 5, 8, 8)
    assert targets.dtype == torch.float32
    torch.testing.assert_close(targets.sum((-2, -1)), torch.tensor([[1.0, 0, 0, 0, 0], [1.0] * 5]))


def test_boxes_far_smaller_than_a_cell_still_give_a_distribution() -> None:
    _, targets = object_targets(layout(((0.47, 0.47, 0.49, 0.49),)), (2, 8, 8))
    torch.testing.assert_close(targets.sum((-2, -1)), torch.ones(1, 2))
    assert targets[0, 0].argmax() == 3 * 8 + 3


def test_tracks_of_one_phrase_share_the_sum_of_their_gaussians() -> None:
    tracks, targets = object_targets(layout((LEFT,), (RIGHT,), (LEFT,), phrases=("dogs", "dogs", "cat")), (1, 16, 16))
    assert [track.phrase for track in tracks] == ["dogs", "cat"]
    summed = gaussian_maps(torch.tensor(LEFT), 16, 16) + gaussian_maps(torch.tensor(RIGHT), 16, 16)
    torch.testing.assert_close(targets[0, 0], (summed / summed.sum()).float())


def test_shared_target_with_one_of_two_tracks_absent() -> None:
    """Three frames: both there, then one."""
    _, targets = object_targets(layout((LEFT, LEFT, LEFT), (RIGHT, None, None), phrases=("dogs", "dogs")), (3, 16, 16))
    alone = gaussian_maps(torch.tensor(LEFT), 16, 16)
    torch.testing.assert_close(targets[0, 2], (alone / alone.sum()).float())
    torch.testing.assert_close(targets.sum((-2, -1)), torch.ones(1, 3))
