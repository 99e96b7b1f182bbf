"""Other ways to make a video follow its layout, to compare TTOM with."""

from ttom_pl.baselines.attention_bias import AttentionBias
from ttom_pl.baselines.base import Guidance
from ttom_pl.baselines.latent_guidance import LatentGuidance

__all__ = ["AttentionBias", "Guidance", "LatentGuidance"]
