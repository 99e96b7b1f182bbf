"""What computes here: processor, cards, and the attention that diffusers can use on them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ttom_pl.doctor.check import Check
from ttom_pl.doctor.presets import presets

_DRIVER = Path("/proc/driver/nvidia/version")
_SLOW = "the embedded model works; a video of a real model takes hours"


def check_devices() -> Iterator[Check]:
    """Yield a check of the processor, one for each card, and one for what fits them.

    Raises:
        ImportError: if PyTorch cannot be imported.
    """
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("devices", "processor", "ok", f"{cores} cores{_memory()}")
    if torch.backends.mps.is_available():
        text = "is there; of the models here only the embedded one was tried without CUDA, and on the processor"
        yield Check("devices", "mps", "note", text, "--trainer.accelerator cpu")
    if not torch.cuda.is_available():
        yield _no_card(torch.version.cuda, torch.version.hip)
        return
    largest = 0
    for number in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(number)
        largest = max(largest, total)
        text = f"{torch.cuda.get_device_name(number)}, {total / 1e9:.0f} GB, {free / 1e9:.0f} GB of them free"
        yield Check("devices", f"cuda:{number}", "ok", text)
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        text = "the card has no bfloat16, in which the presets sample; it is emulated, slowly"
        yield Check("devices", "bfloat16", "note", text, "use a card of the Ampere generation or newer")
    yield from _fitting(largest)


def _fitting(nbytes: int) -> Iterator[Check]:
    fits = [preset.name for preset in presets() if preset.card * 1e9 <= nbytes]
    if fits:
        yield Check("devices", "presets", "ok", f"these fit a card of {nbytes / 1e9:.0f} GB: {', '.join(fits)}")
    larger = [f"{preset.name} ({preset.card} GB)" for preset in presets() if preset.card * 1e9 > nbytes]
    if larger:
        remedy = "docs/backbones.md tells how to fit a model to a smaller card"
        yield Check("devices", "presets", "note", f"these want a larger card: {', '.join(larger)}", remedy)


def _no_card(cuda: str | None, hip: str | None) -> Check:
    driver = _DRIVER.exists() or shutil.which("nvidia-smi") is not None
    if driver and not (cuda or hip):
        text = f"there is an NVIDIA driver, and this PyTorch was built for the processor alone; {_SLOW}"
        remedy = "install a build of PyTorch for CUDA (https://pytorch.org/get-started/locally)"
        return Check("devices", "cuda", "note", text, remedy)
    if driver:
        text = f"PyTorch, built for CUDA {cuda}, can use no card ({_cuda_error()}); {_SLOW}"
        remedy = "look at what nvidia-smi says, and at $CUDA_VISIBLE_DEVICES; a driver that is too old must be renewed"
        return Check("devices", "cuda", "note", text, remedy)
    return Check("devices", "cuda", "note", f"no card that PyTorch can use; {_SLOW}", "use a machine with a card")


def _cuda_error() -> str:
    import torch

    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return next(iter(str(error).splitlines()), type(error).__name__)
    return "none is visible"


def _memory() -> str:
    try:
        nbytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return ""
    return f", {nbytes / 1e9:.0f} GB of memory"


def check_attention() -> Iterator[Check]:
    """Yield which attention backends diffusers can use here, and why not the others.

    Raises:
        ImportError: if diffusers cannot be imported.
    """
    from ttom_pl.backbones.attention_backends import attention_backends

    try:
        backends = attention_backends()
    except AttributeError as error:
        yield Check("attention", "backends", "note", f"this version of diffusers does not tell ({error})")
        return
    if backends.active in backends.unusable:
        remedy = "unset $DIFFUSERS_ATTN_BACKEND, or name one of those that can be used"
        yield Check("attention", backends.active, "broken", backends.unusable[backends.active], remedy)
    else:
        yield Check("attention", backends.active, "ok", "in use; $DIFFUSERS_ATTN_BACKEND chooses another")
    others = [name for name in backends.usable if name != backends.active]
    yield Check("attention", "others", "ok", f"{', '.join(others) or 'none'}")
    reasons: dict[str, list[str]] = {}
    for name, reason in backends.unusable.items():
        short = reason.replace(f"'{name}' ", "").split("Please ")[-1]
        reasons.setdefault(short[:1].lower() + short[1:].rstrip("."), []).append(name)
    for reason, names in reasons.items():
        yield Check("attention", ", ".join(names), "note", "cannot be used", reason)


__all__ = ["check_attention", "check_devices"]
