"""Short names of planners, detectors and judges on the command line."""

import re
from collections.abc import Sequence

from ttom_pl.cli._guess import did_you_mean

NAMES = {
    "--detector": {"sprites": "SpritesDetector", "zero-shot": "ZeroShotDetector", "sam2": "Sam2Tracker"},
    "--judge": {"llm": "LLMJudge"},
    "--planner": {"grammar": "GrammarPlanner", "llm": "LLMPlanner", "file": "FilePlanner"},
}
"""For each option the classes by their short names."""


def with_class_names(args: Sequence[str]) -> list[str]:
    """Return a command line with the classes for their short names.

    Raises:
        ValueError: for a name that is neither a short one nor could be a class.
    """
    words = list(args)
    for index, word in enumerate(words):
        option, _, value = word.partition("=")
        if value and option in NAMES:
            words[index] = f"{option}={_class(option, value)}"
        elif index and words[index - 1] in NAMES:
            words[index] = _class(words[index - 1], word)
    return words


def _class(option: str, name: str) -> str:
    names = NAMES[option]
    if name not in names and re.fullmatch(r"[a-z][a-z0-9_-]*", name) and name != "null":
        raise ValueError(
            f"there is no {option.strip('-')} {name!r}{did_you_mean(name, names)}; choose from {', '.join(names)}, or "
            f"give the path of a class, e.g. my_package.My{option.strip('-').capitalize()}"
        )
    return names.get(name, name)
