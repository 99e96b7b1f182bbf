"""Exact renderer: scenes to pixels, anti-aliased from signed distances."""

import torch
from torch import Tensor

from ttom_pl.sprites.world import BACKGROUND, COLORS, NUM_FRAMES, SIZE, Sprite, SpritesScene


def signed_distance(shape: str, dx: Tensor, dy: Tensor, radius: float) -> Tensor:
    """Return the distance in pixels to the outline of a shape of the given radius, negative inside.

    All shapes have (about) the same bounding box: a square of side 2 × ``radius``, centred on the sprite.
    """
    if shape == "circle":
        return torch.hypot(dx, dy) - radius
    if shape == "square":
        return torch.maximum(dx.abs(), dy.abs()) - 0.92 * radius
    if shape == "triangle":
        # Upright isosceles triangle: base at dy = +r, apex at dy = -r, half-width r at the base.
        side = (2 * dx.abs() - dy - radius) / 5**0.5
        return torch.maximum(dy - radius, side)
    raise ValueError(f"unknown shape {shape!r}; the world has circle, square and triangle")


def _coverage(sprite: Sprite) -> Tensor:
    """Return the fraction of each pixel that a sprite covers, shape (F, H, W)."""
    axis = torch.arange(SIZE) + 0.5
    centers = torch.tensor(sprite.centers)
    dx = axis.view(1, 1, -1) - centers[:, 0].view(-1, 1, 1)
    dy = axis.view(1, -1, 1) - centers[:, 1].view(-1, 1, 1)
    return (0.5 - signed_distance(sprite.shape, dx, dy, sprite.radius)).clamp(0, 1)


def rgb(color: tuple[int, int, int]) -> Tensor:
    """Return an sRGB colour (0-255) as a (3, 1, 1, 1) tensor in [-1, 1]."""
    return torch.tensor(color, dtype=torch.float32).view(3, 1, 1, 1) / 127.5 - 1


def render(scene: SpritesScene) -> Tensor:
    """Render a scene: float32 tensor of shape (3, F, H, W) in [-1, 1]."""
    video = rgb(BACKGROUND).repeat(1, NUM_FRAMES, SIZE, SIZE)
    for sprite in scene.sprites:
        video = torch.lerp(video, rgb(COLORS[sprite.color]).expand_as(video), _coverage(sprite))
    return video
