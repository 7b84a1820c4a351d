# Everything runs in .venv, which `make install` builds from the pinned lock.
PYTHON ?= $(shell command -v python3.11 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SLICER_STABLE := .slicer-5.12
STUDIES ?= sample_studies
PORT ?= 8000

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install demo test serve lint bench lock

install: $(STAMP)

# PyRadiomics compiles against the NumPy that is there, so NumPy comes first; torch is installed with its own
# dependencies, because the build for NVIDIA GPUs needs libraries that the lock leaves out.
$(STAMP): requirements/lock.txt setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v == (3, 11) else \
	  "Gliomics needs Python 3.11, because PyRadiomics does not build on newer ones; this is %d.%d. " % v + \
	  "Install Python 3.11, then: make install PYTHON=/path/to/python3.11")'
	@command -v cc >/dev/null || { echo "PyRadiomics is compiled on installation: install a C compiler (gcc) first" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile -c requirements/lock.txt uv numpy setuptools wheel torch
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --compile-bytecode \
	  -r requirements/lock.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	$(BIN)/gliomics demo

# The lock has the libraries of 3D Slicer's preview; those of its stable line lie in a folder that goes before them.
$(SLICER_STABLE)/.installed: requirements/slicer-5.12.txt $(STAMP)
	rm -rf $(SLICER_STABLE)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target $(SLICER_STABLE) -r $<
	@touch $@

test: install $(SLICER_STABLE)/.installed
	$(BIN)/python -m pytest --ignore=tests/benchmarks
	SLICER_CORE=5.12 PYTHONPATH=$(CURDIR)/$(SLICER_STABLE) $(BIN)/python -m pytest tests/slicer

serve: install
	$(BIN)/gliomics serve --studies $(STUDIES) --port $(PORT)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m pytest tests/benchmarks -s

# Resolve the pins anew after a change of requirements/*.in.
lock: install
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-annotate --no-header \
	  --override requirements/overrides.txt requirements/server.in requirements/dev.in -o requirements/lock.txt
