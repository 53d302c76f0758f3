# make demo   a VAE on real handwritten digits: about a minute, pictures in runs/vae_digits
# make test   format, lint, types, tests
# make lint, make types, make clean

PYTHON ?= python3
EXTRAS ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CODE := tinygen tests demos benchmarks


.PHONY: demo test lint types format clean

demo: $(READY)
	$(BIN)/python demos/vae_digits.py $(ARGS)

test: lint types
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(READY)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(READY)
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

# Made once, and again when the dependencies change.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]' $(EXTRAS)
	touch $@

clean:
	rm -rf $(VENV) runs build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
