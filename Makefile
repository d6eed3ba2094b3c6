# Two commands for a newcomer: `make demo` and `make test`. Both set everything up first.
VENV := .venv
PYTHON_RUN := $(VENV)/bin/python
DATA ?= ../shared/data
WORKERS ?= 2

.PHONY: help set-up demo test check bench evidence clean

help:
	@echo "make demo    segment a real brain with scripted clicks; look into demo/"
	@echo "make test    run all tests"
	@echo "make check   ruff, mypy, documentation"
	@echo "make bench   measure accuracy, time and memory (DATA=folder with the benchmark images)"
	@echo "make evidence  train and test what is claimed of every method (DATA=the same folder; hours)"
	@echo "make clean   remove the virtual environment and everything made"

set-up: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt .ci/set_up
	@bash .ci/set_up

demo: set-up
	$(VENV)/bin/imperfectseg demo --out demo --overwrite
	$(PYTHON_RUN) -m Testing.Host.picture demo

# Workers share the cores: one thread for each.
test: export OMP_NUM_THREADS ?= 1
test: set-up
	$(PYTHON_RUN) -m pytest -n $(WORKERS) --dist worksteal Testing/Logic Testing/Contracts
	$(PYTHON_RUN) -m pytest -n $(WORKERS) --dist worksteal Testing/Host Testing/Module

check: set-up
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PYTHON_RUN) -m pytest -q Testing/Logic/test_documentation.py Testing/Logic/test_extension_files.py

bench: set-up
	$(PYTHON_RUN) -m Testing.Benchmarks --data $(DATA)

evidence: set-up
	$(VENV)/bin/imperfectseg evidence run all --data $(DATA)

clean:
	rm -rf $(VENV) demo build dist *.egg-info Testing/output
