#!/bin/sh
# All that needs a graphics card, within eight minutes on an H200 or H100, at real sizes with random weights:
#   benchmarks/card.sh                     results below runs/card
#   benchmarks/card.sh --out runs/mine --seconds 300
#   benchmarks/card.sh --tiny              tiny models on the CPU, to see that it runs
# Needs the package installed, and pytest. See benchmarks/card.py.
set -eu
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" benchmarks/card.py "$@"
