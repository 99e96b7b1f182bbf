"""The arguments of a pipeline's call, as settings of its backbone."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from inspect import signature
from typing import Any, get_type_hints

from ttom_pl.backbones import Placement, Settings
from ttom_pl.backbones.pipeline import PipelineBackbone

OUTPUT_TYPES = ("np", "pt", "pil", "latent")
_OTHER_NAMES = {"frame_rate": "fps"}


class CallArguments:
    """What of a pipeline's call can be said here.

    Args:
        pipe: the pipeline.
        backbone: the class of its backbone.
        others: names of arguments that are not settings.
        placement: how the model is fitted to the card.
    """

    def __init__(
        self, pipe: Any, backbone: type[PipelineBackbone], others: Sequence[str], placement: Placement | None = None
    ) -> None:
        self.record: type[Settings] = get_type_hints(backbone)["settings"]
        self.pipe = pipe
        self.parameters = signature(pipe.__call__).parameters
        known = {field.name for field in fields(self.record)}
        self.names = tuple(name for name in self.parameters if _OTHER_NAMES.get(name, name) in known)
        self._others = tuple(others)
        self._placement = placement

    @property
    def output_type(self) -> str:
        """The pipeline's own output type."""
        return str(self.parameters["output_type"].default)

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Check that arguments are known.

        Raises:
            ValueError: if one is not.
        """
        for name in arguments:
            if name not in self.names:
                theirs = f"is one of {type(self.pipe).__name__} that TTOM cannot use" if name in self.parameters else ""
                raise ValueError(
                    f"the argument {name!r} {theirs or 'is unknown'}; accepted are "
                    f"{', '.join((*self._others, *self.names))}"
                )

    def settings(self, arguments: Mapping[str, Any]) -> Settings:
        """Return settings, where the pipeline's own defaults stand for what is not given.

        Args:
            arguments: of the call; those that are ``None`` are not given.

        Raises:
            ValueError: if an argument is unknown or out of its range.
        """
        self.check(arguments)
        said = {name: value for name, value in arguments.items() if value is not None}
        values = {name: self.parameters[name].default for name in self.names} | said
        values |= {name: self._size(name) for name in ("height", "width", "num_frames") if values[name] is None}
        values["negative_prompt"] = values["negative_prompt"] or ""
        return self.record(placement=self._placement, **{_OTHER_NAMES.get(name, name): values[name] for name in values})

    def _size(self, name: str) -> int:
        """Return a size that the pipeline takes from its transformer when its call leaves it open."""
        config = self.pipe.transformer.config
        if name == "num_frames":
            return int(config.sample_frames)
        return int(config[f"sample_{name}"] * self.pipe.vae_scale_factor_spatial)


def output_type_of(asked: str | None, default: str) -> str:
    """Return the output type that is asked for.

    Raises:
        ValueError: if it is unknown.
    """
    if asked is not None and asked not in OUTPUT_TYPES:
        raise ValueError(f"output_type is {asked!r}; give one of {', '.join(OUTPUT_TYPES)}")
    return asked or default
