"""What a stream makes of its memory: what a scene starts from, and what of its rehearsal is remembered."""

from ttom_pl.recall.policy import KeepPolicy, RecallPolicy
from ttom_pl.recall.records import Proposal, Recall
from ttom_pl.recall.scene_memory import KeyPolicy, SceneMemory

__all__ = ["KeepPolicy", "KeyPolicy", "Proposal", "Recall", "RecallPolicy", "SceneMemory"]
