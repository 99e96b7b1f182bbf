"""How far a known camera moves, with an object that goes the other way."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from ttom_pl.evaluation.detectors import background_motion
from ttom_pl.evaluation.metrics import Detection

FRAMES, HEIGHT, WIDTH = 5, 72, 128


def panning(dx: float, dy: float, object_step: float = 0.0, seed: int = 0) -> tuple[torch.Tensor, list]:
    """A textured background that moves by (dx, dy) pixels a frame, under a bright square that moves by itself."""
    noise = np.random.default_rng(seed).random((3 * HEIGHT, 3 * WIDTH))
    scene = ndimage.gaussian_filter(noise, 2)
    scene = (scene - scene.min()) / (scene.max() - scene.min())
    video, frames = [], []
    for time in range(FRAMES):
        moved = ndimage.shift(scene, (dy * time, dx * time), order=3, mode="wrap")
        picture = moved[HEIGHT : 2 * HEIGHT, WIDTH : 2 * WIDTH].copy()
        left = int(40 + object_step * time)
        rows = np.arange(40)[:, None]
        picture[16:56, left : left + 40] = (rows // 4 + np.arange(40) // 4) % 2
        frames.append((Detection("cat", (left / WIDTH, 16 / HEIGHT, (left + 40) / WIDTH, 56 / HEIGHT)),))
        video.append(picture)
    return torch.from_numpy(np.stack(video)).clamp(0, 1)[:, None].expand(-1, 3, -1, -1), frames


@pytest.mark.parametrize(("dx", "dy"), [(3.0, 0.0), (-4.0, 2.0), (0.0, -5.0), (1.4, 0.6), (0.0, 0.0)])
def test_known_pans(dx: float, dy: float) -> None:
    """To a quarter of a pixel a frame, whatever the object does."""
    video, frames = panning(dx, dy, object_step=-6.0)
    moved = np.array(background_motion(video, frames)) * (WIDTH, HEIGHT)
    expected = np.arange(FRAMES)[:, None] * np.array([[dx, dy]])
    assert np.abs(moved - expected).max() < 0.25 * FRAMES


def test_the_object_would_mislead() -> None:
    """Guards the test above: an object that fills much of a still frame is taken for the camera where it is not left
    out, and is not where it is."""
    video, frames = panning(0.0, 0.0, object_step=6.0)
    flat = video.clone()
    for time, (detection,) in enumerate(frames):
        x0, x1 = (round(side * WIDTH) for side in detection.box[::2])
        flat[time, :, :, :x0] = flat[time, :, :, x1:] = flat[time, :, :16] = flat[time, :, 56:] = 0.5
    seen = background_motion(flat, [()] * FRAMES)[-1][0] * WIDTH
    assert seen == pytest.approx(24, abs=1)
    assert background_motion(flat, frames)[-1] == (0.0, 0.0)


def test_masks_come_before_boxes() -> None:
    """A box that covers everything would leave no background; its mask does."""
    video, frames = panning(3.0, 0.0)
    masked = []
    for (detection,) in frames:
        mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
        x0, x1 = (round(side * WIDTH) for side in detection.box[::2])
        mask[16:56, x0:x1] = True
        masked.append((Detection("cat", (0.0, 0.0, 1.0, 1.0), mask=mask),))
    assert background_motion(video, masked)[-1][0] * WIDTH == pytest.approx(12, abs=0.5)
    whole = [(Detection("cat", (0.0, 0.0, 1.0, 1.0)),)] * FRAMES
    assert background_motion(video, whole)[-1] == (0.0, 0.0)


def test_cuts_and_large_frames() -> None:
    """What is not found again counts as standing still; large frames are measured at a smaller size."""
    one, two = panning(0, 0, seed=1)[0], panning(0, 0, seed=2)[0]
    assert background_motion(torch.stack([one[0], two[0]]), [(), ()])[-1] == pytest.approx((0, 0), abs=0.02)
    video, frames = panning(4.0, 0.0)
    large = torch.nn.functional.interpolate(video, scale_factor=4, mode="bilinear")
    assert background_motion(large, frames)[-1][0] * WIDTH == pytest.approx(16, abs=0.5)
