"""Frozen text-to-video models."""

from ttom_pl.backbones.base import Backbone, Picture, StepEnd
from ttom_pl.backbones.cogvideox import CogVideoXBackbone, CogVideoXSettings
from ttom_pl.backbones.hunyuan import HunyuanVideoBackbone, HunyuanVideoSettings
from ttom_pl.backbones.hunyuan15 import HunyuanVideo15Backbone, HunyuanVideo15Settings
from ttom_pl.backbones.kandinsky import Kandinsky5Backbone, Kandinsky5Settings
from ttom_pl.backbones.known import backbone_of
from ttom_pl.backbones.lora import Adapter
from ttom_pl.backbones.ltx import LTXBackbone, LTXSettings
from ttom_pl.backbones.mochi import MochiBackbone, MochiSettings
from ttom_pl.backbones.placement import Placement
from ttom_pl.backbones.quantization import Quantization
from ttom_pl.backbones.schedule import Schedule
from ttom_pl.backbones.settings import Settings
from ttom_pl.backbones.skyreels import SkyReelsBackbone, SkyReelsSettings
from ttom_pl.backbones.user_loras import Lora
from ttom_pl.backbones.wan import WanBackbone, WanSettings
from ttom_pl.backbones.wan_image import WanImageBackbone

__all__ = [
    "Adapter",
    "Backbone",
    "CogVideoXBackbone",
    "CogVideoXSettings",
    "HunyuanVideo15Backbone",
    "HunyuanVideo15Settings",
    "HunyuanVideoBackbone",
    "HunyuanVideoSettings",
    "Kandinsky5Backbone",
    "Kandinsky5Settings",
    "LTXBackbone",
    "LTXSettings",
    "Lora",
    "MochiBackbone",
    "MochiSettings",
    "Picture",
    "Placement",
    "Quantization",
    "Schedule",
    "Settings",
    "SkyReelsBackbone",
    "SkyReelsSettings",
    "StepEnd",
    "WanBackbone",
    "WanImageBackbone",
    "WanSettings",
    "backbone_of",
]
