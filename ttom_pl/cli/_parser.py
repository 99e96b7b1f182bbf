"""The parser of a command's options: jsonargparse's in every command, with the same settings."""

from argparse import ArgumentError, RawDescriptionHelpFormatter
from typing import NoReturn

from jsonargparse import ArgumentParser, DefaultHelpFormatter
from lightning.pytorch.cli import LightningArgumentParser

from ttom_pl.cli._hints import hinted

SETTINGS = {"exit_on_error": False, "allow_abbrev": False}
"""Errors are raised, to be told in one place, see :func:`~ttom_pl.cli._errors.explain`; options go by their full names.

For :class:`~lightning.pytorch.cli.LightningCLI` too.
"""


class _HelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions."""


class Parser(ArgumentParser):
    """Tells what a misspelt option or class may have meant."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise what is wrong, the remedy first.

        Raises:
            ArgumentError: always.
        """
        raise ArgumentError(None, hinted(message, self._option_string_actions)) from ex


class LightningParser(Parser, LightningArgumentParser):
    """The same, for :class:`~lightning.pytorch.cli.LightningCLI`."""


def make_parser(command: str, description: str | None, config: bool = False) -> Parser:
    """Return a parser without options but ``--help``.

    Args:
        command: the command, e.g. ``"memory list"``.
        description: what the command does; its lines stay as they are.
        config: whether options can come from a YAML file as well, which ``--config`` names.
    """
    parser = Parser(
        prog=f"ttom {command}",
        description=description,
        formatter_class=_HelpFormatter,
        exit_on_error=SETTINGS["exit_on_error"],
        allow_abbrev=SETTINGS["allow_abbrev"],
    )
    if config:
        parser.add_argument(
            "--config", action="config", help="options as YAML: a file, or one of the package's by name"
        )
    return parser


__all__ = ["SETTINGS", "LightningParser", "Parser", "make_parser"]
