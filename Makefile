# Every target does its own set-up in .venv; a second call finds it done.
PYTHON  ?= python3
WORKERS ?= 2
ARGS    ?=

VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check
RUNTIME := $(VENV)/.runtime-installed
DEV     := $(VENV)/.dev-installed
SIZED   := conftest.py $(wildcard src tests tools benchmarks examples)

# The large data sets, where they lie beside the checkout.
ifneq ($(wildcard ../shared/data),)
export KOHORT_DATA ?= $(abspath ../shared/data)
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo test browser check lint types imports sizes bench clean distclean

help:  ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(DEV)  ## Make .venv with everything that tests and checks need

demo: $(RUNTIME)  ## Install Kohort in .venv and improve a network on the digits
	$(BIN)/kohort improve digits --out runs/demo

test: $(DEV) browser  ## Run all tests and docstring examples (ARGS="-k name -x")
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

# What the tests of pages need beside Python. Without it they are skipped and say so.
browser:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! command -v chromedriver >/dev/null; then \
		echo "Installing chromium and chromium-driver, if they can be had"; \
		{ timeout 30 apt-get update && DEBIAN_FRONTEND=noninteractive timeout 180 \
			apt-get install --yes --no-install-recommends chromium chromium-driver; \
		} >/dev/null 2>&1 || echo "They cannot: the tests that need them will be skipped"; \
	fi

check: lint types imports sizes  ## Run the linter, type checker, import direction and sizes

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)
	$(BIN)/mypy

imports: $(DEV)
	$(BIN)/lint-imports

sizes: $(DEV)
	$(BIN)/python tools/check_sizes.py $(SIZED)

bench: $(DEV)  ## Time Kohort beside its peers: dense nets, convnet, recurrent nets, searches
	for part in run layers cohorts structures tensorboard; do $(BIN)/python -m benchmarks.$$part || exit 1; done

clean:  ## Remove caches and build output
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests tools $(wildcard benchmarks examples) -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean  ## Remove .venv and runs as well
	rm -rf $(VENV) runs

# Some systems ship Python without ensurepip: then the pip at hand fills the environment.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Kohort needs Python 3.11 or newer: call make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
		$(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --python $@ install --quiet pip; }

$(RUNTIME): pyproject.toml | $(BIN)/python
	@echo "Installing Kohort in $(VENV) (a few minutes the first time)"
	@$(PIP) install --quiet --editable .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@echo "Installing Kohort in $(VENV), with what tests and checks need (a few minutes the first time)"
	@$(PIP) install --quiet --editable '.[test,dev]'
	@touch $@ $(RUNTIME)
