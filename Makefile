# make demo   set up and run the main job on the embedded model
# make test   set up and run the tests
# Both make their own virtual environment in .venv; nothing else has to be done first.

PYTHON ?= python3
# The version that is tested. For another build, e.g. CPU only: make TORCH="torch==2.13.0 --index-url URL"
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
DEMO := runs/demo
# One thread: those of so small a model spend their time waiting for each other.
STREAM := OMP_NUM_THREADS=1 $(BIN)/ttom stream --config configs/sprites.yaml

.PHONY: demo test lint benchmark clean

demo: $(VENV)/.installed
	$(STREAM) --stream.out $(DEMO)/plain --model.guided_steps 0 --memory.mode off
	$(STREAM) --stream.out $(DEMO)/cold --memory.mode off
	$(STREAM) --stream.out $(DEMO)/memory
	$(BIN)/ttom compare $(DEMO)/plain $(DEMO)/cold $(DEMO)/memory --out $(DEMO) \
	  --names "plain model" "TTOM cold" "TTOM with memory"

test: lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

benchmark: $(VENV)/.installed
	$(BIN)/python benchmarks/sprites.py --out runs/benchmark

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "ttom_pl needs Python 3.11 or newer, $(PYTHON) is older or missing; install one, or name it: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment; install it: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable .
	@$(BIN)/pip install --quiet --editable ".[index]" || { \
	  echo "hnswlib was not installed: it is built from source, with a C++ compiler and Python's headers. All works without it,"; \
	  echo "but a memory of many thousand entries is slower. To add it: apt-get install g++ python3-dev (Fedora: gcc-c++ python3-devel,"; \
	  echo "macOS: xcode-select --install), then $(BIN)/pip install hnswlib"; }
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[dev]"
	@touch $@

clean:
	rm -rf $(VENV) runs
