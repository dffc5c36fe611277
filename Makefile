PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --no-header

.DELETE_ON_ERROR:
.PHONY: all run install install-dev check test bench lock rooms clean help

all: check test  ## check and test (what plain `make` does)

run: install  ## start the gateway in demo mode: no key, no network
	$(BIN)/uni-api demo

install: $(VENV)/.installed  ## a ready .venv/bin/uni-api

install-dev: $(VENV)/.installed-dev  ## the same, with what check, test and bench need

check: install-dev  ## style, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install-dev  ## every test; ARGS="-k name" for some
	$(BIN)/python -m pytest $(ARGS)

bench: install-dev  ## the relay beside nginx on one core; ARGS="--quick" for a look
	$(BIN)/python -m bench.relay $(ARGS)

rooms: install  ## rewrite the room table of ARCHITECTURE.md from the room cards
	$(BIN)/python docs/rooms.py

lock:  ## rewrite the locks (needs uv)
	$(UV) requirements/run.in -o requirements/run.txt
	$(UV) requirements/dev.in -o requirements/dev.txt

clean:  ## remove everything that make made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/make \1\t/p' Makefile | expand -t 20

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "uni-api needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "This Python comes without venv. On Debian or Ubuntu: apt-get install -y python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@
