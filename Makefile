# Music genre recognition: `make train` runs the main job, `make test` the tests. Both set themselves up, once.
PYTHON ?= python3
UV := 0.13.9
BIN := .venv/bin
READY := .venv/ready
EXTRAS := m4a joblib slurm ray optuna docs notebook
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --custom-compile-command "make lock"
ARGS ?=
RUN ?= $(shell ls -td outputs/*/wandb outputs/*/*/wandb 2>/dev/null | head -1)

.DEFAULT_GOAL := help
.PHONY: help setup lock lint format type test test-all train sweep report dashboard benchmark clean

help:  ## what there is to make
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make train ARGS=\"model=cnn feature=mfcc\" passes choices on; $(BIN)/python -m src.train --help lists them."

setup: $(READY)  ## a virtual environment in .venv with every version of requirements.lock (train and test do it too)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "make: $$($(PYTHON) --version 2>&1) came, Python 3.11 to 3.13 was expected. Name one: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements.lock, once: about 5 GB, mostly torch."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@touch $@

lock: $(READY)  ## choose all versions anew within the ranges of pyproject.toml
	$(COMPILE) --extra dev pyproject.toml -o requirements.lock
	@for extra in $(EXTRAS); do \
	  $(BIN)/python -c 'import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]], sep="\n")' $$extra | \
	  $(COMPILE) --constraint requirements.lock - -o requirements-$$extra.lock || exit 1; \
	done

extra-%: $(READY)  ## m4a: reads m4a, mp4, aac, wma ... with FFmpeg; joblib, slurm, ray: launcher=; optuna: sweep=optuna
	@test -f requirements-$*.lock || { echo "make: there is no extra $*: expected $(EXTRAS)"; exit 1; }
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-$*.lock

lint: $(READY)  ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)  ## mend what of the style can be mended by machine
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(READY)  ## types
	$(BIN)/mypy

test: $(READY)  ## the tests, some minutes
	$(BIN)/python -m pytest -q $(ARGS)

test-all: $(READY) $(EXTRAS:%=extra-%)  ## the tests and the slow trainings, with all extras
	$(BIN)/python -m pytest -q -m "slow or not slow" $(ARGS)

train: $(READY)  ## the main job: the hybrid on the embedded corpus, its per-genre table and its report
	$(BIN)/python -m src.train $(ARGS)

sweep: $(READY)  ## CNN, RNN and hybrid, one run each; given again, it goes on where it stopped
	$(BIN)/python -m src.train --multirun model=cnn,rnn,hybrid $(ARGS)

report: $(READY)  ## one page over all runs in outputs/
	$(BIN)/python -m src.report outputs $(ARGS)

dashboard: $(READY)  ## the newest run's curves in the terminal (RUN=outputs/.../wandb for another)
	$(BIN)/wandb leet $(RUN)/latest-run

benchmark: $(READY)  ## all runs in outputs/ against simple baselines (ARGS="RUN|SWEEP..." for some)
	$(BIN)/python -m benchmarks.baseline $(or $(ARGS),outputs)

clean:  ## remove decoded and rendered audio and the tools' caches; runs stay
	rm -rf outputs/cache .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
