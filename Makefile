# Everything runs in .venv, made from requirements.lock; nothing else has to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DO_NOT_TRACK := 1
export HF_HUB_OFFLINE := 1
export COLUMNS ?= 120

.DEFAULT_GOAL := help
.PHONY: help install run test test-slow lint format viz dashboard docs evaluate splits learned published digital-software ablation lab lock clean

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

dashboard: $(STAMP) ## Build the dashboard of the last run and open it
	$(BIN)/kedro run --pipelines reporting
	$(BIN)/python -m webbrowser -t "file://$(CURDIR)/data/08_reporting/dashboard.html"

docs: $(STAMP) ## The lineage of the last run as a static site in build/lineage, without trackers
	PYTHONPATH=src $(BIN)/python -m product_recommender.lineage_site

evaluate: $(STAMP) ## Three seeds and the full tuning budget; feeds the README (long)
	$(BIN)/python -m benchmarks.evaluate --seeds 0 1 2 --trials 10

splits: $(STAMP) ## The same models under global time, per-user time and random splits (long)
	$(BIN)/python -m benchmarks.splits --seeds 0 1 2

learned: $(STAMP) ## What is learnt on 100,000 generated reviews, against the planted truth (long)
	$(BIN)/python -m benchmarks.learned --seeds 0 1 2

published: $(STAMP) ## Published protocols on the benchmark files in REAL_DATA_DIR (docs/benchmarks.md; long)
	@test -n "$(REAL_DATA_DIR)" || { echo "Set REAL_DATA_DIR to the folder described in docs/data.md"; exit 2; }
	$(BIN)/python -m benchmarks.published --protocol ratings --data $(REAL_DATA_DIR)/benchmarks/ratings_movielens_100k
	$(BIN)/python -m benchmarks.published --protocol topn --data $(REAL_DATA_DIR)/benchmarks/topn_amazon_electronics
	$(BIN)/python -m benchmarks.published --protocol sequential --data $(REAL_DATA_DIR)/benchmarks/sequential_amazon_beauty
	$(BIN)/python -m benchmarks.published --protocol ncf --data $(REAL_DATA_DIR)/benchmarks/ncf_movielens_1m

digital-software: $(STAMP) ## Time, memory and row accounting on the real category in REAL_DATA_DIR
	$(BIN)/python -m benchmarks.digital_software

ablation: $(STAMP) ## What text, images and time are worth to the multi-modal model, on generated worlds (long)
	$(BIN)/python -m benchmarks.ablation --data generated --seeds 0 1 2

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
