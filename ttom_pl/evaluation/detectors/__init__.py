"""Detectors: what a video shows, exactly for Sprites, by zero-shot models and SAM 2 for real video."""

from ttom_pl.evaluation.detectors.background import background_motion
from ttom_pl.evaluation.detectors.base import Detector
from ttom_pl.evaluation.detectors.linking import link, suppress
from ttom_pl.evaluation.detectors.sam2 import Sam2Tracker
from ttom_pl.evaluation.detectors.sprites import SpritesDetector
from ttom_pl.evaluation.detectors.zero_shot import ZeroShotDetector

__all__ = [
    "Detector",
    "Sam2Tracker",
    "SpritesDetector",
    "ZeroShotDetector",
    "background_motion",
    "link",
    "suppress",
]
