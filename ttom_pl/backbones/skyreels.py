"""SkyReels-V2, text to video."""

from dataclasses import dataclass
from typing import Any

from diffusers import DiffusionPipeline, SkyReelsV2Pipeline

from ttom_pl.backbones.wan_family import WanFamily, WanFamilySettings


@dataclass(frozen=True, kw_only=True)
class SkyReelsSettings(WanFamilySettings):
    """Settings of SkyReels-V2."""

    height: int = 544
    width: int = 960
    num_frames: int = 97
    guidance_scale: float = 6.0
    fps: int = 24


class SkyReelsBackbone(WanFamily):
    """A frozen ``SkyReelsV2Pipeline``.

    With no adapter, the video equals the pipeline's own, bit for bit, at the same seed.

    Args:
        pretrained: a ``SkyReelsV2Pipeline``, its folder, or the id of one on the Hugging Face hub.
        **settings: the fields of :class:`SkyReelsSettings`.

    Raises:
        FileNotFoundError: if ``pretrained`` is neither a folder nor a model of the hub.
        ValueError: if the model cannot make videos of this size.
    """

    pipeline_class = SkyReelsV2Pipeline
    name = "skyreels-v2"
    settings: SkyReelsSettings

    def __init__(self, pretrained: str | DiffusionPipeline, **settings: Any) -> None:
        super().__init__(pretrained, SkyReelsSettings(**settings))
