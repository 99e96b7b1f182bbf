"""Word lists that are kept as data: a word or a compound with a hyphen each, comments behind "#"."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@cache
def word_list(name: str) -> frozenset[str]:
    """Return the words of ``data/<name>.txt``."""
    text = files(__package__).joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() for word in line.partition("#")[0].split())


@cache
def word_sections(name: str) -> dict[str, frozenset[str]]:
    """Return the lists of ``data/<name>.txt`` by their names, each a line with a colon above indented ones of words."""
    text = files(__package__).joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
    sections: dict[str, frozenset[str]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith(" "):
            sections[section] |= frozenset(line.split())
        elif not line.startswith("#"):
            section = line.removesuffix(":")
            sections[section] = frozenset()
    return sections


@dataclass(frozen=True)
class Classed:
    """The class of a word, and whether all that is a kind of it has the same."""

    name: str
    of_all: bool


@cache
def word_classes(name: str) -> dict[str, Classed]:
    """Return the classes of the words of ``data/<name>.txt``: lines of a class, a colon and its words.

    A compound has spaces. A word with "+" stands for all kinds of it.
    """
    text = files(__package__).joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
    classes = {}
    for line in text.splitlines():
        class_name, _, words = line.partition("#")[0].partition(":")
        for word in words.split():
            classes[word.rstrip("+").replace("-", " ")] = Classed(class_name, word.endswith("+"))
    return classes


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
