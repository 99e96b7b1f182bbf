"""Configs that come with the package, by name: ``--config sprites`` is ``--config configs/sprites.yaml``."""

import re
from collections.abc import Sequence
from pathlib import Path

from ttom_pl.cli._guess import did_you_mean
from ttom_pl.io.shipped import shipped_root

OPTION = "--config"
_NAME = re.compile(r"(?!null$)[^\s:{}\[\]]+")


def config_names() -> list[str]:
    """Return the names of the configs that are shipped, e.g. ``sprites`` and ``methods/paper``."""
    folder = shipped_root() / "configs"
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def with_config_files(args: Sequence[str]) -> list[str]:
    """Return a command line that names the files of configs, where it has their names or their paths in the repository.

    Args:
        args: command line without the program's name and the command.

    Raises:
        ValueError: for a name that neither a file has nor a config that is shipped.
    """
    words = list(args)
    for index, word in enumerate(words):
        option, equals, value = word.partition("=")
        if equals and option == OPTION:
            words[index] = f"{OPTION}={_file(value)}"
        elif index and words[index - 1] == OPTION:
            words[index] = _file(word)
    return words


def _file(text: str) -> str:
    if not _NAME.fullmatch(text) or Path(text).is_file():  # YAML may stand on the command line, too
        return text
    names = config_names()
    name = text.removeprefix("configs/").removesuffix(".yaml")
    if name in names:
        return str(shipped_root() / "configs" / f"{name}.yaml")
    raise ValueError(
        f"there is no config file {text!r}{did_you_mean(name, names)}; give a file, or one of the package's own by "
        f"name: {', '.join(names)}"
    )


__all__ = ["config_names", "with_config_files"]
