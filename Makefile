# The commands of the project. `make demo` and `make test` start from nothing: they build
# a virtual environment in .venv first.

PYTHON ?= python3
BIN := .venv/bin
RECIPE := recipes/LibriSpeech/ASR/transformer
DEMO := demo

.PHONY: all env demo test lint format clean

all: env

env: .venv/installed

.venv/installed: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

test: env
	$(BIN)/python -m pytest

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .

format: env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build *.egg-info $(DEMO)
