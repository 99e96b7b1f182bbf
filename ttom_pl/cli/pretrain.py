"""``ttom pretrain``: plain LightningCLI ``fit``."""

from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningCLI, SaveConfigCallback

from ttom_pl.cli._parser import SETTINGS, LightningParser
from ttom_pl.io.whole_files import write_text


class SaveConfig(SaveConfigCallback):
    """Write ``config.yaml`` into the folder of the logs, in place of the one of an earlier start."""

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write it; the earlier one stays until the new one is whole."""
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / self.config_filename, self.parser.dump(self.config, skip_none=False))


def main(args: Sequence[str]) -> None:
    """Fit the module of a config, e.g. ``--config configs/pretrain.yaml``."""
    LightningCLI(
        args=["fit", *args],
        save_config_callback=SaveConfig,
        save_config_kwargs={"save_to_log_dir": False},
        seed_everything_default=0,
        parser_class=LightningParser,
        parser_kwargs={"fit": SETTINGS, **SETTINGS},
    )
