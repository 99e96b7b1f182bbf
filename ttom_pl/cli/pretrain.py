"""``ttom pretrain``: plain LightningCLI ``fit``."""

from collections.abc import Sequence

from lightning.pytorch.cli import LightningCLI


def main(args: Sequence[str]) -> None:
    """Fit the module of a config, e.g. ``--config configs/pretrain.yaml``."""
    LightningCLI(args=["fit", *args], save_config_kwargs={"overwrite": True}, seed_everything_default=0)
