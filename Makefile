# Everything below works on a fresh Debian with Python 3.11 (python3, python3-venv, make); nothing else is needed.
#   make demo      a published search, from generated events to a limit, in about a minute of computing
#   make test      lint, type check, import contracts, tests
#   make bench     throughput on one core, beside Pythia 8 in the same run
#   make validate  the physics checks measured again, and the notebooks
SHELL      := /bin/bash
PYTHON     ?= python3
VENV       ?= .venv
DEMO_SCALE ?= 0.05
DEMO_OUT   ?= demo

PY      := $(VENV)/bin/python
PIP     := $(PY) -m pip --disable-pip-version-check --quiet
CODE    := toymc geometry generators studies tests
STAMP   := $(VENV)/.toymc-run-installed
STAMP_T := $(VENV)/.toymc-test-installed

export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help demo test lint typecheck contracts unit bench validate clean

help:
	@sed -n '2,5p' Makefile

# A Python without ensurepip (Debian without python3-venv) still gets a virtual environment if it has pip.
$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	  || { echo "toymc needs Python 3.11, 3.12 or 3.13; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 \
	  || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV) \
	       && $(PYTHON) -m pip --python $(VENV)/bin/python install --quiet pip >/dev/null 2>&1; } \
	  || { rm -rf $(VENV); echo "cannot make $(VENV): install venv first, e.g. apt-get install python3-venv" >&2; exit 2; }

$(STAMP): pyproject.toml Makefile | $(PY)
	@echo "installing toymc into $(VENV)"
	@$(PIP) install --editable '.[generators]'
	@touch $@

$(STAMP_T): pyproject.toml Makefile | $(PY)
	@echo "installing toymc with its test and dev extras into $(VENV)"
	@$(PIP) install --editable '.[test,dev]'
	@touch $@ $(STAMP)

demo: $(STAMP)
	@$(VENV)/bin/toymc study run tau_l_alpha --scale $(DEMO_SCALE) --seed 1 --out $(DEMO_OUT)

test: lint typecheck contracts unit

lint: $(STAMP_T)
	$(VENV)/bin/ruff check $(CODE)

typecheck: $(STAMP_T)
	$(VENV)/bin/mypy

contracts: $(STAMP_T)
	$(VENV)/bin/lint-imports

unit: $(STAMP_T)
	$(PY) -m pytest tests -n 2

bench: $(STAMP_T)
	$(PY) tests/benchmarks/run.py

validate: $(STAMP_T)
	$(PY) -m pytest tests -m validate
	$(PY) -m pytest --nbmake notebooks

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache $(DEMO_OUT)
	find toymc geometry generators studies tests -name __pycache__ -type d -prune -exec rm -rf {} +
