# `make demo` and `make test` are all a fresh clone needs. Paths here may not hold spaces.
#
#   make demo PYTHON=/path/to/python3.12    another Python than the one found
#   make test ARGS="tests/test_gate.py -x"  arguments for what is run
#   make test JOBS=4                        more tests at once

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-engines lab lint format bench lock clean

# The last line of `make demo` is a path, with `make -C` too.
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
READY := .venv/.ready
JOBS ?= 2
ARGS ?=
# Where no PATH is set at all, Python could not even find itself.
export PATH := $(or $(PATH),/usr/local/bin:/usr/bin:/bin)

# An environment holds absolute paths: one that was copied or moved here is made anew.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

# Sets $uv, if there is one, and $python: the first that fits. Without uv it must bring venv itself.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
define find_python
venv=; uv=$$(command -v uv); test -n "$$uv" || venv='import ensurepip, venv; '; \
for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
  "$$python" -c "$${venv}$(FITS)" 2>/dev/null && break; python=; \
done
endef

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(READY) ## install what is pinned into .venv (the others do this by themselves)

$(READY): pyproject.toml constraints.txt
	@$(find_python); \
	if test -z "$$python" && { test -z "$$uv" || test -n "$(PYTHON)"; }; then \
	  echo "Found no Python 3.11, 3.12 or 3.13 that can make an environment$(if $(PYTHON), at $(PYTHON))." >&2; \
	  echo "Hint: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.12; on Debian, apt install python3-venv" >&2; \
	  exit 1; \
	fi; \
	made=$$(cat $@ 2>/dev/null); test "$${made:-$(CURDIR)}" = "$(CURDIR)" || rm -rf .venv; \
	if test -n "$$uv"; then \
	  echo "Setting up .venv with uv"; \
	  $(BIN)/python -c "$(FITS)" 2>/dev/null || "$$uv" venv --quiet --clear --python "$${python:->=3.11,<3.14}" .venv && \
	  "$$uv" pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
	else \
	  echo "Setting up .venv with pip; the first time this takes a few minutes"; \
	  $(BIN)/python -c "import pip; $(FITS)" 2>/dev/null || "$$python" -m venv --clear .venv && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	fi
	@$(BIN)/python -m compileall -q lib/boardpack
	@echo "$(CURDIR)" > $@

demo: $(READY) ## make the demo company, run its monthly and board report
	@$(BIN)/boardpack demo --scale 1 $(ARGS)

test: $(READY) ## run the tests, without the slow ones and those of other engines
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not slow and not engines" $(ARGS)

test-slow: $(READY) ## run the slow tests
	@$(BIN)/python -m pytest -m "slow and not engines" $(ARGS)

test-engines: ## run the tests on PostgreSQL and Spark, in an environment of their own
	@$(MAKE) -s .venv-engines/.ready
	@BOARDPACK_ENGINES=1 .venv-engines/bin/python -m pytest -m engines $(ARGS) tests/test_conformance.py tests/test_elsewhere.py tests/test_gate_engines.py

# Spark alone is 480 MB, and Great Expectations imports it wherever it finds it.
.venv-engines/.ready: pyproject.toml constraints.txt
	@$(find_python); \
	echo "Setting up .venv-engines; Spark makes this take minutes"; \
	if test -n "$$uv"; then \
	  .venv-engines/bin/python -c "$(FITS)" 2>/dev/null || "$$uv" venv --quiet --clear --python "$${python:->=3.11,<3.14}" .venv-engines && \
	  "$$uv" pip install --quiet --compile-bytecode --python .venv-engines/bin/python -c constraints.txt -e '.[dev,spark]'; \
	else \
	  .venv-engines/bin/python -c "import pip; $(FITS)" 2>/dev/null || "$$python" -m venv --clear .venv-engines && \
	  .venv-engines/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,spark]'; \
	fi
	@touch $@

lab: $(READY) ## open the notebooks in JupyterLab, on this machine only
	@test -e var/warehouse.duckdb || $(BIN)/boardpack demo --data-only
	@$(BIN)/python -m jupyterlab --ServerApp.ip=127.0.0.1 --ServerApp.root_dir=. \
	  --LabApp.default_url=/lab/tree/notebooks $$(test "$$(id -u)" -ne 0 || echo --allow-root) $(ARGS)

lint: $(READY) ## check style, types and the direction of imports
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check --quiet . || { echo "Hint: make format" >&2; exit 1; }
	@$(BIN)/python -m mypy
	@$(BIN)/lint-imports --no-logo

format: $(READY) ## write the code in the project's style, strip notebooks of outputs
	@$(BIN)/python -m ruff check --fix-only --quiet .
	@$(BIN)/python -m ruff format .
	@$(BIN)/nbstripout $(wildcard notebooks/*.ipynb examples/*/notebooks/*.ipynb)

bench: $(READY) ## measure against the ordinary way; prints ratios and peak memory
	@$(BIN)/python tests/bench/bench.py $(ARGS)

lock: $(READY) ## resolve constraints.txt again (UPGRADE=1: to the newest that fit)
	@command -v uv >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$$(command -v uv || echo $(BIN)/uv) pip compile --quiet --universal --python-version 3.11 \
	  --all-extras --no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) \
	  --output-file constraints.txt pyproject.toml

clean: ## remove the environment and caches; var/, with what was published, stays
	rm -rf .venv .venv-engines .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis lib/*.egg-info
	find lib tests -name __pycache__ -type d -prune -exec rm -rf {} +
