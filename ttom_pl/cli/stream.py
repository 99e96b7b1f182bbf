"""``ttom stream``: the main job, as a LightningCLI with sections for the stream and the memory."""

import sys
from argparse import ArgumentError
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

# Imported so that configs can name these classes without their modules.
import ttom_pl.backbones
import ttom_pl.evaluation.detectors
import ttom_pl.evaluation.judge
import ttom_pl.planners  # noqa: F401
from ttom_pl.callbacks import ParametricMemory, VideoWriter
from ttom_pl.cli._early import make_early
from ttom_pl.cli._help_order import arrange_help
from ttom_pl.cli._parser import SETTINGS, LightningParser
from ttom_pl.cli._quiet import quieten
from ttom_pl.cli._trainer import check_trainer_config
from ttom_pl.evaluation.metrics import HitRate, IterationsSaved, StageSeconds
from ttom_pl.prompts.datamodule import PromptStream
from ttom_pl.prompts.prompt import sampled
from ttom_pl.rehearsal import LayoutTTO, alone
from ttom_pl.rehearsal.trainer import IDLE, REFUSED
from ttom_pl.run import RESULTS, Result, RunFolder, check_places
from ttom_pl.stream import Stream

_EARLY: dict[str, type] = {"data": PromptStream, "videos": VideoWriter, "memory": ParametricMemory, "stream": Stream}
"""Sections that need no model."""
_SECTIONS = ("stream", "data", "model", "memory", "videos", "trainer")
"""As the help has them, the first ones first."""


class StreamCLI(LightningCLI):
    """LightningCLI without subcommands; the memory and the video writer are callbacks with sections of their own."""

    def __init__(self, *args: Any, ends: ExitStack, **kwargs: Any) -> None:
        self._ends = ends
        super().__init__(*args, **kwargs)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the sections ``stream``, ``memory`` and ``videos``."""
        parser.add_class_arguments(Stream, "stream")
        parser.add_lightning_class_args(VideoWriter, "videos")
        parser.add_lightning_class_args(ParametricMemory, "memory")
        parser.link_arguments("stream.out", "trainer.default_root_dir")
        arrange_help(parser, _SECTIONS, {f"--trainer.{name}" for name in REFUSED | IDLE})

    def before_instantiate_classes(self) -> None:
        """Look at all that needs no model before the model is loaded, which may take minutes."""
        check_trainer_config(self.config.trainer, {"VideoWriter": "videos", "ParametricMemory": "memory"})
        early = make_early(self.config, _EARLY)
        prompts = sampled(early["data"].prompts, early["stream"].samples)
        early["videos"].names(prompts)
        folder = RunFolder(Path(self.config.stream.out))
        folder.check(self.dump(), self.complete)
        check_places(prompts, folder.results())
        self._ends.enter_context(folder.owned())

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Make the trainer, of one process whatever the environment says, and without our bar if none is wanted."""
        config = self.config_init.trainer
        if config.enable_progress_bar is False:
            config.callbacks = [
                callback for callback in config.callbacks or () if not isinstance(callback, ProgressBar)
            ]
        return super().instantiate_trainer(**kwargs, plugins=alone(config.plugins))

    def complete(self, config: dict[str, Any]) -> Mapping[str, Any]:
        """Return the config of an earlier version with the defaults of the options that are new."""
        try:
            complete = self.parser.parse_object(config)
        except (ArgumentError, ValueError, TypeError, KeyError):
            return config
        made: Mapping[str, Any] = yaml.safe_load(self.parser.dump(complete, skip_none=False))
        return made

    def dump(self) -> str:
        """Return the config with every default, as YAML."""
        return str(self.parser.dump(self.config, skip_none=False))


def main(args: Sequence[str]) -> None:
    """Serve a stream, e.g. ``--config configs/sprites.yaml --data.prompts my_prompts.txt``."""
    quieten()
    with ExitStack() as ends:
        _serve(args, ends)


def _serve(args: Sequence[str], ends: ExitStack) -> None:
    cli = StreamCLI(
        LayoutTTO,
        PromptStream,
        run=False,
        save_config_callback=None,
        seed_everything_default=0,
        parser_class=LightningParser,
        trainer_defaults={"enable_checkpointing": False, "enable_model_summary": False, "log_every_n_steps": 1},
        parser_kwargs={
            "prog": "ttom stream",
            "description": "Serve the prompts of a file, one after the other.",
            "usage": "ttom stream --config FILE [--config FILE ...] [--SECTION.OPTION VALUE ...]",
            **SETTINGS,
        },
        args=list(args),
        ends=ends,
    )
    init = cli.config_init
    stream: Stream = init.stream
    try:
        folder = stream.run(cli.trainer, cli.model, cli.datamodule.prompts, cli.dump(), cli.complete)
    except (KeyboardInterrupt, SystemExit):  # Lightning makes the one the other
        print(f"\nstopped; the same command goes on from {stream.out}", file=sys.stderr)
        raise KeyboardInterrupt from None
    results = folder.results()
    served, skipped = list(results.served.values()), list(results.skipped)
    print(f"served: {len(served)}, skipped: {len(skipped)}" + (f" ({', '.join(skipped)})" if skipped else ""))
    for line in _summary(served):
        print(line)
    print(f"results: {folder.path / RESULTS}")
    if not served:
        sys.exit(1)


def _summary(results: Sequence[Result]) -> Iterator[str]:
    """Yield what the prompts took, and what the memory was worth."""
    hit_rate, saved, seconds = HitRate(), IterationsSaved(), StageSeconds()
    for result in results:
        hit_rate.update(result.memory)
        saved.update(result.memory)
        seconds.update(result.seconds)
    if results:
        stages = seconds.compute()
        shares = ", ".join(f"{mean:.2f} {stage}" for stage, mean in stages.items())
        yield f"seconds a prompt: {sum(stages.values()):.2f} ({shares})"
    if hit_rate.videos:
        yield f"memory: hit rate {hit_rate.compute():.0%}, {saved.compute():.1f} iterations saved a prompt"
