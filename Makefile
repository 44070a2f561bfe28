# Music genre recognition: `make train` runs the main job, `make test` the tests. The first call sets up .venv.
PYTHON ?= python3
UV := 0.13.9
BIN := .venv/bin
READY := .venv/ready
EXTRAS := m4a joblib slurm ray optuna transformers tensorboard mlflow umap browser docs notebook
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --custom-compile-command "make lock"
ARGS ?=
# One process of tests for each core; the tests of a file stay together, since they share what they prepare.
TEST = $(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 8 --dist loadfile
# The newest run with a wandb folder; the wandb folder of a sweep has its table, but no curves.
RUN ?= $(shell ls -td outputs/*/wandb outputs/*/*/wandb 2>/dev/null | while read -r d; do test -e $$d/../config.yaml && echo $$d && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup lock lint format type test test-all test-cases train sweep report dashboard benchmark benchmark-all baseline docs clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make train ARGS=\"model=cnn feature=mfcc\" passes choices to the program; $(BIN)/python -m src.train --help lists them."

setup: $(READY)  ## create the virtual environment .venv with the versions of requirements.lock (train, test etc. do it if needed)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "make: found $$($(PYTHON) --version 2>&1), expected Python 3.11 to 3.13. Choose one: make PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv from requirements.lock, once: about 5 GB, mostly torch."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@touch $@

lock: $(READY)  ## update all versions within the ranges of pyproject.toml
	$(COMPILE) --extra dev pyproject.toml -o requirements.lock
	@for extra in $(EXTRAS); do \
	  $(BIN)/python -c 'import sys, tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"][sys.argv[1]], sep="\n")' $$extra | \
	  $(COMPILE) --constraint requirements.lock - -o requirements-$$extra.lock || exit 1; \
	done

extra-%: $(READY)  ## install an optional package: m4a (reads m4a, mp4, aac, wma ... with FFmpeg), joblib, slurm, ray (launcher=), optuna (sweep=optuna), transformers (feature=transformers), tensorboard, mlflow (logger=), umap (report.map=umap), browser (tests of pages), docs, notebook
	@test -f requirements-$*.lock || { echo "make: there is no optional package $*: expected one of $(EXTRAS)"; exit 1; }
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-$*.lock

lint: $(READY)  ## check the style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY)  ## apply automatic style fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(READY)  ## check the types
	$(BIN)/mypy

test: $(READY)  ## run the tests, in one process for each core (12 minutes on two)
	$(TEST) $(ARGS)

test-all: $(READY) $(EXTRAS:%=extra-%)  ## run all tests, slow trainings included, with all optional packages
	$(TEST) -m "slow or not slow" $(ARGS)

test-cases: $(READY)  ## run the cases: odd files, tables, settings and strangers' runs, each with the answer that a user expects
	$(TEST) -m "slow or not slow" tests/cases $(ARGS)

train: $(READY)  ## run the main job: train the hybrid network on the built-in corpus, print its per-genre table, write its report
	$(BIN)/python -m src.train $(ARGS)

sweep: $(READY)  ## train CNN, RNN and hybrid, one run each; run it again to continue an interrupted sweep
	$(BIN)/python -m src.train --multirun model=cnn,rnn,hybrid $(ARGS)

report: $(READY)  ## write one report page for all runs in outputs/
	$(BIN)/python -m src.report outputs $(ARGS)

dashboard: $(READY)  ## show the newest run's curves in the terminal (RUN=outputs/.../wandb for another run)
	@test -e "$(RUN)/latest-run" || { echo "make: there is no wandb run in $(or $(RUN),outputs): run make train, or name one with RUN=outputs/RUN/wandb"; exit 1; }
	$(BIN)/wandb leet $(RUN)/latest-run

benchmark: $(READY)  ## measure speed and memory of every part against alternatives (under 20 minutes; ARGS="train predict" for some parts)
	$(BIN)/python -m benchmarks.speed --output outputs/benchmark.json $(ARGS)

benchmark-all: $(READY)  ## the same and two long parts: growth to 100,000 clips, and autrainer in its own environment (about 30 minutes, 9 GB of disk)
	$(BIN)/python -m benchmarks.speed --all --output outputs/benchmark-all.json

baseline: $(READY)  ## compare all runs in outputs/ with simple baselines (ARGS="RUN|SWEEP..." for some of them)
	$(BIN)/python -m benchmarks.baseline $(or $(ARGS),outputs)

docs: $(READY) extra-docs  ## docs/reference.md from the comments of conf/, tables from docs/tables/, and all pages as a site in site/
	$(BIN)/python docs/make_reference.py
	$(BIN)/python -m benchmarks.tables
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "The site is site/index.html."

clean:  ## delete decoded and rendered audio and the caches of tools; runs are kept
	rm -rf outputs/cache .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
