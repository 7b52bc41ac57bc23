# Everything a newcomer needs: `make demo` for the reports, `make test` for the suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PINS := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lab lint bench bench-models bench-intake bench-scale coverage check-contracts check-covariates check-uci clean

help: ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 26

demo: $(VENV)/.installed ## make the three reports, in English and in Spanish, on the CDNOW data
	$(BIN)/crmlab demo

test: $(VENV)/.installed-test ## run the whole suite
	$(BIN)/python -m pytest -n 2

lab: $(VENV)/.installed ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks

lint: $(VENV)/.installed-test ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed ## time a report against papermill on an empty notebook
	$(BIN)/python benchmarks/reports.py

check-covariates: $(VENV)/.installed ## compare covariates with published figures: DATA=folder of the data
	$(BIN)/python benchmarks/covariates.py $(DATA)

coverage: $(VENV)/.installed ## simulate 1,000 bases of each kind: do the intervals hold? (hours)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/coverage.py

check-contracts: $(VENV)/.installed ## simulate contracts: does the interval of their value hold? (minutes)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/contract_coverage.py

bench-models: $(VENV)/.installed ## time fits and scores against lifetimes, to 1 million customers
	$(BIN)/python benchmarks/models.py

bench-intake: $(VENV)/.installed ## time reading and checking a CSV against DuckDB's own reading of it
	$(BIN)/python benchmarks/intake.py

bench-scale: $(VENV)/.installed ## time 1 to 50 million purchases against others: PYMC=its Python, if any
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/scale.py $(if $(PYMC),--pymc $(PYMC))

check-uci: $(VENV)/.installed ## read UCI Online Retail to the row and cent: make check-uci DATA=folder
	$(BIN)/python benchmarks/uci.py $(DATA)

clean: ## remove the environment and the caches; reports stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit("crmlab needs Python 3.11 or newer, this is %s: make PYTHON=python3.11" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made $(PINS)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.made $(PINS)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.installed
