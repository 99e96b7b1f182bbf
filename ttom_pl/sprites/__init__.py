"""Sprites: a world small enough to know exactly, and the embedded text-to-video model that is trained on it."""

from ttom_pl.sprites.data import SpritesCaptions, SpritesLatents, SpritesVideos
from ttom_pl.sprites.text import SpritesText
from ttom_pl.sprites.text_to_video import SpritesTextToVideo
from ttom_pl.sprites.vae import SpritesVAE

__all__ = ["SpritesCaptions", "SpritesLatents", "SpritesText", "SpritesTextToVideo", "SpritesVAE", "SpritesVideos"]
