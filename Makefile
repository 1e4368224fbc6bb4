# Everything runs in .venv, made from requirements.lock; nothing else has to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DO_NOT_TRACK := 1
export HF_HUB_OFFLINE := 1
export COLUMNS ?= 120

.DEFAULT_GOAL := help
.PHONY: help install run test test-slow lint format viz evaluate learned digital-software lab lock clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

$(STAMP): requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $(STAMP)

install: $(STAMP) ## Create .venv from requirements.lock (does nothing when it is up to date)

run: $(STAMP) ## Generate data, run the main job, print the leaderboard
	$(BIN)/kedro run --pipelines synthetic_data
	$(BIN)/kedro run

test: lint ## Lint, type check, tests
	$(BIN)/python -m pytest -m "not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-slow: $(STAMP) ## The tests that take minutes: what the models have learnt on 100,000 generated reviews
	$(BIN)/python -m pytest -m slow --timeout=3600

format: $(STAMP) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

viz: $(STAMP) ## Open the lineage in kedro-viz (http://127.0.0.1:4141)
	$(BIN)/kedro viz run

evaluate: $(STAMP) ## Three seeds and the full tuning budget; feeds the README (long)
	$(BIN)/python -m benchmarks.evaluate --seeds 0 1 2 --trials 10

learned: $(STAMP) ## What is learnt on 100,000 generated reviews, against the planted truth (long)
	$(BIN)/python -m benchmarks.learned --seeds 0 1 2

digital-software: $(STAMP) ## Time, memory and row accounting on the real category in REAL_DATA_DIR
	$(BIN)/python -m benchmarks.digital_software

lab: $(STAMP) ## Open the notebooks in JupyterLab
	$(BIN)/kedro jupyter lab

lock: ## Resolve pyproject.toml anew into requirements.lock
	rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet "torch==2.13.0" ".[dev,notebooks]"
	(sed -n '/^#/p' requirements.lock; $(VENV)-lock/bin/python -m pip freeze --exclude product_recommender \
		| sed 's/+cpu$$//') > requirements.new && mv requirements.new requirements.lock
	rm -rf $(VENV)-lock

clean: ## Remove everything that was generated, but not the environment
	find data -type f ! -name .gitkeep -delete
	rm -rf build .viz .pytest_cache .mypy_cache .ruff_cache
