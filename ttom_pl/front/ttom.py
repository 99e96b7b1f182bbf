"""TTOM around a diffusers pipeline, in diffusers' manner."""

from collections.abc import Iterator, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, Literal, Self, overload

from ttom_pl.backbones import Picture, Placement, backbone_of
from ttom_pl.backbones.step_end import Callback
from ttom_pl.callbacks.memory import StorePolicy, folder_of_memory
from ttom_pl.front.arguments import CallArguments, output_type_of
from ttom_pl.front.call import Call, check_prompt, one_for_each
from ttom_pl.front.layouts import LayoutLike, layout_from
from ttom_pl.front.output import TTOMOutput
from ttom_pl.front.randomness import Generators, generators_for
from ttom_pl.front.serving import Serving
from ttom_pl.io.ranges import check_range
from ttom_pl.layout import Layout
from ttom_pl.layout.form import short
from ttom_pl.memory import Entry, Memory, memory_folder
from ttom_pl.planners import GrammarPlanner, Planner, plan_prompts
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.recall import KeepPolicy, KeyPolicy, RecallPolicy
from ttom_pl.rehearsal import LayoutTTO, Method, is_plain, method_named
from ttom_pl.stream import clock

_REHEARSAL = tuple(name for name in signature(LayoutTTO).parameters if name not in ("backbone", "method"))


class TTOM:
    """Test-time optimisation and memory around a diffusers pipeline that its owner holds.

    The pipeline is used as it is, with its LoRAs, its precision, its offloading and its scheduler, and is as it was
    found after each video. One call at a time.

    Args:
        pipe: a pipeline of a supported class, such as ``WanPipeline``.
        memory: folder of the memory, or of a run that has one; ``None`` remembers for the object's life; ``False`` or
            ``"off"`` not at all.
        method: what happens in the guided steps: ``plain``, ``paper``, ``joint``, ``latents``, ``bias``, or a
            :class:`~ttom_pl.rehearsal.Method`. A call may name another one.
        planner: makes the layouts of prompts that bring none; the grammar when not given.
        min_confidence: least confidence, from 0 to 1, of a planned layout that is followed; the video is plain
            otherwise.
        read_only: whether the memory is only looked at.
        key: what makes two scenes similar.
        recall: which entries answer, and how far a hit is rehearsed.
        keep: what is remembered.
        store: how much is remembered, and what becomes of it.
        placement: how the model is fitted to the card; as its owner has it when not given.
        **rehearsal: the numbers of :class:`~ttom_pl.rehearsal.LayoutTTO`: ``guided_steps``, ``iterations``,
            ``loss_blocks``, ``rank``, ``lr`` and the others.

    Raises:
        ValueError: if the pipeline is not supported, a name or an option is unknown, or there is no memory to be read
            only.
    """

    def __init__(
        self,
        pipe: Any,
        memory: Path | str | Literal[False] | None = None,
        *,
        method: str | Method = "paper",
        planner: Planner | None = None,
        min_confidence: float = 0.0,
        read_only: bool = False,
        key: KeyPolicy = KeyPolicy(),  # noqa: B008
        recall: RecallPolicy = RecallPolicy(),  # noqa: B008
        keep: KeepPolicy = KeepPolicy(),  # noqa: B008
        store: StorePolicy = StorePolicy(),  # noqa: B008
        placement: Placement | None = None,
        **rehearsal: Any,
    ) -> None:
        check_range("min_confidence", min_confidence, least=0, most=1)
        unknown = [name for name in rehearsal if name not in _REHEARSAL]
        if unknown:
            known = [name for name in signature(TTOM).parameters if name != "rehearsal"]
            raise ValueError(f"TTOM has no argument {unknown[0]!r}; it has {', '.join((*known, *_REHEARSAL))}")
        self.pipe = pipe
        backbone = backbone_of(pipe)
        self.method = method_named(method)
        self.planner = planner or GrammarPlanner()
        self.min_confidence = min_confidence
        known = [name for name in signature(self.__call__).parameters if name != "arguments"]
        self.arguments = CallArguments(pipe, backbone, known, placement)
        self.memory = None if memory is False or memory == "off" else _open(memory, store, read_only)
        self._serving = Serving(pipe, backbone, rehearsal, self.memory, read_only, key, recall, keep)
        self._closed = False

    def close(self) -> None:
        """Close the memory; one without a folder is gone. The pipeline is its owner's, and as it was."""
        self._closed = True
        if self.memory is not None:
            self.memory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def plan(
        self, prompt: str, layout: LayoutLike | None = None, prompt_for_layout: str | None = None, id: str = ""
    ) -> Layout:
        """Return the layout that a video of a prompt would follow.

        Args:
            prompt: the prompt.
            layout: a layout in any form, to see it read; planned when not given.
            prompt_for_layout: a shorter prompt with the same objects, which is planned in place of the prompt.
            id: name of the prompt, passed on to the layout.

        Raises:
            ValueError: if the prompt cannot be planned, or the layout is not one of it.
        """
        check_prompt(prompt)
        if prompt_for_layout is not None:
            check_prompt(prompt_for_layout, "prompt_for_layout")
        text = prompt_for_layout or prompt
        brought = None if layout is None else layout_from(layout, text)
        made = next(plan_prompts(self.planner, [Prompt(id, text, brought, long=prompt if prompt_for_layout else "")]))
        if isinstance(made, ValueError):
            raise made
        return made

    def import_lora(
        self,
        path: Path | str,
        prompt: str,
        layout: LayoutLike | None = None,
        *,
        method: str | Method | None = None,
        **arguments: Any,
    ) -> Entry:
        """Remember a LoRA from a file under a scene, so that prompts like it start from it.

        Args:
            path: a file with the names of diffusers, ComfyUI or Wan's trainers, or a folder of PEFT's.
            prompt: the prompt of the scene.
            layout: its layout, in any form; planned when not given.
            method: that is to start from it, as in a call.
            **arguments: as in a call; the size of the video counts where latents are moved.

        Returns:
            The entry.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is no LoRA that the rehearsal's adapter can hold, the prompt cannot be planned, or nothing
                is remembered here.
        """
        self._check_open()
        chosen = self.method if method is None else method_named(method)
        call = Call(
            prompt=prompt,
            layout=self.plan(prompt, layout),
            plain=is_plain(chosen),
            method=chosen,
            settings=self.arguments.settings(arguments),
            generator=None,
            image=None,
            output_type=self.arguments.output_type,
            callback=None,
            inputs=(),
            seconds={},
        )
        return self._serving.bring(call, path)

    @overload
    def __call__(self, prompt: str, **arguments: Any) -> TTOMOutput: ...

    @overload
    def __call__(self, prompt: Sequence[str], **arguments: Any) -> list[TTOMOutput]: ...

    def __call__(
        self,
        prompt: str | Sequence[str] = "",
        *,
        layout: LayoutLike | Sequence[LayoutLike | None] | None = None,
        method: str | Method | None = None,
        prompt_for_layout: str | Sequence[str | None] | None = None,
        image: Picture | str | Sequence[Picture | str] | None = None,
        generator: Generators = None,
        output_type: str | None = None,
        callback_on_step_end: Callback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        **arguments: Any,
    ) -> TTOMOutput | list[TTOMOutput]:
        """Make the video of a prompt; or of a list of prompts, each after the memory has learnt from those before it.

        Of a list each prompt may have its own ``layout``, ``prompt_for_layout``, ``image``, ``generator`` and
        ``negative_prompt``, by lists as long.

        Args:
            prompt: the prompt, or a list of prompts.
            layout: a :class:`~ttom_pl.layout.Layout`, its dict, or a mapping from phrases of the prompt to a box (x0,
                y0, x1, y1) in fractions of the frame, or to a list of boxes, one a keyframe; planned when not given.
            method: as in the constructor, for this call.
            prompt_for_layout: a shorter prompt with the same objects, from which the layout is planned.
            image: what the video starts from, for image-to-video pipelines: a PIL image, a tensor, or a file.
            generator: what the noise is drawn from; torch's own when not given. Its state counts, and goes on.
            output_type: ``np``, ``pt``, ``pil`` or ``latent``; the pipeline's own when not given.
            callback_on_step_end: called after each denoising step with pipeline, step, timestep and tensors, as by
                diffusers; returns the tensors that it has changed.
            callback_on_step_end_tensor_inputs: which tensors it is given.
            **arguments: ``height``, ``width``, ``num_frames``, ``num_inference_steps``, ``guidance_scale``,
                ``negative_prompt`` and what else the pipeline's call and the settings of its backbone share; the
                pipeline's defaults when not given.

        Returns:
            An output for a prompt, a list of them for a list.

        Raises:
            ValueError: before the first step of the first prompt, if an argument is unknown or out of its range, the
                model cannot make videos of this size, or a prompt cannot be planned or has not the words of its layout.
        """
        outputs = self.stream(
            [prompt] if isinstance(prompt, str) else prompt,
            layout=layout,
            method=method,
            prompt_for_layout=prompt_for_layout,
            image=image,
            generator=generator,
            output_type=output_type,
            callback_on_step_end=callback_on_step_end,
            callback_on_step_end_tensor_inputs=callback_on_step_end_tensor_inputs,
            **arguments,
        )
        return next(outputs) if isinstance(prompt, str) else list(outputs)

    def stream(
        self,
        prompts: Sequence[str],
        *,
        layout: Any = None,
        method: str | Method | None = None,
        prompt_for_layout: Any = None,
        image: Any = None,
        generator: Generators = None,
        output_type: str | None = None,
        callback_on_step_end: Callback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = ("latents",),
        **arguments: Any,
    ) -> Iterator[TTOMOutput]:
        """Check and plan prompts, and return an iterator that makes one video after the other as it is asked for them.

        For lists whose videos are more than fit into memory. Arguments and errors are those of a call.
        """
        self._check_open()
        if isinstance(prompts, str) or not isinstance(prompts, Sequence):
            raise ValueError(f"prompts is {short(prompts)}; give a list of texts")
        count, chosen = len(prompts), self.method if method is None else method_named(method)
        layouts, short_ones = (
            one_for_each("layout", layout, count),
            one_for_each("prompt_for_layout", prompt_for_layout, count),
        )
        images, generators = one_for_each("image", image, count), generators_for(generator, count)
        negatives = one_for_each("negative_prompt", arguments.pop("negative_prompt", None), count)
        calls = []
        for number, prompt in enumerate(prompts):
            check_prompt(prompt)
            settings = self.arguments.settings({**arguments, "negative_prompt": negatives[number]})
            seconds: dict[str, float] = {}
            with clock(seconds, "plan"):
                made, plain = self._plan(prompt, layouts[number], short_ones[number], chosen)
            call = Call(
                prompt=prompt,
                layout=made,
                plain=plain,
                method=chosen,
                settings=settings,
                generator=generators[number],
                image=Path(images[number]) if isinstance(images[number], str) else images[number],
                output_type=output_type_of(output_type, self.arguments.output_type),
                callback=callback_on_step_end,
                inputs=tuple(callback_on_step_end_tensor_inputs),
                seconds=seconds,
            )
            calls.append(call)
        self._serving.check(calls)
        return map(self._serving.serve, calls)

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("this TTOM is closed; make another one around the pipeline")

    def _plan(
        self, prompt: str, layout: LayoutLike | None, short_one: str | None, method: Method
    ) -> tuple[Layout | None, bool]:
        """Return a prompt's layout, and whether its video is plain."""
        if is_plain(method) and layout is None:
            return None, True
        made = self.plan(prompt, layout, short_one)
        unsure = layout is None and made.confidence < self.min_confidence
        return made, unsure or is_plain(method)


def _open(memory: Path | str | None, store: StorePolicy, read_only: bool) -> Memory:
    if memory is None and read_only:
        raise ValueError("read_only is True, but there is no memory to be read; give memory its folder")
    if memory is not None and not isinstance(memory, str | Path):
        raise ValueError(f"memory is {short(memory)}; give a folder, None for one in passing, or False for none")
    if memory is not None and read_only and memory_folder(Path(memory)) is None:
        raise ValueError(f"read_only is True, but there is no memory in {str(memory)!r}; give memory the folder of one")
    return store.open(None if memory is None else folder_of_memory(Path(memory), read_only), read_only)
