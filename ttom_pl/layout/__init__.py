"""Spatio-temporal layouts: schema, files and target maps."""

from ttom_pl.layout.schema import Box, Layout, LayoutError, Track
from ttom_pl.layout.targets import gaussian_maps, inside_maps, interpolate_boxes, object_targets, object_tracks

__all__ = [
    "Box",
    "Layout",
    "LayoutError",
    "Track",
    "gaussian_maps",
    "inside_maps",
    "interpolate_boxes",
    "object_targets",
    "object_tracks",
]
