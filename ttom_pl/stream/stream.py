"""The stream: prompt after prompt through plan, memory, rehearsal, video and memory again.

:meth:`Stream.serve` shows the path of a prompt; its middle is :mod:`ttom_pl.stream.path`.
"""

import time
from collections.abc import Sequence, Set
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeVar

from lightning.pytorch import Trainer
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from torch import Tensor

from ttom_pl.callbacks.base import Findings, MemoryCallback, StreamCallback, StreamInfo
from ttom_pl.io.ranges import check_range
from ttom_pl.layout import Layout
from ttom_pl.planners import GrammarPlanner, Planner, plan_prompts
from ttom_pl.prompts import Prompt
from ttom_pl.prompts.prompt import sampled
from ttom_pl.recall import Proposal
from ttom_pl.rehearsal import LayoutTTO, check_trainer, quieten_fits
from ttom_pl.run import Result, RunFolder, Skipped, check_places, image_record
from ttom_pl.run.config import modern
from ttom_pl.run.folder import Complete
from ttom_pl.run.identity import changes
from ttom_pl.run.pending import Pending, held, hold, release
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene
from ttom_pl.stream.path import check_layout, clock, make_latents

_T = TypeVar("_T")
_VERSIONS = {name: version(name) for name in ("ttom_pl", "torch", "diffusers", "peft", "lightning")}


class Stream:
    """Serve prompts one after the other, each made better by those before it.

    Args:
        out: the run folder; a run that stopped goes on where it stopped.
        planner: makes the layouts of prompts that bring none.
        seed: seed of the first prompt's noise.
        vary_seed: give prompt i the seed ``seed + i`` rather than the same one to all, as the paper does. What a
            memory holds serves the noise that it was learnt on best.
        samples: videos of each prompt, each with a line of results, an id (``0001-0``, ``0001-1`` …) and a seed of its
            own: ``seed + sample``, with ``vary_seed`` one more for each video of the stream. They have one layout. To
            the memory a sample is a prompt like any other.
        on_error: what to do with a prompt that cannot be served for its words, boxes or image, which is found before
            the first is served: report and skip it, or stop. Any other error stops the run, which goes on later.
        min_confidence: least confidence of a planned layout that is followed; to ask another planner first, give a
            :class:`~ttom_pl.planners.FallbackPlanner` its own ``min_confidence``. Layouts that prompts bring are taken
            as they are.
        unsure: what to do with a prompt whose layout has less: make its video by ``plain`` sampling, without rehearsal
            and memory, or ``skip`` it, as one that cannot be served.

    Raises:
        ValueError: if ``min_confidence`` is not from 0 to 1, or ``samples`` not from 1 to 1000.
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
        samples: int = 1,
    ) -> None:
        check_range("stream.min_confidence", min_confidence, least=0, most=1)
        check_range("stream.seed", seed, least=-(2**63), most=2**63 - 1 - 2**32)
        check_range("stream.samples", samples, least=1, most=1000, meaning="videos of each prompt")
        self.out = Path(out)
        self.planner = planner or GrammarPlanner()
        self.seed = seed
        self.vary_seed = vary_seed
        self.on_error = on_error
        self.min_confidence = min_confidence
        self.unsure = unsure
        self.samples = samples

    def run(
        self,
        trainer: Trainer,
        module: LayoutTTO,
        prompts: Sequence[Prompt],
        config: str = "",
        complete: Complete = modern,
    ) -> RunFolder:
        """Serve all prompts that the run folder has no result for, or that were changed since.

        Args:
            trainer: makes the fits; its :class:`~ttom_pl.callbacks.StreamCallback` callbacks follow the stream.
            module: the rehearsal of one prompt, with the backbone.
            prompts: the stream.
            config: the run's config as YAML, kept in the run folder.
            complete: adds the options that the config of an earlier version lacks.

        Raises:
            RunError: if the folder cannot be used, or another process serves into it.
            ValueError: if the trainer has a setting that would change the rehearsals;
                with ``on_error="raise"``, for the first prompt that cannot be served.
        """
        check_trainer(trainer)
        prompts = sampled(prompts, self.samples)
        self.trainer, self.module = trainer, module
        self._callbacks = [candidate for candidate in trainer.callbacks if isinstance(candidate, StreamCallback)]  # type: ignore[attr-defined]
        self._memory = next((candidate for candidate in self._callbacks if isinstance(candidate, MemoryCallback)), None)
        RunFolder(self.out).check(config, complete)
        with RunFolder(self.out).owned(), ExitStack() as ends:  # all of them run, whatever one raises
            self.folder = RunFolder.open(self.out, config, complete)
            self._known = self.folder.results()
            check_places(prompts, self._known)
            quieten_fits()
            module.backbone.to(trainer.strategy.root_device)
            if self._memory is not None:
                self._memory.open(self.folder, module)
                ends.callback(self._memory.close)
            self._finish_pending(prompts)
            requests = self.plan(prompts, self._done(prompts))
            info = StreamInfo(self.folder, module, prompts, requests)
            for callback in self._callbacks:
                callback.on_stream_start(info)
                ends.callback(callback.on_stream_end, info)
            for request in requests:
                self._tell_served(self.serve(request))
        return self.folder

    def serve(self, request: Request) -> Result:
        """Serve one planned prompt: layout → scene → recall → rehearsal → video → findings → memory → result."""
        for callback in self._callbacks:
            callback.on_prompt_start(request)
        seconds = {"plan": request.seconds}
        made = make_latents(
            self.trainer,
            self.module,
            request.layout,
            request.seed,
            seconds,
            image=request.prompt.image,
            recall=None if self._memory is None else self._memory.recall,
            plain=request.plain,
        )
        with clock(seconds, "decode"):
            video = self.module.backbone.decode(made.latents)
        result = self._result(request, made.fit, self._findings(request, made.scene, made.fit, video), seconds)
        if self._memory is None or made.recall is None:
            self.folder.append(result)
            return result
        with clock(seconds, "memory"):
            proposal = self._memory.propose(request, made.scene, made.recall, made.fit)
        return self._remember(result, proposal)

    def _result(self, request: Request, fit: Fit, findings: Findings, seconds: dict[str, float]) -> Result:
        return Result(
            id=request.prompt.id,
            number=request.number,
            prompt=request.prompt.text,
            long=request.prompt.long,
            sample=request.prompt.sample,
            sample_of=request.prompt.sample_of,
            layout=request.layout,
            seed=request.seed,
            image=request.image,
            losses=fit.losses,
            updates=fit.updates,
            shifts=fit.shift_sizes,
            seconds=seconds,
            scores=findings.scores,
            files=findings.files,
            truth=findings.truth,
            plain=request.plain,
            versions=_VERSIONS,
        )

    def _findings(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> Findings:
        """Return what all callbacks have found and written."""
        scores: dict[str, float] = {}
        files: dict[str, str] = {}
        truth: dict[str, str] = {}
        for callback in self._callbacks:
            findings = callback.on_prompt_end(request, scene, fit, video)
            if findings is not None:
                scores |= findings.scores
                files |= findings.files
                truth |= findings.truth
        return Findings(_in_order(scores), _in_order(files), _in_order(truth))

    def _remember(self, result: Result, proposal: Proposal) -> Result:
        """Commit to the memory and write the result: both, whenever the process is stopped in between."""
        assert self._memory is not None
        hold(self.folder.path, Pending(result, proposal.to_dict(), proposal.adapter))
        start = time.perf_counter()
        decision = self._memory.commit(proposal)
        result = result.remembered(decision, time.perf_counter() - start)
        self.folder.append(result)
        release(self.folder.path)
        return result

    def _finish_pending(self, prompts: Sequence[Prompt]) -> None:
        """Finish the prompt whose video was there when the run was stopped, if it still is in the stream."""
        pending = held(self.folder.path)
        if pending is None:
            return
        prompt = next((candidate for candidate in prompts if candidate.id == pending.result.id), None)
        done = pending.is_done(self._known.served.get(pending.result.id))
        if self._memory is None or prompt is None or done or changes(prompt, pending.result):
            release(self.folder.path)
        else:
            result = self._remember(pending.result, Proposal.from_dict(pending.proposal, pending.tensors))
            self._known.lines[result.id] = result

    def _done(self, prompts: Sequence[Prompt]) -> set[str]:
        """Return the ids of the prompts that have a result already, and still are what they were."""
        results, done = self._known.served, set()
        for prompt in prompts:
            if prompt.id not in results:
                continue
            changed = changes(prompt, results[prompt.id])
            if changed:
                rank_zero_info(
                    f"prompt {prompt.id!r} is served again, with another {' and '.join(changed)} than before"
                )
            else:
                done.add(prompt.id)
        return done

    def plan(self, prompts: Sequence[Prompt], done: Set[str] = frozenset()) -> list[Request]:
        """Plan all prompts that are not done and find their objects' tokens, before anything expensive starts.

        The samples of a prompt have one layout, also where some of them were served before a stop.
        """
        layouts: dict[str, Layout | ValueError | None] = {
            prompt.source: self._known.served[prompt.id].layout for prompt in prompts if prompt.id in done
        }
        new = {prompt.source: prompt for prompt in prompts if prompt.source not in layouts}
        made = plan_prompts(self.planner, [replace(prompt, id=source) for source, prompt in new.items()])
        requests = []
        for number, prompt in enumerate(prompts):
            if prompt.id in done:
                continue
            start = time.perf_counter()
            try:
                if prompt.source not in layouts:
                    layouts[prompt.source] = next(made)
                layout = layouts[prompt.source]
                plain = self._check(prompt, layout)
            except ValueError as error:
                self._refuse(prompt, error)
                continue
            assert isinstance(layout, Layout)
            image = None if prompt.image is None else image_record(prompt.image)
            seed = self.seed + (number if self.vary_seed else prompt.sample)
            seconds = round(time.perf_counter() - start, 4)
            requests.append(Request(number + 1, len(prompts), prompt, layout, seed, image, plain, seconds))
        return requests

    def _check(self, prompt: Prompt, layout: Layout | ValueError | None) -> bool:
        """Return whether a prompt is sampled plainly, and raise ``ValueError`` if it cannot be served at all."""
        if isinstance(layout, ValueError):
            raise layout
        assert layout is not None
        unsure = prompt.layout is None and layout.confidence < self.min_confidence
        if unsure and self.unsure == "skip":
            raise ValueError(
                f"its layout has a confidence of {layout.confidence:g}, less than min_confidence "
                f"{self.min_confidence:g} ({layout.reason}); reword it, or bring a layout"
            )
        check_layout(self.module.backbone, layout, prompt.image)
        return unsure

    def _refuse(self, prompt: Prompt, error: ValueError) -> None:
        if self.on_error == "raise":
            raise error
        rank_zero_warn(f"prompt {prompt.id!r} is skipped: {error}")
        line = Skipped(prompt.id, prompt.text, str(error))
        if self._known.lines.get(prompt.id) != line:
            self.folder.append(line)

    def _tell_served(self, result: Result) -> None:
        for callback in self._callbacks:
            callback.on_prompt_served(result)


def _in_order(named: dict[str, _T]) -> dict[str, _T]:
    """Return what callbacks have found in an order that does not depend on theirs."""
    return dict(sorted(named.items()))
