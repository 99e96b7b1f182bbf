"""Scores of videos as torchmetrics, each on a function that can be used alone."""

from ttom_pl.evaluation.metrics.attention import AttentionLayoutJSD
from ttom_pl.evaluation.metrics.base import OWN, T2V_COMPBENCH, VBENCH, VideoMean
from ttom_pl.evaluation.metrics.detections import Detection, Detections, box_iou
from ttom_pl.evaluation.metrics.judged import (
    ActionBinding,
    ConsistentAttribute,
    DynamicAttribute,
    JudgedScore,
    ObjectInteractions,
    judged_score,
)
from ttom_pl.evaluation.metrics.layout import LayoutMIoU, layout_miou
from ttom_pl.evaluation.metrics.memory import HitRate, IterationsSaved, StageSeconds
from ttom_pl.evaluation.metrics.motion import MotionBinding, motion_binding, net_displacement
from ttom_pl.evaluation.metrics.numeracy import GenerativeNumeracy, generative_numeracy
from ttom_pl.evaluation.metrics.spatial import SpatialRelationship, spatial_relationship
from ttom_pl.evaluation.metrics.temporal import (
    Persistence,
    TemporalConsistency,
    TemporalFlickering,
    persistence,
    temporal_consistency,
    temporal_flickering,
)

__all__ = [
    "OWN",
    "T2V_COMPBENCH",
    "VBENCH",
    "ActionBinding",
    "AttentionLayoutJSD",
    "ConsistentAttribute",
    "Detection",
    "Detections",
    "DynamicAttribute",
    "GenerativeNumeracy",
    "HitRate",
    "IterationsSaved",
    "JudgedScore",
    "LayoutMIoU",
    "MotionBinding",
    "ObjectInteractions",
    "Persistence",
    "SpatialRelationship",
    "StageSeconds",
    "TemporalConsistency",
    "TemporalFlickering",
    "VideoMean",
    "box_iou",
    "generative_numeracy",
    "judged_score",
    "layout_miou",
    "motion_binding",
    "net_displacement",
    "persistence",
    "spatial_relationship",
    "temporal_consistency",
    "temporal_flickering",
]
