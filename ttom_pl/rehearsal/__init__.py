"""The rehearsal of a prompt: what is optimised in the first denoising steps, as a tiny Lightning fit."""

from ttom_pl.rehearsal.attention_bias import AttentionBias
from ttom_pl.rehearsal.inner_trainer import inner_trainer, within_a_program
from ttom_pl.rehearsal.latent_guidance import JointTTO, LatentGuidance
from ttom_pl.rehearsal.methods import AdapterTTO, Method
from ttom_pl.rehearsal.module import LayoutTTO
from ttom_pl.rehearsal.named import METHODS, is_plain, method_named
from ttom_pl.rehearsal.notes import quieten_fits
from ttom_pl.rehearsal.processes import alone
from ttom_pl.rehearsal.rehearse import rehearse
from ttom_pl.rehearsal.trainer import check_trainer
from ttom_pl.scene import Fit, Scene, Start

__all__ = [
    "METHODS",
    "AdapterTTO",
    "AttentionBias",
    "Fit",
    "JointTTO",
    "LatentGuidance",
    "LayoutTTO",
    "Method",
    "Scene",
    "Start",
    "alone",
    "check_trainer",
    "inner_trainer",
    "is_plain",
    "method_named",
    "quieten_fits",
    "rehearse",
    "within_a_program",
]
