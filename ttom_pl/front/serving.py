"""From a checked call to a video, with the pipeline as it was before and after."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ttom_pl.backbones import StepEnd
from ttom_pl.backbones.pipeline import PipelineBackbone
from ttom_pl.backbones.step_end import StepEndCallback
from ttom_pl.callbacks.remembering import Remembering
from ttom_pl.evaluation.metrics import HitRate
from ttom_pl.front.call import Call
from ttom_pl.front.output import TTOMOutput
from ttom_pl.front.randomness import generator_on
from ttom_pl.memory import Entry, Memory
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.recall import KeepPolicy, KeyPolicy, RecallPolicy
from ttom_pl.rehearsal import LayoutTTO, inner_trainer, within_a_program
from ttom_pl.run import Decision
from ttom_pl.run.request import Request
from ttom_pl.scene import Conditioning, Fit
from ttom_pl.stream import Made, check_layout, clock, make_latents


class Serving:
    """Makes videos by a pipeline that its owner holds.

    Args:
        pipe: the pipeline.
        backbone: the class that holds it.
        rehearsal: arguments of :class:`~ttom_pl.rehearsal.LayoutTTO`.
        memory: the memory, opened; ``None`` for none.
        read_only: whether nothing is remembered.
        key: what makes two scenes similar.
        recall: which entries answer.
        keep: what is remembered.
    """

    def __init__(
        self,
        pipe: Any,
        backbone: type[PipelineBackbone],
        rehearsal: Mapping[str, Any],
        memory: Memory | None,
        read_only: bool,
        key: KeyPolicy,
        recall: RecallPolicy,
        keep: KeepPolicy,
    ) -> None:
        self.pipe = pipe
        self.backbone_class = backbone
        self.rehearsal = dict(rehearsal)
        self.memory = memory
        self.read_only = read_only
        self._policies = key, recall, keep
        with torch.inference_mode(False):  # it adds up in place
            self._hit_rate = HitRate()
        self._run, self._served = secrets.token_hex(8), 0

    def check(self, calls: Sequence[Call]) -> None:
        """Check calls against the model, before the first of them costs anything.

        Raises:
            ValueError: if the model cannot make videos of this size or start from this image, a number of the rehearsal
                does not fit it, or the words of a layout are not among a prompt's tokens.
        """
        groups: list[list[Call]] = []
        for call in calls:
            alike = groups and (groups[-1][0].settings, groups[-1][0].plain) == (call.settings, call.plain)
            groups[-1].append(call) if alike else groups.append([call])
        for group in groups:
            with self._backbone(group[0]) as backbone:
                self._module(backbone, group[0])
                for call in group:
                    backbone.check_image(call.image)
                    self._listener(backbone, call)
                    if call.layout is not None:
                        check_layout(backbone, call.layout, call.image)

    def bring(self, call: Call, path: Path | str) -> Entry:
        """Remember the LoRA of a file under the layout of a call.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if nothing is remembered here, or it is no LoRA that the rehearsal's adapter can hold.
        """
        with self._backbone(call) as backbone:
            memory = self._remembering(self._module(backbone, call))
            if memory is None or self.read_only or call.layout is None:
                raise ValueError(
                    f"nothing is remembered here, by the method {type(call.method).__name__}"
                    f"{', as the memory is read-only' if self.read_only else ''}; import a LoRA into a TTOM that has a "
                    "memory, with a method that has an adapter, such as paper"
                )
            return memory.bring(path, call.layout)

    def serve(self, call: Call) -> TTOMOutput:
        """Make the video of a call, and remember what was learnt."""
        seconds = dict(call.seconds)
        with within_a_program(), self._backbone(call) as backbone:
            module, generator = self._module(backbone, call), call.generator or generator_on(backbone.device)
            seed = generator.initial_seed()
            memory = self._remembering(module)
            with self._told(backbone, call):
                if module is None or call.layout is None:
                    made, latents = None, _plain(backbone, call, generator, seconds)
                else:
                    made = make_latents(
                        inner_trainer(backbone.device),
                        module,
                        call.layout,
                        seed,
                        seconds,
                        image=call.image,
                        generator=generator,
                        recall=None if memory is None else memory.recall,
                    )
                    latents = made.latents
            interrupted = backbone.interrupted
            with clock(seconds, "decode"):
                frames = backbone.frames(latents, call.output_type)
            decision = None
            if memory is not None and made is not None and not interrupted:
                with clock(seconds, "memory"):
                    decision = self._remember(memory, call, made, seed)
        self._served += 1
        return TTOMOutput(
            frames=frames,
            prompt=call.prompt if made is None else made.scene.layout.prompt,
            output_type=call.output_type,
            layout=call.layout,
            memory=decision,
            seed=seed,
            plain=made is None,
            interrupted=interrupted,
            fps=backbone.fps,
            seconds=seconds,
            **({} if made is None else _facts(made.fit)),
        )

    def _backbone(self, call: Call) -> PipelineBackbone:
        return self.backbone_class.from_settings(self.pipe, call.settings)

    def _module(self, backbone: PipelineBackbone, call: Call) -> LayoutTTO | None:
        """Return the rehearsal of a call; ``None`` for a plain one."""
        # The layers of an adapter are drawn from everybody's generator before they are set.
        with torch.random.fork_rng([backbone.device] if backbone.device.type == "cuda" else []):
            module = None if call.plain else LayoutTTO(backbone, **self.rehearsal, method=call.method)
        if call.settings.placement is not None:
            backbone.to(backbone.device)
        return module

    def _remembering(self, module: LayoutTTO | None) -> Remembering | None:
        if self.memory is None or module is None or module.adapter is None:
            return None
        return Remembering(self.memory, module, self.read_only, *self._policies, self._hit_rate)

    def _remember(self, memory: Remembering, call: Call, made: Made, seed: int) -> Decision | None:
        if made.recall is None:
            return None
        prompt, number = Prompt(str(self._served), call.prompt), self._served + 1
        request = Request(number, number, prompt, made.scene.layout, seed)
        return memory.commit(memory.propose(request, self._run, made.scene, made.recall, made.fit))

    def _listener(self, backbone: PipelineBackbone, call: Call) -> StepEnd | None:
        return None if call.callback is None else StepEndCallback(call.callback, call.inputs, backbone)

    @contextmanager
    def _told(self, backbone: PipelineBackbone, call: Call) -> Iterator[None]:
        """Have the caller's callback told of each step, and the pipeline's progress bar show it."""
        listener = self._listener(backbone, call)
        with copy(self.pipe).progress_bar(total=backbone.num_steps) as bar:

            def tell(index: int, latents: Tensor, conditioning: Conditioning) -> tuple[Tensor, Conditioning]:
                bar.update()
                return (latents, conditioning) if listener is None else listener(index, latents, conditioning)

            backbone.on_step_end = tell
            yield


def _facts(fit: Fit) -> dict[str, Any]:
    facts = {name: getattr(fit, name) for name in ("losses", "updates", "loaded_loss", "verified")}
    return facts | {"shifts": fit.shift_sizes}


def _plain(backbone: PipelineBackbone, call: Call, generator: Any, seconds: dict[str, float]) -> Tensor:
    """Return the latents that the pipeline itself would make."""
    with clock(seconds, "encode"):
        conditioning, latents = backbone.encode(call.prompt, call.image), backbone.start(0, generator)
    with clock(seconds, "denoise"):
        for step in range(backbone.num_steps):
            latents = backbone.step(latents, step, conditioning)
    return latents
