"""The ``ttom`` command."""
import sys
from lightning.pytorch.cli import LightningCLI
def main(args=None):
    args = list(sys.argv[1:] if args is None else args)
    if args[0]=="pretrain":
        LightningCLI(args=["fit", *args[1:]], save_config_kwargs={"overwrite": True}, seed_everything_default=0)
