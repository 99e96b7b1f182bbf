"""The ``ttom`` command: one line per subcommand, each imported only when it is called."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from ttom_pl.cli._configs import with_config_files
from ttom_pl.cli._errors import explain
from ttom_pl.cli._guess import did_you_mean
from ttom_pl.cli._terminal import drop_output, flush_output, make_printable, stopping_at_sigterm

COMMANDS = {
    "demo": "serve 24 prompts with the embedded model: plain, with TTO, with TTO and memory; and compare them",
    "stream": "serve the prompts of a file: plan, rehearse, remember, write videos and scores",
    "plan": "plan the prompts of a file: layouts, and pictures of them",
    "evaluate": "score a folder of videos, of this or any other tool, against their prompts",
    "compare": "compare runs over the same prompts: a table with confidence intervals, a contact sheet",
    "report": "make the page of a run anew: videos, layouts, attention, losses, memory, scores",
    "probe": "measure which blocks the layout loss should read",
    "memory": "look at a memory, check it, carry it elsewhere",
    "pretrain": "train the embedded Sprites model",
    "doctor": "tell what of this machine and its packages can be used, what cannot, and how to mend it",
}
"""Subcommands and what they do; each is a module of this package with a ``main(args)``."""
_SIGNALLED = 128
"""What shells add to the number of the signal that ended a command."""

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

    Raises:
        SystemExit: 1 where the command did not do all of its work, 2 where it could not be done as it was given, 130
            and 143 after Ctrl-C and SIGTERM.
    """
    words = list(sys.argv[1:] if args is None else args)
    for logger in _SAID_ON_IMPORT:
        logging.getLogger(logger).addFilter(_is_news)
    name = " ".join(["ttom", *words[:1]])
    make_printable()
    with stopping_at_sigterm() as signals:
        try:
            _run(words)
            sys.stdout.flush()  # now, while it can be said that it went wrong
        except BrokenPipeError:
            drop_output()
        except KeyboardInterrupt:
            if signals:
                print(f"{name}: terminated", file=sys.stderr)
            sys.exit(_SIGNALLED + (signals or [signal.SIGINT])[0])
        except Exception as error:
            told = None if os.environ.get("TTOM_TRACEBACK") else explain(error)
            if told is None:
                raise
            print(f"{name}: error: {told}", file=sys.stderr)
            flush_output()
            sys.exit(2)


def _run(words: Sequence[str]) -> None:
    if not words or words[0] in ("-h", "--help"):
        print(_help())
    elif words[0] == "--version":
        print(f"ttom {version('ttom_pl')}")
    elif words[0] in COMMANDS:
        import_module(f"ttom_pl.cli.{words[0]}").main(with_config_files(words[1:]))
    else:
        guess = did_you_mean(words[0], COMMANDS)
        print(f"ttom: there is no command {words[0]!r}{guess}; choose from {', '.join(COMMANDS)}", file=sys.stderr)
        sys.exit(2)


def _is_news(record: logging.LogRecord) -> bool:
    return _SAID_ON_IMPORT[record.name] not in record.getMessage()


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
            "exit status: 0 done, 1 not all of it could be done, 2 refused as it was given, 130 and 143 stopped.",
        ]
    )
