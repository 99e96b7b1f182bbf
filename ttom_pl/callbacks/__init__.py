"""Lightning callbacks: memory, evaluation, files, progress."""

from ttom_pl.callbacks.attention import AttentionMaps
from ttom_pl.callbacks.base import Findings, MemoryCallback, StreamCallback, StreamInfo
from ttom_pl.callbacks.evaluation import Evaluation
from ttom_pl.callbacks.memory import ParametricMemory, StorePolicy
from ttom_pl.callbacks.progress import StreamProgress
from ttom_pl.callbacks.report import Report
from ttom_pl.callbacks.sprites import SpritesEvaluation
from ttom_pl.callbacks.video import VideoWriter

__all__ = [
    "AttentionMaps",
    "Evaluation",
    "Findings",
    "MemoryCallback",
    "ParametricMemory",
    "Report",
    "SpritesEvaluation",
    "StorePolicy",
    "StreamCallback",
    "StreamInfo",
    "StreamProgress",
    "VideoWriter",
]
