"""What a call gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ttom_pl.io.media import write_mp4
from ttom_pl.layout import Layout
from ttom_pl.run import Decision


@dataclass(frozen=True)
class TTOMOutput:
    """The video of a prompt, and how it came about.

    Attributes:
        frames: as the pipeline's own output has them, a batch of one video: an array of shape (1, F, H, W, 3) for
            ``np``, a tensor of shape (1, F, 3, H, W) for ``pt``, both in [0, 1], a list with a list of F images for
            ``pil``, the latents for ``latent``.
        prompt: the text that the video was made from.
        output_type: form of the frames.
        layout: where its objects were to be; ``None`` for a plain video without a given layout.
        losses: layout losses, in nats from 0 to ln 2, of each iteration of each guided step.
        memory: what the memory gave, and what became of what was learnt; ``None`` without a memory.
        seed: initial seed of the generator.
        updates: iterations that changed something.
        shifts: root mean square of what was added to the latents before each guided step; empty where they stay.
        loaded_loss: layout loss with what the memory gave, where that was measured.
        verified: whether it was low enough to be used as it is.
        plain: whether the video is the plain model's, as asked for or because the layout was not trusted.
        interrupted: whether a callback has ended it early.
        fps: frames per second that the model is made for.
        seconds: wall-clock seconds per stage.
    """

    frames: Any = field(repr=False)
    prompt: str
    output_type: str = "pt"
    layout: Layout | None = None
    losses: tuple[tuple[float, ...], ...] = ()
    memory: Decision | None = None
    seed: int = 0
    updates: int = 0
    shifts: tuple[float, ...] = ()
    loaded_loss: float | None = None
    verified: bool = False
    plain: bool = False
    interrupted: bool = False
    fps: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

    def save(self, path: Path | str) -> None:
        """Write the video as mp4, at the model's frames per second.

        Raises:
            ValueError: if the frames are latents.
        """
        if self.output_type == "latent":
            raise ValueError("the frames are latents; make the video with output_type np, pt or pil to save it")
        video = self.frames[0]
        if isinstance(video, list):
            video = np.stack([np.asarray(frame, dtype=np.float32) / 255 for frame in video])
        if isinstance(video, np.ndarray):
            video = torch.from_numpy(video).movedim(-1, 1)
        write_mp4(Path(path), video.float().cpu(), self.fps)
