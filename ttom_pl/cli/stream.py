"""``ttom stream``: the main job, as a LightningCLI with sections for the stream and the memory."""

import sys
from collections.abc import Sequence

from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

# Imported so that configs can name these classes without their modules.
import ttom_pl.backbones
import ttom_pl.baselines
import ttom_pl.detectors
import ttom_pl.judge
import ttom_pl.planners  # noqa: F401
from ttom_pl.callbacks import ParametricMemory
from ttom_pl.cli._quiet import quieten
from ttom_pl.prompts import PromptStream
from ttom_pl.stream import Stream
from ttom_pl.tto import LayoutTTO


class StreamCLI(LightningCLI):
    """LightningCLI without subcommands; the memory is a callback with a section of its own."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the sections ``stream`` and ``memory``."""
        parser.add_class_arguments(Stream, "stream")
        parser.add_lightning_class_args(ParametricMemory, "memory")
        parser.link_arguments("stream.out", "trainer.default_root_dir")


def main(args: Sequence[str]) -> None:
    """Serve a stream, e.g. ``--config configs/sprites.yaml --data.prompts my_prompts.txt``."""
    quieten()
    cli = StreamCLI(
        LayoutTTO,
        PromptStream,
        run=False,
        save_config_callback=None,
        seed_everything_default=0,
        trainer_defaults={"enable_checkpointing": False, "enable_model_summary": False, "log_every_n_steps": 1},
        parser_kwargs={
            "prog": "ttom stream",
            "description": "Serve the prompts of a file, one after the other.",
            "exit_on_error": False,
        },
        args=list(args),
    )
    init = cli.config_init
    stream: Stream = init.stream
    config = cli.parser.dump(cli.config, skip_none=False)
    try:
        folder = stream.run(cli.trainer, cli.model, cli.datamodule.prompts, config)
    except (KeyboardInterrupt, SystemExit):
        print(f"\nstopped; the same command goes on from {stream.out}", file=sys.stderr)
        raise
    results = folder.results().values()
    failed = [result["id"] for result in results if "error" in result]
    print(
        f"{len(results) - len(failed)} prompts served, {len(failed)} skipped{': ' if failed else ''}{', '.join(failed)}"
    )
    print(f"results: {folder.path / 'results.jsonl'}")
