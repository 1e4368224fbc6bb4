"""One run of the whole graph on the tiny world, seen from outside: names, promises, parts."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from product_recommender.pipeline_registry import MAIN_PIPELINES, register_pipelines
from product_recommender.recommenders.histories import HistoryRecommender
from product_recommender.recommenders.registry import MODELS, recommender_class

PROJECT = Path(__file__).resolve().parents[1]

NAMES_OTHERS_RELY_ON = (
    "reviews",
    "products",
    "rejected_reviews",
    "data_quality_report",
    "review_sentiment",
    "customer_features",
    "product_features",
    "customer_segments",
    "interactions",
    "recommendations",
    "ensemble_weights",
    "metrics",
)


def kedro(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kedro", *arguments, f"--params=data_root={root}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_every_output_of_the_graph_exists(tiny_run: Any) -> None:
    outputs = register_pipelines()["__default__"].all_outputs()
    missing = [name for name in sorted(outputs) if not tiny_run.exists(name)]
    assert not missing
    assert [name for name in NAMES_OTHERS_RELY_ON if not tiny_run.exists(name)] == []
    for model in MODELS:
        for item in ("weights", "config", "recommendations"):
            assert tiny_run.exists(f"{model}.{item}"), f"{model}.{item}"


def test_no_half_written_file_is_left(tiny_run: Any) -> None:
    root = Path(str(tiny_run.get("reviews")._filepath)).parents[1]
    assert not list(root.rglob("*.partial*"))


def test_served_lists_keep_their_promises(tiny_run: Any) -> None:
    served = tiny_run.load("recommendations").to_pandas()
    reviews = tiny_run.load("reviews").select("customer_id", "product_id").to_pandas()
    products = tiny_run.load("products").to_pandas()
    customers = tiny_run.load("customer_ids").to_pandas()
    assert list(served.columns) == [
        "customer_id",
        "rank",
        "product_id",
        "score",
        "model",
        "is_fallback",
    ]
    assert set(served["customer_id"]) == set(customers["customer_id"])
    assert (served.groupby("customer_id").size() == 10).all()
    assert not served.duplicated(["customer_id", "product_id"]).any()
    assert not served.duplicated(["customer_id", "rank"]).any()
    assert set(served["product_id"]) <= set(products["product_id"])
    bought = set(map(tuple, reviews.to_numpy()))
    assert not [
        pair
        for pair in map(tuple, served[["customer_id", "product_id"]].to_numpy())
        if pair in bought
    ]
    ordered = served.sort_values(["customer_id", "rank"])
    drops = ordered.groupby("customer_id")["score"].diff().dropna()
    assert (drops <= 1e-6).all()
    # Who bought a product of the training is known to models that answer from histories.
    known_products = tiny_run.load("product_ids").filter(lambda t: t.in_training)
    known_products = set(known_products.to_pandas()["product_id"])
    told = set(reviews.loc[reviews["product_id"].isin(known_products), "customer_id"])
    newcomers = set(customers.loc[~customers["in_training"], "customer_id"])
    fallback = set(served.loc[served["is_fallback"], "customer_id"])
    assert newcomers & told
    assert fallback <= newcomers, "training customers get an answer of their own"
    model = served["model"].iloc[0]
    if model in MODELS and issubclass(recommender_class(model), HistoryRecommender):
        assert fallback == newcomers - told


def test_metrics_hold_one_number_a_row(tiny_run: Any) -> None:
    metrics = tiny_run.load("metrics")
    assert list(metrics.columns) == [
        "model",
        "split",
        "slice",
        "metric",
        "value",
        "ci_low",
        "ci_high",
        "n_users",
    ]
    assert not metrics.duplicated(["model", "split", "slice", "metric"]).any()
    assert metrics["value"].notna().all()
    assert set(MODELS) <= set(metrics["model"])
    overall = metrics[(metrics["slice"] == "overall") & (metrics["split"] == "test")]
    for model in MODELS:
        names = set(overall.loc[overall["model"] == model, "metric"])
        assert {"ndcg@10", "precision@10", "recall@10", "f1@10", "hit_rate@10"} <= names, model
    with_interval = overall[overall["ci_low"].notna()]
    assert (with_interval["ci_low"] <= with_interval["value"] + 1e-9).all()
    assert (with_interval["value"] <= with_interval["ci_high"] + 1e-9).all()


def test_ensemble_weights_are_shares(tiny_run: Any) -> None:
    weights = tiny_run.load("ensemble_weights")
    assert (weights["weight"] >= 0).all()
    sums = weights.groupby(["kind", "segment"])["weight"].sum()
    assert sums.between(1 - 1e-6, 1 + 1e-6).all()
    assert {"rating", "purchase"} == set(weights["kind"])


def test_data_is_named_as_generated(tiny_run: Any) -> None:
    assert "generated" in tiny_run.load("data_quality_report")["data"]["label"]
    assert "generated" in tiny_run.load("evaluation_report")["data"]["label"]


@pytest.fixture(scope="module")
def command_line_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, float]:
    root = tmp_path_factory.mktemp("command_line")
    started = time.perf_counter()
    done = kedro("run", "--env=test", root=root)
    seconds = time.perf_counter() - started
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return root, done.stdout, seconds


def test_whole_graph_runs_in_seconds_and_says_where_to_look(
    command_line_run: tuple[Path, str, float],
) -> None:
    _, output, seconds = command_line_run
    assert seconds < 180  # a minute on an idle machine with two cores; CI machines are not idle
    for word in (
        "generated data",
        "ncf_hybrid",
        "NDCG@10",
        "metrics.csv",
        "recommendations.parquet",
    ):
        assert word in output, word


@pytest.mark.parametrize("name", MAIN_PIPELINES)
def test_each_pipeline_runs_alone_from_the_catalog(
    name: str, command_line_run: tuple[Path, str, float], bootstrapped: Path
) -> None:
    from kedro.framework.session import KedroSession

    root, _, _ = command_line_run
    with KedroSession.create(
        bootstrapped, env="test", runtime_params={"data_root": str(root)}
    ) as session:
        session.run(pipeline_names=[name])


def test_runs_are_versioned_and_comparable(
    command_line_run: tuple[Path, str, float],
) -> None:
    root, _, _ = command_line_run
    versions = sorted((root / "08_reporting" / "metrics.csv").glob("*/metrics.csv"))
    assert versions
    assert len(pd.read_csv(versions[-1])) > 100


def test_fresh_clone_is_told_which_pipeline_to_run_first(tmp_path: Path) -> None:
    done = kedro("run", "--env=test", "--pipelines=evaluation", root=tmp_path / "empty")
    assert done.returncode != 0
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    assert "modeling" in output
    assert "kedro run --env=test --pipelines" in output.replace("\n", " ")
