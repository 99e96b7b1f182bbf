"""Where a model runs."""

import torch


def choose_device(name: str | None) -> str:
    """Return the device of the given name; when there is none, a card if there is one, else the CPU.

    Raises:
        ValueError: if there is no such device here.
    """
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise ValueError(f"device is {name!r}, which is not here ({reason}); leave it out, or give 'cpu'") from None
    return name


__all__ = ["choose_device"]
