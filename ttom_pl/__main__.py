"""``python -m ttom_pl``: the command line without its script."""

from ttom_pl.cli import main

main()
