# make demo    install, then score four simulated stars with the shipped network
# make test    install with the test tools, then run the whole suite, offline
# make lint    ruff
# make bench   every benchmark, one table each; lists at the end those that could not run
# make clean   remove what building, testing and the demo leave behind (not .venv)
#
# Everything runs in .venv, which is created where it is missing. PYTHON=python3.12 chooses another interpreter for it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -n 7

demo: $(VENV)/.lcnet-base
	@$(BIN)/lcnet transits score --demo

# One process a core, four at most: each holds torch. A file's tests stay in one process, which shares their fixtures.
test: $(VENV)/.lcnet-test
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/.lcnet-test
	@$(BIN)/python -m ruff check .

bench: $(VENV)/.lcnet-test
	@for script in benchmarks/*.py; do \
	  echo "== $$script"; $(BIN)/python "$$script" || left="$$left $$script"; \
	done; \
	if [ -n "$$left" ]; then echo "did not run, for what is said above:$$left"; exit 1; fi

clean:
	rm -rf build dist lcnet.egg-info lcnet-demo .pytest_cache .ruff_cache .hypothesis .coverage htmlcov
	find lcnet catalogs tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The stamps: a changed pin or dependency installs again, nothing else does.
$(VENV)/.lcnet-base: EXTRA :=
$(VENV)/.lcnet-test: EXTRA := [test,bench]
$(VENV)/.lcnet-base $(VENV)/.lcnet-test: pyproject.toml constraints.txt | $(BIN)/python
	@$(BIN)/python -c 'import sys; sys.version_info >= (3, 11) or sys.exit("lcnet needs Python 3.11 or newer, and $(VENV) has " + sys.version.split()[0] + ": remove $(VENV) and run make again, with PYTHON=python3.11 or newer")'
	@echo "Installing lcnet$(EXTRA) and its dependencies into $(VENV)."
	@$(BIN)/python -c 'import importlib.util as u; print("" if u.find_spec("torch") else "PyTorch is among them, a large download (0.2 GB, or over 2 GB with the CUDA libraries): this can take several minutes.", end="\n")'
	@if [ -t 1 ]; then quiet=; else quiet=--quiet; fi; \
	  $(BIN)/python -m pip install $$quiet --disable-pip-version-check --constraint constraints.txt --editable ".$(EXTRA)"
	@touch $@ $(if $(EXTRA),$(VENV)/.lcnet-base)

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "lcnet needs Python 3.11 or newer, and there is no $(PYTHON) here." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("lcnet needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + ": name another one, as in make demo PYTHON=python3.12")'
	@echo "Creating $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV)
