# Each target sets itself up on a fresh machine: a virtual environment in .venv, installed once.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: demo test lint clean

.venv/run.stamp: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/test.stamp: .venv/run.stamp
	$(BIN)/pip install --quiet --editable .[test]
	touch $@

demo: .venv/run.stamp
	$(BIN)/python -m demo --out runs/demo

test: .venv/test.stamp
	$(BIN)/python -m pytest tests

lint: .venv/test.stamp
	$(BIN)/ruff check .

clean:
	rm -rf .venv runs
