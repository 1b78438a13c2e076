# The two commands of the README are `make serve` and `make test`; each prepares what it needs.
PYTHON ?= python3
PORT ?= $(or $(FIRSTLINE_PORT),8080)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: serve test check bench screenshots lock clean inspect-test

serve: $(VENV)/ready                     ## start the Acme demo
	@FIRSTLINE_PORT=$(PORT) $(BIN)/firstline serve $(BUNDLE)

test: $(VENV)/ready-dev                  ## the whole test suite
	@$(BIN)/python -m pytest

check: $(VENV)/ready-dev                 ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/firstline check bundles/acme

bench: $(VENV)/ready-dev                 ## side by side, written to bench/results/
	@$(BIN)/python -m bench

screenshots: $(VENV)/ready-dev           ## the pages, looked at; written to docs/screenshots/
	@$(BIN)/python -m tests.support.screenshots

inspect-test:                            ## logs for Inspect, read back by its own library
	@$(PYTHON) -m venv $(VENV)/inspect
	@$(VENV)/inspect/bin/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps \
	  -r requirements.lock
	@$(VENV)/inspect/bin/python -m pip install -q --disable-pip-version-check --no-build-isolation \
	  -e '.[inspect]' anyio hypothesis pytest pytest-timeout
	@$(VENV)/inspect/bin/python -m pytest tests/unit/test_inspect_log.py -rs

lock:                                    ## resolve again what pyproject.toml asks for
	@$(BIN)/python -m pip install -q uv
	@for name in requirements:build requirements-dev:dev; do \
	  $(BIN)/uv pip compile -q pyproject.toml --group $${name#*:} --universal --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	    -o $${name%:*}.lock; done

clean:
	rm -rf $(VENV)

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make serve PYTHON=python3.11"; exit 1; }
	@echo "making $(VENV) …"
	@$(PYTHON) -m venv $(VENV) && touch $@

# --no-deps: the lock is complete, and pip would look for a newer `coverage[toml]` beside the pinned `coverage`.
$(VENV)/ready: $(VENV)/made requirements.lock pyproject.toml
	@echo "installing what is locked (once; about half a minute) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.lock
	@echo "installing what the tests need (once) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@touch $@
