"""The path of a planned prompt through the model, whoever asks: encode, recall, rehearse, denoise."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from ttom_pl.backbones import Backbone, Picture
from ttom_pl.layout import Layout
from ttom_pl.recall import Recall
from ttom_pl.rehearsal import LayoutTTO, rehearse
from ttom_pl.scene import Fit, Scene, Start


@dataclass(frozen=True)
class Made:
    """A prompt whose latents are there.

    Attributes:
        scene: the prompt as the model sees it.
        recall: what the memory said of it; ``None`` where it was not asked.
        fit: its rehearsal.
        latents: the latents after the last step, shape (1, C, T, h, w) in the order of the model's axes.
    """

    scene: Scene
    recall: Recall | None
    fit: Fit
    latents: Tensor


def check_layout(backbone: Backbone, layout: Layout, image: Picture | None = None) -> None:
    """Check that a model can follow a layout, before anything expensive starts.

    Raises:
        ValueError: if a word is not among the prompt's tokens, or the image is not what the model wants.
    """
    backbone.check_image(image)
    for track in layout.tracks:
        backbone.token_positions(layout.prompt, track.words, track.spans)


def make_latents(
    trainer: Trainer,
    module: LayoutTTO,
    layout: Layout,
    seed: int,
    seconds: dict[str, float],
    *,
    image: Picture | None = None,
    generator: torch.Generator | None = None,
    recall: Callable[[Scene], Recall | None] | None = None,
    plain: bool = False,
) -> Made:
    """Take a prompt from its layout to the latents of its video.

    Args:
        trainer: makes the fit.
        module: the rehearsal, with the backbone.
        layout: the layout, with the prompt.
        seed: seed of the noise.
        seconds: takes what each stage took.
        image: the image that the video starts from, where the model wants one.
        generator: what to draw the noise from instead of from the seed.
        recall: asks the memory what a scene starts from, if there is a memory.
        plain: whether to sample without rehearsal and memory.

    Raises:
        ValueError: if a word of the layout is not among the prompt's tokens.
    """
    with clock(seconds, "encode"):
        scene = module.prepare(layout, seed, image, generator)
    with clock(seconds, "recall"):
        known = None if plain or recall is None else recall(scene)
    with clock(seconds, "fit"):
        start = Start() if known is None else known.start
        fit = Fit.none(scene) if plain else rehearse(trainer, module, scene, start)
    with clock(seconds, "denoise"):
        latents = module.denoise(scene, fit)
    return Made(scene, known, fit, latents)


@contextmanager
def clock(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Take the time of a stage."""
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 4)
