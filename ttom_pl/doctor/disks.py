"""Where models come from and videos go to: room, permissions, files that must be there."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ttom_pl.doctor.check import Check
from ttom_pl.doctor.presets import presets
from ttom_pl.io.shipped import FOLDERS, shipped_root

LEAST_RUN = 1_000_000_000
"""Bytes that a run should find free: videos, a memory, a report."""
LEAST_CACHE = 15_000_000_000
"""Bytes that the smallest model of the presets takes, roughly: 3 GB of transformer, 10 GB of text encoder, the VAE."""
_MODEL = "checkpoints/sprites"


def check_disks(out: Path) -> Iterator[Check]:
    """Yield checks of the run folder, the folder for temporary files, the hub's cache, and the files of the package.

    Args:
        out: where runs are to go; it need not be there.
    """
    yield _place("run folder", out, LEAST_RUN, essential=True)
    yield _place("temporary files", Path(tempfile.gettempdir()), LEAST_RUN, essential=True)
    yield from _cache()
    yield _files()
    yield _videos()


def _place(name: str, path: Path, least: int, essential: bool) -> Check:
    there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        text = f"{str(path)!r} cannot be written"
        return Check(
            "disks", name, "broken" if essential else "note", text, "get the permission, or name another folder"
        )
    free = shutil.disk_usage(there).free
    text = f"{str(path)!r}, {free / 1e9:.1f} GB free"
    if free < least:
        return Check(
            "disks", name, "note", f"{text}, less than {least / 1e9:.0f} GB", "make room, or name another folder"
        )
    return Check("disks", name, "ok", text)


def _cache() -> Iterator[Check]:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    models = {preset.model for preset in presets()}
    there = sorted(model for model in models if (folder / f"models--{model.replace('/', '--')}" / "snapshots").is_dir())
    place = _place("hub cache", folder, LEAST_CACHE, essential=False)
    if place.state == "note" and "free" in place.text:
        place = Check("disks", place.name, "note", f"{place.text} for a model", "make room, or set $HF_HOME elsewhere")
    yield place
    if constants.HF_HUB_OFFLINE:
        text = "$HF_HUB_OFFLINE is set: models that are not in the cache cannot be had"
        yield Check("disks", "hub", "note", text, "unset it to download models")
    yield Check("disks", "models there", "ok", ", ".join(there) or "none of the presets'")


def _files() -> Check:
    missing = [name for name in (*FOLDERS, f"{_MODEL}/model_index.json") if not (shipped_root() / name).exists()]
    if missing:
        text = f"{', '.join(missing)} of the package cannot be found in {str(shipped_root())!r}"
        return Check(
            "disks", "package files", "broken", text, "install the package anew: pip install --force-reinstall"
        )
    return Check("disks", "package files", "ok", f"configs and embedded model in {str(shipped_root())!r}")


def _videos() -> Check:
    try:
        import av

        av.codec.Codec("libx264", "w")
    except Exception as error:  # av names its errors by FFmpeg's numbers
        text = f"mp4 files cannot be written ({error or type(error).__name__})"
        return Check("disks", "videos", "broken", text, "install av from its wheels: pip install --force-reinstall av")
    return Check("disks", "videos", "ok", "mp4 files can be written")


__all__ = ["LEAST_CACHE", "LEAST_RUN", "check_disks"]
