# The commands of the project. `make demo` and `make test` start from nothing: they build
# a virtual environment in .venv first.

PYTHON ?= python3
BIN := .venv/bin
RECIPE := recipes/LibriSpeech/ASR/transformer
DEMO := demo

.PHONY: all env demo tones test bench-attention bench-step bench-pitch bench-gpu wheels
.PHONY: lint format clean

all: env

env: .venv/installed

.venv/installed: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

demo: env
	$(BIN)/pitchrope demo-corpus $(DEMO)/corpus
	$(BIN)/python $(RECIPE)/train.py $(RECIPE)/hparams/conformer_mini.yaml \
		--data_folder $(DEMO)/corpus --output_folder $(DEMO)/results --device cpu \
		--train_splits '["train-demo"]' --dev_splits '["dev-demo"]' \
		--test_splits '["test-demo"]'
	$(BIN)/pitchrope plot pitch --force --out $(DEMO)/figures/pitch.png \
		$(DEMO)/corpus/test-demo/302/302001/302-302001-0000.flac
	$(BIN)/pitchrope plot training --force --out $(DEMO)/figures/training.png $(DEMO)/results
	$(BIN)/pitchrope report --force $(DEMO)/results
	@echo
	@$(BIN)/pitchrope wer $(DEMO)/results
	@echo
	@echo "Two unseen voices of a speech synthesiser, decoded by CTC prefix beam search."
	@echo "All of it on one page: $(DEMO)/results/report.html, for any browser."
	@echo "Figures: $(DEMO)/figures; checkpoints, log and texts: $(DEMO)/results"
	@echo "Next, real speech (www.openslr.org/12, 960 h; see README.md for the download):"
	@echo "  source .venv/bin/activate && cd $(RECIPE)"
	@echo "  python train.py hparams/conformer_small.yaml --data_folder .../LibriSpeech"

# Synthetic Mandarin without and with pitch: two models, one on each of two cores.
TONES := $(CURDIR)/tones
IN_TONES := -C recipes/Tones PYTHON=$(CURDIR)/$(BIN)/python WORK=$(TONES) \
	TEXTS=$(TONES)/texts SEEDS=1

tones: env
	$(MAKE) --no-print-directory -j2 $(IN_TONES) pair
	$(MAKE) --no-print-directory $(IN_TONES) PAGE=$(TONES)/tones.md evidence
	@echo
	@$(BIN)/pitchrope compare --tones $(foreach variant,rope all,\
		$(TONES)/texts/cmn_scratch/$(variant)/1/hyp_test-cmn.txt)
	@echo
	@echo "Random Mandarin syllables of four unseen voices, without (rope) and with pitch (all)."
	@echo "Tables: tones/tones.md; figures beside it. All of it: docs/evidence.md"

test: env
	$(BIN)/python -m pytest

bench-attention: env
	$(BIN)/python benchmarks/attention.py

bench-step: env
	$(BIN)/python benchmarks/training_step.py

bench-pitch: env
	$(BIN)/pip install --quiet --editable '.[bench]'
	$(BIN)/python benchmarks/pitch.py $(if $(DATA),--data $(DATA))

# Everything on a GPU. Where pip reaches nothing: `make bench-gpu WHEELS=DIR`, which runs
# $(PYTHON), with the wheels that `make wheels WHEELS=DIR` downloads elsewhere.
bench-gpu: $(if $(WHEELS),,env)
	$(if $(WHEELS),$(PYTHON),$(BIN)/python) benchmarks/gpu.py \
		$(if $(WHEELS),--wheels $(WHEELS)) $(if $(CORPUS),--corpus $(CORPUS))

WHEELS_FOR := 3.12
wheels:
	$(PYTHON) -m pip download --quiet --no-deps --only-binary :all: \
		--python-version $(WHEELS_FOR) --dest $(or $(WHEELS),wheels) \
		'speechbrain>=1.1,<1.2' 'hyperpyyaml>=1.2' 'ruamel.yaml<0.19' pyyaml \
		soundfile cffi joblib cloudpickle packaging

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .

format: env
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build *.egg-info $(DEMO) tones
