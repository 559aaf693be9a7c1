# Latchkey. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
# What is shipped, as mypy has it in pyproject.toml. Code of your own is not held to these rules.
SHIPPED := manage.py project accounts tokens benchmarks clients tests/*.py \
	tests/accounts tests/browser tests/clients tests/project tests/tokens

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install serve test test-fast test-browser soak lint bench lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/dev ## Make .venv from the locks

serve: .venv/run ## Serve the site on PORT (8000)
	@exec $(BIN)/python -m project.serving.serve

test: .venv/dev ## Run the tests on SQLite and, with TEST_DATABASE_URL, on PostgreSQL
	@$(BIN)/python -m tests.engines -m "not soak and not browser"

test-fast: .venv/dev ## Run the tests that start no server and do not race, on SQLite
	@TEST_ENGINE=sqlite $(BIN)/python -m pytest -q -n auto --maxprocesses=4 \
		-m "not slow and not soak and not browser"

test-browser: .venv/dev ## Run the tests in Chromium (CHROMIUM: its path)
	@$(BIN)/python -m pytest -q tests/browser -m browser

soak: .venv/dev ## Run the long races and state machines
	@$(BIN)/python -m tests.engines -m soak

lint: export SECRET_KEY = unused by these checks
lint: export LATCHKEY_ENV_FILE = /dev/null
lint: .venv/dev ## Check style, types, imports and migrations of what is shipped
	$(BIN)/ruff check $(SHIPPED)
	$(BIN)/ruff format --check $(SHIPPED)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run accounts tokens

bench: .venv/dev ## Measure against stock SimpleJWT, in turns
	@$(BIN)/python -m benchmarks

lock: .venv/dev ## Compile the locks anew from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-o requirements.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--group dev -c requirements.txt -o requirements-dev.txt pyproject.toml

clean: ## Remove what the other targets made, but no data and no keys
	rm -rf .venv .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		var/static
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Latchkey needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/run: requirements.txt .venv/bin/pip
	@echo "Installing what $< names"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/dev: requirements-dev.txt .venv/run
	@echo "Installing what $< names"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@
