"""Which implementations of attention diffusers can use on this machine; ``$DIFFUSERS_ATTN_BACKEND`` chooses one."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models import attention_dispatch


@dataclass(frozen=True)
class AttentionBackends:
    """What diffusers says of its attention backends.

    Attributes:
        active: the one that pipelines use if not told otherwise.
        usable: those that can be used here, the active one among them if it can.
        unusable: why the others cannot, by name.
    """

    active: str
    usable: tuple[str, ...]
    unusable: Mapping[str, str]


def attention_backends() -> AttentionBackends:
    """Ask diffusers, and try those that it has on a small tensor; nothing is downloaded.

    Raises:
        AttributeError: if this version of diffusers keeps its register of backends elsewhere.
    """
    register: Any = attention_dispatch._AttentionBackendRegistry
    active, _ = register.get_active_backend()
    unusable = {}
    for backend in register.list_backends():
        reason = _why_not(backend, register._backends[backend])
        if reason is not None:
            unusable[_name(backend)] = reason
    usable = tuple(_name(backend) for backend in register.list_backends() if _name(backend) not in unusable)
    return AttentionBackends(_name(active), usable, unusable)


def _why_not(backend: Any, attend: Any) -> str | None:
    try:
        attention_dispatch._check_attention_backend_requirements(backend)
    except RuntimeError as error:
        return str(error)
    if _name(backend).endswith("_hub"):  # its kernel is downloaded when it is used first
        return None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    query = torch.ones(1, 16, 2, 64, device=device, dtype=torch.bfloat16)  # (batch, tokens, heads, channels)
    try:
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")
            attend(query, query, query)
    except Exception as error:  # of many kinds, since kernels of others are called
        return f"it does not work on {device} ({next(iter(str(error).splitlines()), type(error).__name__)})"
    return None


def _name(backend: Any) -> str:
    return str(getattr(backend, "value", backend))


__all__ = ["AttentionBackends", "attention_backends"]
