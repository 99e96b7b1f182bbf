"""Files that come with the package: configs, their prompts, the embedded model.

In the repository they are ``configs`` and ``checkpoints``; in an installed package they lie inside of it, so that what
names them by these paths works from every folder.
"""

from pathlib import Path

FOLDERS = ("configs", "checkpoints")
"""The folders that are shipped, as they are called in paths."""
_PACKAGE = Path(__file__).parents[1]
_INSTALLED = _PACKAGE / "shipped"
"""Where the build puts them, see ``pyproject.toml``."""


def shipped_root() -> Path:
    """Return the folder that holds :data:`FOLDERS`: one in the package, or the repository that it is imported from."""
    return _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def shipped(path: Path | str) -> Path:
    """Return where a file or folder is: as it is named, or else among those that are shipped.

    Args:
        path: any path. A relative one such as ``checkpoints/sprites`` or ``configs/prompts.txt`` means the folder that
            one stands in first, then the package's own.

    Returns:
        The path as it was given where it exists, or where nothing of that name is shipped.
    """
    path = Path(path)
    if path.is_absolute() or path.parts[:1] not in {(folder,) for folder in FOLDERS} or ".." in path.parts:
        return path
    if path.exists():
        return path
    inside = shipped_root() / path
    return inside if inside.exists() else path


__all__ = ["FOLDERS", "shipped", "shipped_root"]
