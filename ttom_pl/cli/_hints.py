"""What a parser refuses, with the remedy first: what an option or a class may have been meant to be."""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec

from jsonargparse import ArgumentParser

from ttom_pl.cli._errors import tidied
from ttom_pl.cli._guess import did_you_mean

_UNKNOWN = re.compile(r"^unrecognized arguments: (--[\w.-]+)")
_NOT_IN_GROUP = re.compile(r"Group '([\w.]+)' does not accept option '([\w.]+)'")
_NOT_IN_CLASS = re.compile(r"Problem with given class_path '([\w.]+)': Option '(\w+)' is not accepted")
_NO_PATH = re.compile(r"Expected a dot import path string: ([\w.]+)")
_NO_CLASS = re.compile(
    r"Problem with given class_path '([\w.]+)': (?:module '[\w.]+' has no attribute|No module named)"
)
_NO_COMMAND = re.compile(r"invalid choice: '([^']+)' \(choose from (.+?)\)")
_HINTED = re.compile(r"there is no (?:option|class|') ?|\w+ has no option '")
_PARSERS_OWN = re.compile(r", got NestedArg\(.*?\)$")
_CLASSES_OF = ("ttom_pl.", "lightning.pytorch.callbacks.", "lightning.pytorch.loggers.")


def hinted(message: str, options: Iterable[str]) -> str:
    """Return a message of a parser with the remedy before it, if there is one; else as it is.

    Args:
        message: what the parser says.
        options: the options that it knows, with their dashes.
    """
    if _HINTED.search(message):  # by a parser within this one
        return message
    message = _PARSERS_OWN.sub("", tidied(message))
    hint = next(filter(None, _hints(" ".join(message.split()), list(options))), "")
    return f"{hint} ({message})" if hint else message


def _hints(message: str, options: list[str]) -> Iterator[str]:
    if match := _UNKNOWN.search(message):
        yield _if_guessed(f"there is no option {match[1]}", did_you_mean(match[1], options))
    if match := _NOT_IN_GROUP.search(message):
        names = [option.removeprefix(f"--{match[1]}.") for option in options if option.startswith(f"--{match[1]}.")]
        yield _if_guessed(f"{match[1]} has no option {match[2]!r}", did_you_mean(match[2], names))
    if match := _NOT_IN_CLASS.search(message):
        name = match[1].rpartition(".")[2]
        yield _if_guessed(f"{name} has no option {match[2]!r}", did_you_mean(match[2], _parameters(match[1])))
    if match := _NO_PATH.search(message):
        guess = _class_guess(match[1])
        yield f"there is no class {match[1]!r}{guess}; name one of the package, or the path of your own"
    if match := _NO_CLASS.search(message):
        root, _, name = match[1].partition(".")
        remedy = f"; install {root}, or put the folder it lies in on $PYTHONPATH"
        if find_spec(root) is not None:
            remedy = _class_guess(name) or remedy
        yield f"there is no class {match[1]!r}{remedy}"
    if match := _NO_COMMAND.search(message):
        choices = re.findall(r"[\w-]+", match[2])
        yield _if_guessed(f"there is no {match[1]!r}", did_you_mean(match[1], choices))


def _if_guessed(what: str, guess: str) -> str:
    return guess and f"{what}{guess}"


def _class_guess(name: str) -> str:
    """Guess among the classes that are loaded, which are those that configs can name without their module."""
    modules = [module for path, module in list(sys.modules.items()) if path.startswith(_CLASSES_OF)]
    names = {known for module in modules for known, value in vars(module).items() if inspect.isclass(value)}
    return did_you_mean(name.rpartition(".")[2], sorted(known for known in names if not known.startswith("_")))


def _parameters(path: str) -> list[str]:
    """Return the parameters of a class by its path, as configs give them; none where it cannot be had."""
    module, _, name = path.rpartition(".")
    parser = ArgumentParser()
    try:
        parser.add_class_arguments(getattr(import_module(module), name), "options", fail_untyped=False)
    except (ImportError, AttributeError, TypeError, ValueError):
        return []
    return [*parser.get_defaults().as_dict().get("options", {})]


__all__ = ["hinted"]
