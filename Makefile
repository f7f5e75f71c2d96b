# Two commands: make serve, make test. Both work in a fresh clone and install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.cfg pyproject.toml

.PHONY: help
help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --editable '.[postgresql,structures,provenance]'
	@touch $@

$(VENV)/.tests-installed: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[postgresql,structures,provenance,test,check]'
	@touch $@

$(VENV)/.benchmarks-installed: $(VENV)/.tests-installed
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

# aiida-core's own server, to compare with; it needs another Flask than ours. gunicorn is for the benchmarks.
$(VENV)-peer/.installed: $(SOURCES)
	$(PYTHON) -m venv $(VENV)-peer
	$(VENV)-peer/bin/python -m pip install --quiet --upgrade pip
	$(VENV)-peer/bin/python -m pip install --quiet 'aiida-core[rest]>=2.9' ase pycifrw scipy 'gunicorn>=23.0'
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## Make .venv with all that a user needs

.PHONY: serve
serve: install ## Serve the demo archive on http://127.0.0.1:5000
	$(BIN)/aiida-like serve --demo

.PHONY: check
check: $(VENV)/.tests-installed ## Format, lint, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Two processes, each with the servers that its files of tests ask.
SIDE_BY_SIDE := -n 2 --dist loadfile

.PHONY: test
test: $(VENV)/.tests-installed $(VENV)-peer/.installed ## Install what the tests need, run all of them, check coverage
	sh tests/system_packages.sh
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --cov --cov-report=
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --include='querylang/*' --fail-under=100

.PHONY: test-lowest
test-lowest: $(VENV)/.tests-installed $(VENV)-peer/.installed ## Run the tests with the lowest versions that setup.cfg allows
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct \
	    --editable '.[postgresql,structures,provenance,test]'
	$(VENV)-lowest/bin/python -m pytest -q $(SIDE_BY_SIDE) -k 'not eight_clients'

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
	$(BIN)/python -m restapi.commands.documentation

.PHONY: clean
clean: ## Remove what was made
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-peer build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .import_linter_cache
