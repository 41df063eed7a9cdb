# Two commands are enough: `make demo` and `make test`. Each creates .venv on its first call.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
CONSTRAINTS := requirements/constraints.txt

# One thread that sleeps while it waits: on a busy CPU, threads that spin are 60 times slower.
export OMP_NUM_THREADS ?= 1
export OMP_WAIT_POLICY ?= PASSIVE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

DEMO_ARGS ?=
PYTEST_ARGS ?= -n auto

.DEFAULT_GOAL := help
.PHONY: help venv demo test test-fast lint format docs wheel clean distclean

help: ## Show this list
	@echo 'Usage: make TARGET'
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

venv: $(STAMP) ## Create .venv and install everything into it (once)

$(STAMP): setup.py pyproject.toml requirements/runtime.txt requirements/optional.txt \
          requirements/tests.txt $(CONSTRAINTS)
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "error: no Python found; install Python 3.11, or say which: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "error: whmr needs Python 3.10 or newer (3.11 is the tested one), but $(PYTHON) is `$(PYTHON) -V 2>&1`; say which to use: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "error: $(PYTHON) has no venv or pip module; on Debian or Ubuntu: apt install python3-venv python3-pip" >&2; exit 1; }
	@echo '== Preparing .venv: about 6 GB (mostly torch), a few minutes; only needed once =='
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -e '.[all,tests]' -c $(CONSTRAINTS)
	@touch $@

demo: $(STAMP) ## Build a small synthetic world, train, evaluate, and recover people of a real photo
	$(BIN)/python tools/demo.py $(DEMO_ARGS)

test: $(STAMP) ## Run all tests, with coverage
	$(BIN)/python -m pytest --cov=whmr --cov-report=term $(PYTEST_ARGS)

test-fast: $(STAMP) ## Run the tests that are not marked slow, without coverage
	$(BIN)/python -m pytest -m 'not slow' $(PYTEST_ARGS)

lint: $(STAMP) ## Check style and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell

format: $(STAMP) ## Repair what ruff can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(DOCS_STAMP): $(STAMP) requirements/docs.txt
	$(BIN)/python -m pip install -r requirements/docs.txt -c $(CONSTRAINTS)
	@touch $@

docs: $(DOCS_STAMP) ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/python -m pip wheel . --no-deps --no-build-isolation --wheel-dir dist

clean: ## Remove caches and build products (keeps .venv, data and work_dirs)
	rm -rf build dist site htmlcov .coverage coverage.xml .pytest_cache .ruff_cache *.egg-info
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## Also remove .venv
	rm -rf $(VENV)
