# Every target sets up what it needs in .venv, from nothing, and is quick the second time.
#
#   make run      open fugue
#   make demo     open fugue beside an example that really runs, in a server of its own
#   make test     run the tests              ARGS="-k router -x" goes on to pytest, WORKERS=0 keeps to one process
#   make check    form, lint, types, imports
#   make format   rewrite the sources in the form that `check` asks for
#   make bench    measure, beside its peers  ARGS=--quick measures less, ARGS="router feed" only these
#   make screenshots  draw the pictures of the screen anew
#   make clean    remove all that was made here

.DEFAULT_GOAL := help
.PHONY: help run demo test check format bench screenshots clean
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
READY_BENCH := $(VENV)/ready-bench
ARGS ?=
# Tests wait for daemons more than they compute. Measured on 2 cores: 1 worker 69 s, 2 57 s, 3 42 s, 4 44 s.
WORKERS ?= 3

help:
	@sed -n 's/^#   //p' Makefile

run: $(READY)
	@$(BIN)/fugue $(ARGS)

demo: $(READY)
	@$(BIN)/fugue --demo

test: $(READY)
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check --quiet . || { echo "run: make format" >&2; exit 1; }
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY_BENCH)
	$(BIN)/python benchmarks/run.py $(ARGS)

screenshots: $(READY)
	$(BIN)/python screenshots/make.py

clean:
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------------------- the environment
# With uv where it is installed, else with venv and pip. PYTHON=... chooses the interpreter; else the first
# of these that is 3.11 or later, else what uv can find or fetch.

PYTHON ?=
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11

$(VENV)/bin/python:
	@set -eu; \
	python=; \
	for each in $(or $(PYTHON),$(PYTHONS)); do \
	  if "$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$each; break; fi; \
	done; \
	if command -v uv >/dev/null; then \
	  if [ -z "$$python" ] && [ -n "$(PYTHON)" ]; then echo "fugue needs Python 3.11 or later, and $(PYTHON) is not" >&2; exit 1; fi; \
	  uv venv --quiet --clear --python "$${python:->=3.11}" $(VENV); \
	elif [ -z "$$python" ]; then \
	  echo "fugue needs Python 3.11 or later, and none was found ($(or $(PYTHON),$(PYTHONS)));" >&2; \
	  echo "install one, or say where it is: make PYTHON=/path/to/python3 ..." >&2; exit 1; \
	elif ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$python cannot make virtual environments; on Debian and Ubuntu: sudo apt install python3-venv" >&2; exit 1; \
	else \
	  "$$python" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; \
	  : "the start-up script that older pips write is slower, see pyproject.toml"; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.3'; \
	fi

define install
	@if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python $(1); \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check $(1); fi
	@touch $@
endef

$(READY): pyproject.toml | $(VENV)/bin/python
	$(call install,--editable '.[dev]')

$(READY_BENCH): $(READY)
	$(call install,--editable '.[bench]')
