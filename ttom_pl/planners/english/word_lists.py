"""Word lists that are kept as data: a word or a compound with a hyphen each, comments behind "#"."""

from functools import cache
from importlib.resources import files


@cache
def word_list(name: str) -> frozenset[str]:
    """Return the words of ``data/<name>.txt``."""
    text = files(__package__).joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() for word in line.partition("#")[0].split())


@cache
def word_groups(name: str) -> dict[str, frozenset[str]]:
    """Return for each word of ``data/<name>.txt`` those that stand in a line with it; compounds with a space."""
    text = files(__package__).joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
    groups: dict[str, frozenset[str]] = {}
    for line in text.splitlines():
        words = frozenset(word.replace("-", " ") for word in line.partition("#")[0].split())
        for word in words:
            groups[word] = groups.get(word, frozenset()) | words
    return groups
