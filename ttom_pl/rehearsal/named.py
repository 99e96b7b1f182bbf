"""Methods by name, for those who do not want to import a class."""

from collections.abc import Callable, Mapping

from ttom_pl.rehearsal.attention_bias import AttentionBias
from ttom_pl.rehearsal.latent_guidance import JointTTO, LatentGuidance
from ttom_pl.rehearsal.methods import AdapterTTO, Method

METHODS: Mapping[str, Callable[[], Method]] = {
    "plain": Method,
    "paper": AdapterTTO,
    "latents": LatentGuidance,
    "joint": JointTTO,
    "bias": AttentionBias,
}
"""A name and what makes the method, with its defaults. A :class:`Method` itself changes nothing."""


def method_named(method: str | Method) -> Method:
    """Return the method of a name; a method itself is returned as it is.

    Raises:
        ValueError: if there is none of that name.
    """
    if isinstance(method, Method):
        return method
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}; give one of {', '.join(METHODS)}, or a Method")
    return METHODS[method]()


def is_plain(method: Method) -> bool:
    """Whether a method changes nothing, so that a video is the plain model's."""
    return type(method) is Method
