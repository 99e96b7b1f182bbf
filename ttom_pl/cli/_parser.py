"""The parser of a command's options: jsonargparse's in every command, with the same settings."""

from argparse import RawDescriptionHelpFormatter

from jsonargparse import ArgumentParser, DefaultHelpFormatter

SETTINGS = {"exit_on_error": False, "allow_abbrev": False}
"""Errors are raised, to be told in one place, see :func:`~ttom_pl.cli._errors.explain`; options go by their full names.

For :class:`~lightning.pytorch.cli.LightningCLI` too.
"""


class _HelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions."""


def make_parser(command: str, description: str | None, config: bool = False) -> ArgumentParser:
    """Return a parser without options but ``--help``.

    Args:
        command: the command, e.g. ``"memory list"``.
        description: what the command does; its lines stay as they are.
        config: whether options can come from a YAML file as well, which ``--config`` names.
    """
    parser = ArgumentParser(
        prog=f"ttom {command}",
        description=description,
        formatter_class=_HelpFormatter,
        exit_on_error=SETTINGS["exit_on_error"],
        allow_abbrev=SETTINGS["allow_abbrev"],
    )
    if config:
        parser.add_argument("--config", action="config", help="options as YAML")
    return parser


__all__ = ["SETTINGS", "make_parser"]
