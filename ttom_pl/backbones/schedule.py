"""The noise schedule, where it is not to be the one that a pipeline comes with."""

import inspect
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.schedulers import SchedulerMixin

from ttom_pl.io.ranges import check_range


@dataclass(frozen=True)
class Schedule:
    """A scheduler and the steps that it takes, as few-step models are published with.

    Attributes:
        scheduler: a scheduler class of diffusers, e.g. ``FlowMatchEulerDiscreteScheduler``, made from the config of the
            pipeline's own; that one itself when not given.
        arguments: arguments of the class, in place of those in that config.
        sigmas: noise levels of the steps from high to low, without the 0 at the end. Schedulers that shift them still
            do.
        timesteps: the same as timesteps; give one of both.

    Raises:
        ValueError: if diffusers has no such scheduler or it no such argument, or both lists are given, or one that does
            not fall.
    """

    scheduler: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    sigmas: list[float] | None = None
    timesteps: list[float] | None = None

    def __post_init__(self) -> None:
        if self.sigmas is not None and self.timesteps is not None:
            raise ValueError("schedule has both sigmas and timesteps; give one of them")
        steps = self.steps
        for step in steps or ():
            check_range("sigmas or timesteps of schedule", step, least=0)
        if steps is not None and (not steps or any(b >= a for a, b in pairwise(steps))):
            raise ValueError(f"sigmas or timesteps of schedule are {list(steps)}; they must fall from step to step")
        if self.scheduler is not None:
            known = takes(_class(self.scheduler))
            unknown = [name for name in self.arguments if name not in known]
            if unknown:
                raise ValueError(f"{self.scheduler} has no argument {unknown[0]!r}; it has {', '.join(known)}")

    @property
    def steps(self) -> Sequence[float] | None:
        """The sigmas or timesteps, whichever are given."""
        return self.timesteps if self.sigmas is None else self.sigmas

    def scheduler_from(self, own: SchedulerMixin) -> SchedulerMixin:
        """Return the scheduler, made from the config of the pipeline's own.

        Raises:
            ValueError: if it has no such argument.
        """
        if self.scheduler is None and not self.arguments:
            return own
        cls = type(own) if self.scheduler is None else _class(self.scheduler)
        return with_arguments(cls, own, self.arguments)

    def set_timesteps(self, scheduler: Any, count: int, device: torch.device, **arguments: Any) -> None:
        """Set the steps of a scheduler.

        Args:
            scheduler: the scheduler.
            count: their number; as many as sigmas or timesteps, if there are any.
            device: where to put them.
            **arguments: further ones of the scheduler's ``set_timesteps``; its ``sigmas`` count where this has none.

        Raises:
            ValueError: if there is another number of steps, or if the scheduler takes no such list.
        """
        if self.steps is None:
            count_or_sigmas = {} if "sigmas" in arguments else {"num_inference_steps": count}
            scheduler.set_timesteps(device=device, **count_or_sigmas, **arguments)
            return
        name = "timesteps" if self.sigmas is None else "sigmas"
        if len(self.steps) != count:
            raise ValueError(f"schedule has {len(self.steps)} {name}, num_inference_steps is {count}; make them equal")
        if name not in inspect.signature(scheduler.set_timesteps).parameters:
            raise ValueError(f"{type(scheduler).__name__} takes no {name}; choose another scheduler, or leave them out")
        scheduler.set_timesteps(**(arguments | {name: np.array(self.steps), "device": device}))


def shifted(own: SchedulerMixin, flow_shift: float) -> SchedulerMixin:
    """Return a scheduler with another shift of the noise towards its high levels.

    Raises:
        ValueError: if the scheduler has no such shift.
    """
    known = takes(type(own))
    name = next((argument for argument in ("flow_shift", "shift") if argument in known), None)
    if name is None:
        raise ValueError(f"flow_shift is {flow_shift}, but {type(own).__name__} shifts nothing; leave it out")
    return with_arguments(type(own), own, {name: flow_shift})


def warn_of_double_shift(scheduler: Any) -> None:
    """Warn if a flow-matching scheduler will shift levels that lie within an already shifted range."""
    if not isinstance(scheduler, diffusers.FlowMatchEulerDiscreteScheduler) or scheduler.config.use_dynamic_shifting:
        return
    shift = scheduler.config.shift
    low = scheduler.sigma_min  # of the shifted range
    once, twice = low, shift * low / (1 + (shift - 1) * low)
    if twice > 1.01 * once:
        warnings.warn(
            f"{type(scheduler).__name__} applies its shift of {shift:g} twice, as in diffusers' own pipelines: the "
            f"last noise level is {twice:.4f} and not {once:.4f}. Levels given by schedule.sigmas, e.g. evenly "
            f"spaced from 1 to 0.001, are shifted once",
            stacklevel=2,
        )


def with_arguments(cls: Any, own: SchedulerMixin, arguments: dict[str, Any]) -> SchedulerMixin:
    """Return a scheduler of a class with the config of another, but for some arguments.

    Raises:
        ValueError: if the class has no such argument.
    """
    unknown = [name for name in arguments if name not in takes(cls)]
    if unknown:
        raise ValueError(f"{cls.__name__} has no argument {unknown[0]!r}; it has {', '.join(takes(cls))}")
    made: SchedulerMixin = cls.from_config(own.config, **arguments)
    return made


def takes(cls: type) -> list[str]:
    """Return the names of a scheduler's arguments."""
    return list(inspect.signature(cls).parameters)


def _class(name: str) -> type:
    scheduler_class = getattr(diffusers, name.removeprefix("diffusers."), None)
    if not (isinstance(scheduler_class, type) and issubclass(scheduler_class, SchedulerMixin)):
        raise ValueError(f"diffusers has no scheduler {name!r}; give one of its classes, e.g. UniPCMultistepScheduler")
    return scheduler_class
