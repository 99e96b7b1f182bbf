"""The rehearsal of a prompt: what is optimised in the first denoising steps, as a tiny Lightning fit."""

from ttom_pl.rehearsal.attention_bias import AttentionBias
from ttom_pl.rehearsal.latent_guidance import JointTTO, LatentGuidance
from ttom_pl.rehearsal.methods import AdapterTTO, Method
from ttom_pl.rehearsal.module import LayoutTTO
from ttom_pl.rehearsal.rehearse import rehearse
from ttom_pl.rehearsal.trainer import check_trainer
from ttom_pl.scene import Fit, Scene, Start

__all__ = [
    "AdapterTTO",
    "AttentionBias",
    "Fit",
    "JointTTO",
    "LatentGuidance",
    "LayoutTTO",
    "Method",
    "Scene",
    "Start",
    "check_trainer",
    "rehearse",
]
