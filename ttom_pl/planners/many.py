"""Many prompts at a time, by planners that wait for others."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ttom_pl.layout.schema import Layout
from ttom_pl.layout.text import as_read
from ttom_pl.planners.base import Planner
from ttom_pl.planners.steering import steer_in
from ttom_pl.prompts.prompt import Prompt


def plan_prompts(planner: Planner, prompts: Sequence[Prompt]) -> Iterator[Layout | ValueError]:
    """Yield the layouts that videos are made with, in the order of the prompts; where there is none, why.

    A prompt that brings a layout keeps it; one with a long prompt is planned, and then steered in that one. What the
    model gets is the text as it is read, see :func:`~ttom_pl.layout.text.as_read`; the prompt as it was typed is the
    layout's ``original_prompt`` where that is another.

    Args:
        planner: see :func:`plan_many`.
        prompts: the prompts.
    """
    made = plan_many(planner, [(as_read(prompt.text), prompt.id) for prompt in prompts if prompt.layout is None])
    for prompt in prompts:
        layout = prompt.layout or next(made)
        if prompt.long and isinstance(layout, Layout):
            try:
                layout = steer_in(layout, as_read(prompt.long))
            except ValueError as error:
                layout = error
        if isinstance(layout, Layout) and prompt.layout is None and as_read(prompt.text) != prompt.text:
            layout = replace(layout, original_prompt=prompt.text)
        yield layout


def plan_many(planner: Planner, prompts: Sequence[tuple[str, str]]) -> Iterator[Layout | ValueError]:
    """Yield the layouts of prompts in their order; where there is none, the error that says why.

    Args:
        planner: if it has a ``max_concurrency``, so many prompts are planned at a time.
        prompts: text and id of each.
    """

    def plan(prompt: tuple[str, str]) -> Layout | ValueError:
        try:
            return planner.plan(*prompt)
        except ValueError as error:
            return error

    workers = min(getattr(planner, "max_concurrency", 1), len(prompts))
    if workers < 2:
        yield from map(plan, prompts)
        return
    executor = ThreadPoolExecutor(workers, thread_name_prefix="plan")
    try:
        yield from executor.map(plan, prompts)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
