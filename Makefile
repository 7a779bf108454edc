# Two commands on a fresh machine: `make demo` and `make test`. Everything else is below; `make help` prints it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

##@ Start
.PHONY: demo test
demo: $(STAMP) ## Start everything, run the tour, print the KPI table, stay up until Ctrl-C (ONCE=1: stop afterwards)
	@$(BIN)/syncer demo $(if $(ONCE),--once,)

test: $(STAMP) ## The whole test suite on embedded servers
	@$(BIN)/pytest -m "not faults" --numprocesses 2 --dist loadfile $(ARGS)

##@ Develop
.PHONY: check format lock faults bench crms help clean
check: $(STAMP) ## ruff format + lint, mypy, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy syncer tasks config celeryconfig.py
	@$(BIN)/pytest tests/test_architecture.py

format: $(STAMP) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

faults: $(STAMP) ## Tests that kill workers and servers
	@$(BIN)/pytest -m faults $(ARGS)

crms: $(STAMP) ## The same scenario for every CRM, with an outage in the middle, and one table (ONLY=name, ARGS=...)
	@$(BIN)/syncer accept crms $(if $(ONLY),--crm $(ONLY),) $(ARGS)

bench: $(STAMP) ## Ours, the plain way and the machine's limit, in one run (JSON=1, FULL=1, ONLY=id,id, RECORD=file)
	@$(BIN)/python -m benchmarks $(if $(JSON),--json,) $(if $(FULL),--full,) $(if $(ONLY),--only $(ONLY),) $(if $(RECORD),--record $(RECORD),)

lock: ## Write requirements.lock anew from setup.cfg (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes --no-annotate setup.cfg -o requirements.lock

clean: ## Remove the virtual environment and everything the engine has stored here
	rm -rf $(VENV) .syncer .mypy_cache .ruff_cache .pytest_cache

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock setup.cfg pyproject.toml
	@echo "installing into $(VENV) (once)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)
