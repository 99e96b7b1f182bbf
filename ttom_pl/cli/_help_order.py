"""The order of a long help, and what it leaves out."""

from argparse import SUPPRESS
from collections.abc import Collection, Sequence

from jsonargparse import ArgumentParser


def arrange_help(parser: ArgumentParser, sections: Sequence[str], hidden: Collection[str]) -> None:
    """Put the sections of a help in order, after the options that are in none; hidden options can still be given.

    Args:
        parser: has its options already.
        sections: names of the sections, the first ones first; others stand before them.
        hidden: options that the help does not show, with their dashes.
    """
    for option in hidden:
        parser._option_string_actions[option].help = SUPPRESS
        of_classes = parser._option_string_actions.get(f"{option}.help")
        if of_classes is not None:
            of_classes.help = SUPPRESS
    order = {name: number for number, name in enumerate(sections, start=1)}
    place = {id(group): order.get(name.partition(".")[0], 0) for name, group in (parser.groups or {}).items()}
    parser._action_groups = sorted(parser._action_groups, key=lambda group: place.get(id(group), 0))


__all__ = ["arrange_help"]
