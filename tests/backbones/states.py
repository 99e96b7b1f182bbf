"""All that can be seen of a pipeline, so that two moments of it can be compared."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn


def state_of(pipe: Any) -> dict[str, Any]:
    """Attributes, hooks, adapters, parameters (with their values) and the scheduler, each under a name of its own."""
    found = {f"pipe.{name}": _seen(value) for name, value in vars(pipe).items()}
    found |= {f"scheduler.{name}": _seen(value) for name, value in vars(pipe.scheduler).items()}
    for part, model in pipe.components.items():
        for path, module in model.named_modules() if isinstance(model, nn.Module) else ():
            found |= {f"{part}.{path}.{name}": value for name, value in _module(module)}
    return found


def _module(module: nn.Module) -> Iterator[tuple[str, Any]]:
    yield "class", type(module)
    for name, value in vars(module).items():
        theirs = getattr(value, "__func__", None) is type(module).forward
        if not (name == "forward" and theirs):  # where a hook was removed, the class's own is put into the instance
            yield name, _seen(value)
    for name, parameter in module.named_parameters(recurse=False):
        yield f"{name}:", (parameter.requires_grad, parameter.device, parameter.dtype, _seen(parameter))


def _seen(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return (type(value), tuple(value.shape), value.detach().float().cpu().numpy().tobytes())
    if isinstance(value, Mapping):
        return tuple((name, _seen(each)) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_seen(each) for each in value)
    plain = value is None or isinstance(value, (bool, int, float, str, torch.dtype, torch.device))
    return value if plain else f"{type(value).__name__} at {id(value)}"


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what is not as it was."""
    return [name for name in before.keys() | after.keys() if before.get(name, "absent") != after.get(name, "absent")]
