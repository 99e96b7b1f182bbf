"""Which backbone a pipeline is held by."""

from collections.abc import Iterator
from inspect import isabstract
from typing import Any

from ttom_pl.backbones.pipeline import PipelineBackbone


def backbone_of(pipe: Any) -> type[PipelineBackbone]:
    """Return the class of the backbone for a pipeline that is called, of those that fit the most derived one.

    A backbone that was defined elsewhere counts as soon as its module is imported.

    Raises:
        ValueError: if there is none.
    """
    known = [cls for cls in _derived(PipelineBackbone) if not isabstract(cls) and hasattr(cls, "pipeline_class")]
    fitting = [cls for cls in known if isinstance(pipe, cls.pipeline_class)]
    if fitting and not any(cls.can_be_called for cls in fitting):
        raise ValueError(
            f"a {type(pipe).__name__} cannot be called yet; serve its prompts by 'ttom stream', or by a Stream over "
            f"{fitting[0].__name__}(pipe)"
        )
    if not fitting:
        names = ", ".join(dict.fromkeys(cls.pipeline_class.__name__ for cls in known if cls.can_be_called))
        raise ValueError(
            f"the pipeline is a {type(pipe).__name__}; supported are {names}, and classes derived from them. "
            "For another model write a backbone (docs/backbones.md)"
        )
    return max(fitting, key=lambda cls: len(cls.pipeline_class.__mro__))


def _derived(cls: Any) -> Iterator[type[PipelineBackbone]]:
    for derived in cls.__subclasses__():
        yield derived
        yield from _derived(derived)
