"""What needs no model, made once before the model, so that what is wrong with it is told before minutes of loading."""

import warnings
from collections.abc import Mapping
from typing import Any

from jsonargparse import ArgumentParser, Namespace


def make_early(config: Namespace, sections: Mapping[str, type]) -> dict[str, Any]:
    """Make the classes of some sections of a config, with the classes that they take, and return them by section.

    Args:
        config: a config that was parsed, its classes not yet made.
        sections: class of each section.

    Raises:
        ValueError, OSError, ArgumentError: what their constructors raise.
    """
    parser = ArgumentParser(exit_on_error=False)
    for name, cls in sections.items():
        parser.add_class_arguments(cls, name)
    options = {name: config[name].as_dict() for name in sections}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they will be said when the run's own are made
        made = parser.instantiate_classes(parser.parse_object(options))
    return {name: made[name] for name in sections}


__all__ = ["make_early"]
