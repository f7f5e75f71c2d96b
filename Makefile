# Two commands: make serve, make test; and make serve-runs for all of it. They work in a fresh clone and install what they
# need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.cfg pyproject.toml

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# uv makes the environments. It reads no settings of pip: these are handed on, where the environment has them.
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif
# An account may have no home to keep a cache in.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
ifneq ($(shell mkdir -p '$(CACHE)' 2>/dev/null && test -w '$(CACHE)' && echo yes),yes)
export UV_CACHE_DIR ?= $(CURDIR)/build/uv
endif
INSTALL := $(BIN)/uv pip install --quiet --compile-bytecode

$(BIN)/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

# Without `structures`, whose libraries take twice as much room as all else.
$(VENV)/.installed: $(SOURCES) | $(BIN)/uv
	$(INSTALL) --python $(BIN)/python --editable '.[postgresql,provenance]'
	@touch $@

$(VENV)/.all-installed: $(VENV)/.installed
	$(INSTALL) --python $(BIN)/python --editable '.[postgresql,structures,provenance,engine]'
	@touch $@

$(VENV)/.tests-installed: $(VENV)/.installed
	$(INSTALL) --python $(BIN)/python --editable '.[postgresql,structures,provenance,engine,test,check]'
# It has the newest axe-core; what it needs besides is to drive a browser in another way.
	$(INSTALL) --python $(BIN)/python --no-deps 'axe-playwright-python>=0.1.8'
	@touch $@

$(VENV)/.benchmarks-installed: $(VENV)/.tests-installed
	$(INSTALL) --python $(BIN)/python --editable '.[bench]'
	@touch $@

# aiida-core's own server, to compare with; it needs another Flask than ours. gunicorn is for the benchmarks.
$(VENV)-peer/.installed: $(SOURCES) | $(BIN)/uv
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)-peer
	$(INSTALL) --python $(VENV)-peer/bin/python 'aiida-core[rest]>=2.9' ase pycifrw scipy 'gunicorn>=23.0'
	@touch $@

.PHONY: install
install: $(VENV)/.all-installed ## Make .venv with all that a user needs

PORT := 5000

.PHONY: serve
serve: $(VENV)/.installed ## Serve the demo archive on http://127.0.0.1:5000; PORT=8000
	$(BIN)/aiida-like serve demo --port $(PORT)

# The folder of the engine: all that is uploaded and run.
RUNS := runs

.PHONY: serve-runs
serve-runs: $(VENV)/.all-installed ## Make an engine in runs/, run it and serve it on http://127.0.0.1:5000; RUNS=/srv/runs
	$(BIN)/aiida-like serve --engine $(RUNS) --with-engine --port $(PORT)

.PHONY: check
check: $(VENV)/.tests-installed ## Format, lint, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Two processes, each with the servers that its files of tests ask. setup.cfg says what the markers are.
# tests/markers.py says which files go first.
PYTEST := -m pytest -n 2 --dist loadfile --no-loadscope-reorder
IN_PROCESS := not server and not engine and not browser and not oracle and not long and not repeat and not slow
# Where tests are not to compile the same modules again and again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: fast
fast: $(VENV)/.tests-installed ## Run the tests that need no server and are quick, in a minute
	$(BIN)/python $(PYTEST) -q -m '$(IN_PROCESS)'

.PHONY: test
test: $(VENV)/.tests-installed $(VENV)-peer/.installed ## Install what the tests need, run them, check coverage
	sh tests/system_packages.sh
	$(BIN)/python $(PYTEST) -m 'not long and not repeat' --cov --cov-report=
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --include='querylang/*' --fail-under=100

.PHONY: test-all
test-all: $(VENV)/.tests-installed $(VENV)-peer/.installed $(VENV)-lowest/.installed ## Run all tests, with the lowest versions too
	sh tests/system_packages.sh
	$(BIN)/python $(PYTEST) -m 'not bare'
	$(VENV)-lowest/bin/python $(PYTEST) -m 'not bare' -k 'not eight_clients'

$(VENV)-lowest/.installed: $(SOURCES) | $(BIN)/uv
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python $(VENV)-lowest
	$(INSTALL) --python $(VENV)-lowest/bin/python --resolution lowest-direct \
	    --editable '.[postgresql,structures,provenance,engine,test]'
	@touch $@

.PHONY: bare
bare: $(VENV)/.tests-installed ## Run both commands of the README on a Debian with nothing else; as root, with debootstrap
	$(BIN)/python -m pytest -m bare

# What speaks to the libraries, rather than to itself.
LOWEST := accounts accounts_login cli conditional compile database engine export files filters formats_arrays \
    formats_derived formats_structure graph jobs_api jobs_document json lineage manual openapi patterns \
    projection provenance query rendering site storage v2 v4

.PHONY: test-lowest
test-lowest: $(VENV)-lowest/.installed ## Run some tests with the lowest versions that setup.cfg allows
	sh tests/system_packages.sh
	$(VENV)-lowest/bin/python $(PYTEST) -q -m 'not browser and not long and not repeat and not slow' \
	    -k 'not eight and not of_aiida_core' \
	    $(LOWEST:%=tests/test_%.py)

NUMBER := 120

.PHONY: mutants
mutants: $(VENV)/.tests-installed ## Make small faults in the code, show those that no test notices: NUMBER=120
	$(BIN)/python -m tests.mutate --number $(NUMBER)

NODES := 100000

.PHONY: bench
bench: $(VENV)/.benchmarks-installed $(VENV)-peer/.installed ## Measure ours, aiida-core and the limit: NODES=100000
	sh tests/system_packages.sh
	$(BIN)/python -m benchmarks.run --nodes $(NODES) --json build/benchmark.json --plot build/benchmark.svg

.PHONY: bench-docs
bench-docs: $(VENV)/.benchmarks-installed ## Write what `make bench` has measured into docs/
	$(BIN)/python -m benchmarks.document build/benchmark.json docs/performance.md

.PHONY: format
format: $(VENV)/.tests-installed ## Format and sort
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: demo
demo: $(VENV)/.tests-installed ## Make the demo archive anew
	$(BIN)/python aiida_like/demo/make_demo.py

.PHONY: docs
docs: $(VENV)/.installed ## Write the generated parts of docs/
	$(BIN)/python -m docs.generate

.PHONY: clean
clean: ## Remove what was made
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-peer build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .import_linter_cache
