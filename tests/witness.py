"""A callback that keeps what a stream makes."""

import torch

from ttom_pl.callbacks import StreamCallback
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene


class Videos(StreamCallback):
    """Keep the videos, by the ids of their prompts."""

    def __init__(self) -> None:
        self.videos: dict[str, torch.Tensor] = {}

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: torch.Tensor) -> None:
        self.videos[request.prompt.id] = video
