"""``ttom stream``: the main job, as a LightningCLI with sections for the stream and the memory."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

# Imported so that configs can name these classes without their modules.
import ttom_pl.backbones
import ttom_pl.baselines
import ttom_pl.detectors
import ttom_pl.judge
import ttom_pl.planners  # noqa: F401
from ttom_pl.callbacks import ParametricMemory, VideoWriter
from ttom_pl.cli._quiet import quieten
from ttom_pl.metrics import HitRate, IterationsSaved, StageSeconds
from ttom_pl.prompts import PromptStream, read_prompts
from ttom_pl.resume import check_places
from ttom_pl.run import RunFolder
from ttom_pl.stream import Stream
from ttom_pl.tto import LayoutTTO


class StreamCLI(LightningCLI):
    """LightningCLI without subcommands; the memory and the video writer are callbacks with sections of their own."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the sections ``stream``, ``memory`` and ``videos``."""
        parser.add_class_arguments(Stream, "stream")
        parser.add_lightning_class_args(VideoWriter, "videos")
        parser.add_lightning_class_args(ParametricMemory, "memory")
        parser.link_arguments("stream.out", "trainer.default_root_dir")

    def before_instantiate_classes(self) -> None:
        """Look at the prompts and the run folder before the model is loaded, which may take minutes."""
        for name in ("VideoWriter", "ParametricMemory"):
            if any(each.class_path.endswith(name) for each in self.config.trainer.callbacks or ()):
                section = {"VideoWriter": "videos", "ParametricMemory": "memory"}[name]
                raise ValueError(
                    f"trainer.callbacks lists {name}; it is there already, set it in the section {section!r}"
                )
        prompts = read_prompts(Path(self.config.data.prompts), self.config.data.long)[: self.config.data.limit]
        VideoWriter(**self.config.videos).names(prompts)
        folder = RunFolder(Path(self.config.stream.out))
        folder.check(self.dump())
        check_places(prompts, folder)

    def dump(self) -> str:
        """Return the config with every default, as YAML."""
        return str(self.parser.dump(self.config, skip_none=False))


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
            "allow_abbrev": False,
        },
        args=list(args),
    )
    init = cli.config_init
    stream: Stream = init.stream
    try:
        folder = stream.run(cli.trainer, cli.model, cli.datamodule.prompts, cli.dump())
    except (KeyboardInterrupt, SystemExit):  # Lightning makes the one the other
        print(f"\nstopped; the same command goes on from {stream.out}", file=sys.stderr)
        raise KeyboardInterrupt from None
    results = folder.results().values()
    failed = [result["id"] for result in results if "error" in result]
    served = len(results) - len(failed)
    print(f"served: {served}, skipped: {len(failed)}" + (f" ({', '.join(failed)})" if failed else ""))
    for line in _summary([result for result in results if "error" not in result]):
        print(line)
    print(f"results: {folder.path / 'results.jsonl'}")
    if not served:
        sys.exit(1)


def _summary(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the prompts took, and what the memory was worth."""
    hit_rate, saved, seconds = HitRate(), IterationsSaved(), StageSeconds()
    for result in results:
        hit_rate.update(result)
        saved.update(result)
        seconds.update(result)
    if results:
        stages = seconds.compute()
        shares = ", ".join(f"{each:.2f} {stage}" for stage, each in stages.items())
        yield f"seconds a prompt: {sum(stages.values()):.2f} ({shares})"
    if hit_rate.videos:
        yield f"memory: hit rate {hit_rate.compute():.0%}, {saved.compute():.1f} iterations saved a prompt"
