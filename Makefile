# Latchkey. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
# The shipped code, as in pyproject.toml for mypy. These rules do not apply to your own code.
SHIPPED := manage.py project accounts tokens benchmarks clients tests/*.py \
	tests/accounts tests/browser tests/clients tests/project tests/support tests/tokens

# Each process needs seconds to import Schemathesis, and all tests of this module are slow.
WITHOUT_SCHEMATHESIS := -p no:schemathesis --ignore=tests/project/web/test_schema.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install packages FORCE serve test test-fast test-browser soak lint conformance bench \
	bench-quick profile lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/dev ## Make .venv from the locks, with the packages for development

packages: .venv/run ## Install the packages of the site, if the lock has changed

serve: .venv/run ## Serve the site on PORT (8000)
	@exec $(BIN)/python -m project.serving.serve

test: .venv/dev ## Run the tests on SQLite and, with TEST_DATABASE_URL, on PostgreSQL
	@$(BIN)/python -m tests.engines "not soak and not browser"

test-fast: .venv/dev ## Run the tests that start no server and do not race, on SQLite
	@TEST_ENGINE=sqlite $(BIN)/python -m pytest -q -n auto --maxprocesses=4 $(WITHOUT_SCHEMATHESIS) \
		-m "not slow and not soak and not browser"

# Browsers wait half of the time, so three processes share two cores.
test-browser: .venv/dev ## Run the tests in Chromium (CHROMIUM: its path)
	@$(BIN)/python -m pytest -q -n 3 --dist=loadgroup tests/browser -m browser

soak: .venv/dev ## Run the long races and state machines
	@$(BIN)/python -m tests.engines soak

lint: export SECRET_KEY = unused by these checks
lint: export LATCHKEY_ENV_FILE = /dev/null
lint: .venv/dev ## Check style, types, imports and migrations of the shipped code
	$(BIN)/ruff check $(SHIPPED)
	$(BIN)/ruff format --check $(SHIPPED)
	$(BIN)/mypy
	PYTHONPATH=clients/verifier/src:clients/python/src $(BIN)/lint-imports --no-cache
	$(BIN)/python manage.py makemigrations --check --dry-run accounts tokens

conformance: .venv/dev ## Write docs/conformance.md: which test proves which requirement
	@TEST_ENGINE=sqlite $(BIN)/python -m tests.conformance

bench: .venv/dev ## Measure against SimpleJWT, allauth, knox and django-oauth-toolkit, in turns
	@$(BIN)/python -m benchmarks

bench-quick: .venv/dev ## Measure refresh and read against SimpleJWT, in two minutes
	@$(BIN)/python -m benchmarks --only refresh --only read --rounds 5 --seconds 1

profile: .venv/dev ## Show where a refresh and a read spend their time, by function
	@$(BIN)/python -m benchmarks.profile

lock: .venv/dev ## Compile the locks from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		-o requirements.txt pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
		--group dev -c requirements.txt -o requirements-dev.txt pyproject.toml

clean: ## Remove the files of the other targets, but no data and no keys
	rm -rf .venv .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache \
		var/static
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Latchkey needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv

# Each of the two is a copy of the lock whose packages are installed: its content decides, and not its time.
.venv/run: requirements.txt .venv/bin/pip FORCE
	@$(install-packages)

.venv/dev: requirements-dev.txt .venv/run FORCE
	@$(install-packages)

FORCE:

define install-packages
cmp -s $< $@ || { echo "Installing the packages of $<"; \
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $< && cp $< $@; }
endef
