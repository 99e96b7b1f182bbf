"""The stream: prompt after prompt through plan, memory, rehearsal, video and memory again.

This module shows the path of a prompt; each stage is a line of :meth:`Stream.serve`.
"""

import logging
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from ttom_pl.callbacks import StreamCallback
from ttom_pl.layout import Layout
from ttom_pl.planners import GrammarPlanner, Planner, plan_prompts
from ttom_pl.prompts import Prompt
from ttom_pl.resume import changes, check_places, image_record
from ttom_pl.run import RunFolder
from ttom_pl.tto import LayoutTTO

_VERSIONS = {name: version(name) for name in ("ttom_pl", "torch", "diffusers", "peft", "lightning")}


@dataclass
class Served:
    """A prompt on its way through the stream; the stages and callbacks add to it.

    Attributes:
        number: place in the stream, from 1.
        total: prompts in the stream.
        prompt: the prompt.
        layout: its layout.
        seed: seed of the initial noise.
        image: path and digest of the image that the video starts from, if there is one.
        losses: layout losses, a list for each guided step.
        updates: optimiser iterations.
        memory: what the memory decided.
        scores: what evaluation callbacks found.
        files: what was written, relative to the run folder.
        seconds: wall-clock seconds per stage.
        video: shape (F, 3, H, W) in [0, 1].
        plain: whether its layout is not trusted, so that it is sampled without rehearsal and memory.
    """

    number: int
    total: int
    prompt: Prompt
    layout: Layout
    seed: int
    image: dict[str, str] | None = None
    losses: list[list[float]] = field(default_factory=list)
    updates: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    video: Tensor | None = None
    plain: bool = False

    @contextmanager
    def clock(self, stage: str) -> Iterator[None]:
        """Take the time of a stage."""
        start = time.perf_counter()
        yield
        self.seconds[stage] = round(time.perf_counter() - start, 4)

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``results.jsonl``."""
        return {
            "id": self.prompt.id,
            "number": self.number,
            "prompt": self.prompt.text,
            "long": self.prompt.long,
            "image": self.image,
            "seed": self.seed,
            "memory": self.memory,
            "updates": self.updates,
            "losses": [[round(loss, 5) for loss in step] for step in self.losses],
            "seconds": self.seconds,
            "scores": self.scores,
            "files": self.files,
            "layout": self.layout.to_dict(),
        } | ({"plain": True} if self.plain else {})


class Stream:
    """Serve prompts one after the other, each made better by those before it.

    Args:
        out: the run folder; a run that stopped goes on where it stopped.
        planner: makes the layouts of prompts that bring none.
        seed: seed of the first prompt's noise.
        vary_seed: give prompt i the seed ``seed + i`` rather than the same one to all, as the paper does. What a
            memory holds serves the noise that it was learnt on best.
        on_error: what to do with a prompt that cannot be served: report and skip it, or stop.
        min_confidence: least confidence of a planned layout that is followed; to ask another planner first, give a
            :class:`~ttom_pl.planners.FallbackPlanner` its own ``min_confidence``. Layouts that prompts bring are taken
            as they are.
        unsure: what to do with a prompt whose layout has less: make its video by ``plain`` sampling, without rehearsal
            and memory, or ``skip`` it, as one that cannot be served.

    Raises:
        ValueError: if ``min_confidence`` is not from 0 to 1.
    """

    def __init__(
        self,
        out: Path,
        planner: Planner | None = None,
        seed: int = 42,
        vary_seed: bool = False,
        on_error: Literal["skip", "raise"] = "skip",
        min_confidence: float = 0.0,
        unsure: Literal["plain", "skip"] = "plain",
    ) -> None:
        if not 0 <= min_confidence <= 1:
            raise ValueError(f"stream.min_confidence is {min_confidence}; it must be from 0 to 1")
        self.out = Path(out)
        self.planner = planner or GrammarPlanner()
        self.seed = seed
        self.vary_seed = vary_seed
        self.on_error = on_error
        self.min_confidence = min_confidence
        self.unsure = unsure

    def run(self, trainer: Trainer, module: LayoutTTO, prompts: Sequence[Prompt], config: str = "") -> RunFolder:
        """Serve all prompts that the run folder has no result for, or that were changed since.

        Args:
            trainer: makes the fits; its :class:`~ttom_pl.callbacks.StreamCallback` callbacks follow the stream.
            module: the optimisation of one prompt, with the backbone.
            prompts: the stream.
            config: the run's config as YAML, kept in the run folder.

        Raises:
            RunError: if the folder cannot be used.
            ValueError: if the trainer has several processes;
                with ``on_error="raise"``, for the first prompt that cannot be served.
        """
        if trainer.world_size != 1:
            raise ValueError(
                f"the trainer has {trainer.world_size} processes, each of which would serve every prompt; "
                "set trainer.devices and trainer.num_nodes to 1"
            )
        self.trainer, self.module, self.prompts = trainer, module, prompts
        self.folder = RunFolder.open(self.out, config)
        check_places(prompts, self.folder)
        _quieten_lightning()
        module.backbone.to(trainer.strategy.root_device)
        self.requests = list(self.plan(prompts, self._done(prompts)))
        with ExitStack() as ends:  # all of them run, whatever one raises
            for callback in self._callbacks():
                callback.on_stream_start(self)
                ends.callback(callback.on_stream_end, self)
            for served in self.requests:
                try:
                    self.serve(served)
                except ValueError as error:
                    self._refuse(served.prompt, error)
                else:
                    self.folder.append(served.to_dict() | {"versions": _VERSIONS})
                    self._tell("on_prompt_served", served)
        return self.folder

    def _done(self, prompts: Sequence[Prompt]) -> set[str]:
        """Return the ids of the prompts that have a result already, and still are what they were."""
        results, done = self.folder.results(), set()
        for prompt in prompts:
            result = results.get(prompt.id)
            if result is None or "error" in result:
                continue
            changed = changes(prompt, result)
            if changed:
                rank_zero_info(
                    f"prompt {prompt.id!r} is served again, with another {' and '.join(changed)} than before"
                )
            else:
                done.add(prompt.id)
        return done

    def plan(self, prompts: Sequence[Prompt], done: Set[str] = frozenset()) -> Iterator[Served]:
        """Plan all prompts that are not done and find their objects' tokens, before anything expensive starts."""
        planned = []
        made = plan_prompts(self.planner, [prompt for prompt in prompts if prompt.id not in done])
        for number, prompt in enumerate(prompts):
            if prompt.id in done:
                continue
            start = time.perf_counter()
            try:
                layout = next(made)
                if isinstance(layout, ValueError):
                    raise layout
                plain = prompt.layout is None and layout.confidence < self.min_confidence
                if plain and self.unsure == "skip":
                    raise ValueError(
                        f"its layout has a confidence of {layout.confidence:g}, less than min_confidence "
                        f"{self.min_confidence:g} ({layout.reason}); reword it, or bring a layout"
                    )
                self.module.backbone.check_image(prompt.image)
                for track in layout.tracks:
                    self.module.backbone.token_positions(layout.prompt, track.words, track.spans)
            except ValueError as error:
                self._refuse(prompt, error)
                continue
            seed = self.seed + number * self.vary_seed
            image = None if prompt.image is None else image_record(prompt.image)
            served = Served(number + 1, len(prompts), prompt, layout, seed, image, plain=plain)
            served.seconds["plan"] = round(time.perf_counter() - start, 4)
            planned.append(served)
        yield from planned

    def serve(self, served: Served) -> None:
        """Serve one planned prompt: layout → memory → fit → video → memory."""
        self._tell("on_prompt_start", served)
        with served.clock("encode"):
            self.module.begin(self.module.prepare(served.layout, served.seed, served.prompt.image))
        with served.clock("fit"):
            if not served.plain:
                self._fit()
            elif self.module.adapter is not None:
                self.module.learnt = dict(self.module.adapter.state_dict())
        with served.clock("denoise"):
            latents = self.module.denoise()
        with served.clock("decode"):
            served.video = self.module.backbone.decode(latents)
        served.losses, served.updates = self.module.losses, self.module.updates
        self._tell("on_prompt_end", served)

    def _fit(self) -> None:
        """Optimise the adapter: one epoch for each guided step, on the one trainer of the stream."""
        if self.module.guidance is not None:
            self.module.guide()
        elif self.module.guided_steps:
            self.trainer.fit_loop.max_epochs = self.trainer.current_epoch + self.module.guided_steps
            self.trainer.fit(self.module)

    def _refuse(self, prompt: Prompt, error: ValueError) -> None:
        if self.on_error == "raise":
            raise error
        rank_zero_warn(f"prompt {prompt.id!r} is skipped: {error}")
        result = {"id": prompt.id, "prompt": prompt.text, "error": str(error)}
        if self.folder.results().get(prompt.id) != result:
            self.folder.append(result)

    def _callbacks(self) -> list[StreamCallback]:
        return [each for each in self.trainer.callbacks if isinstance(each, StreamCallback)]  # type: ignore[attr-defined]

    def _tell(self, hook: str, served: Served) -> None:
        for callback in self._callbacks():
            getattr(callback, hook)(served)


def _quieten_lightning() -> None:
    """Drop the notes that Lightning prints at each fit, of which a stream makes one per prompt."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: not record.getMessage().startswith("`Trainer.fit` stopped")
    )
