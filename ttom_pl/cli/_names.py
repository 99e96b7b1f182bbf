"""Short names of detectors and judges on the command line."""

from collections.abc import Sequence

NAMES = {
    "--detector": {"sprites": "SpritesDetector", "zero-shot": "ZeroShotDetector", "sam2": "Sam2Tracker"},
    "--judge": {"llm": "LLMJudge"},
}
"""For each option the classes by their short names."""


def with_class_names(args: Sequence[str]) -> list[str]:
    """Return a command line with the classes for their short names."""
    words = list(args)
    for index, word in enumerate(words):
        option, _, value = word.partition("=")
        if value in NAMES.get(option, {}):
            words[index] = f"{option}={NAMES[option][value]}"
        elif index and word in NAMES.get(words[index - 1], {}):
            words[index] = NAMES[words[index - 1]][word]
    return words
