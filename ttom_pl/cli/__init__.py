"""The ``ttom`` command: one line per subcommand, each imported only when it is called."""

import logging
import os
import sys
from argparse import ArgumentError
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

COMMANDS = {
    "stream": "serve the prompts of a file: plan, rehearse, remember, write videos and scores",
    "plan": "plan the prompts of a file: layouts, and pictures of them",
    "evaluate": "score a folder of videos, of this or any other tool, against their prompts",
    "compare": "compare runs over the same prompts: a table with confidence intervals, a contact sheet",
    "report": "make the page of a run anew: videos, layouts, attention, losses, memory, scores",
    "probe": "measure which blocks the layout loss should read",
    "memory": "look at a memory, check it, carry it elsewhere",
    "pretrain": "train the embedded Sprites model",
}
"""Subcommands and what they do; each is a module of this package with a ``main(args)``."""

_SAID_ON_IMPORT = {
    "transformers.utils.import_utils": "requires torchvision",  # images are prepared without it
    "torchao": "Failed to load",  # kernels for cards and versions of Python that are not there
    "torch.utils._pytree": "register_constant() on Enum",  # how torchao calls PyTorch
    "diffusers.quantizers.torchao.torchao_quantizer": "Unable to import `torchao` Tensor objects",  # of older versions
}
"""What libraries log while they are imported, by logger, which concerns none of their users here."""


def main(args: Sequence[str] | None = None) -> None:
    """Run ``ttom``.

    Args:
        args: command line without the program's name; ``sys.argv`` when not given.
    """
    words = list(sys.argv[1:] if args is None else args)
    for name in _SAID_ON_IMPORT:
        logging.getLogger(name).addFilter(_is_news)
    try:
        if not words or words[0] in ("-h", "--help"):
            print(_help())
            return
        if words[0] == "--version":
            print(f"ttom {version('ttom_pl')}")
            return
        if words[0] not in COMMANDS:
            print(f"ttom: there is no command {words[0]!r}; choose from {', '.join(COMMANDS)}", file=sys.stderr)
            sys.exit(2)
        import_module(f"ttom_pl.cli.{words[0]}").main(words[1:])
    except BrokenPipeError:
        _drop_output()
    except (ArgumentError, ValueError, OSError) as error:
        if os.environ.get("TTOM_TRACEBACK"):
            raise
        print(f"ttom {words[0]}: error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _is_news(record: logging.LogRecord) -> bool:
    return _SAID_ON_IMPORT[record.name] not in record.getMessage()


def _drop_output() -> None:
    """Let the interpreter flush into nothing at exit: the reader of our output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _help() -> str:
    lines = [f"  {name:<10} {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: ttom COMMAND [--help] ...",
            "",
            "Test-time optimisation and memorisation for compositional video generation.",
            "",
            "commands:",
            *lines,
            "",
            "'ttom COMMAND --help' tells more. TTOM_TRACEBACK=1 shows where an error comes from.",
        ]
    )
