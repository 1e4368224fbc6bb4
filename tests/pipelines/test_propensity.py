"""The propensity pipeline on generated purchases, and on data with too little to learn from."""

from __future__ import annotations

import datetime
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from product_recommender.pipelines.propensity import nodes
from product_recommender.pipelines.propensity.parameters import PropensityParameters
from product_recommender.propensity.settings import TreeSettings
from propensity.shops import FIRST_DAY, rhythmic_shop
from small_world import EPOCH, small_world

PARAMETERS = PropensityParameters(
    trees=TreeSettings(trees=20, min_rows=30), min_purchases=20, n_resamples=100
)
REPORT = {"data": {"label": "made up", "generated": False, "sha256": "0"}}
TRAIN_UNTIL, VALIDATION_UNTIL = FIRST_DAY + 539, FIRST_DAY + 629
NAMES = ("lamps", "sofas", "vases")


def shop_tables(n_users: int = 400, categories: tuple[str, ...] = NAMES) -> dict[str, ibis.Table]:
    """The rhythmic shop as tables of layer 05: two products in each category, by turns."""
    log = rhythmic_shop(n_users)
    users = np.repeat(np.arange(n_users), np.diff(log.start))
    items = log.categories * 2 + np.arange(len(users)) % 2
    split = np.array(["train", "validation", "test"], dtype=object)[
        np.searchsorted([TRAIN_UNTIL, VALIDATION_UNTIL], log.days)
    ]
    half = np.where(users // 2 % 2 == 0, "tune", "blend").astype(object)
    half[split != "validation"] = None
    interactions = pd.DataFrame(
        {
            "user": users,
            "item": items,
            "star_rating": 4,
            "day": log.days,
            "split": split,
            "validation_part": half,
            "is_repeat": False,
        }
    )
    ids = [f"c{user:04d}" for user in range(n_users)]
    customers = pd.DataFrame({"customer_id": ids, "user": range(n_users), "in_training": True})
    products = pd.DataFrame(
        {
            "product_id": [f"p{item}" for item in range(6)],
            "item": range(6),
            "in_training": True,
            "product_category": [categories[item // 2 % len(categories)] for item in range(6)],
        }
    )
    return {
        "interactions": ibis.memtable(interactions),
        "customer_ids": ibis.memtable(customers),
        "product_ids": ibis.memtable(products),
    }


def run(tables: dict[str, ibis.Table], parameters: PropensityParameters) -> dict[str, Any]:
    coded = [tables[name] for name in ("interactions", "customer_ids", "product_ids")]
    weights, config = nodes.fit_propensity(*coded, parameters)
    answers = nodes.estimate_propensity(*coded, weights, config).read_all().to_pandas()
    judged = nodes.measure_propensity(*coded, weights, config, REPORT, parameters)
    metrics, reliability, report = judged
    figure = nodes.draw_reliability(reliability, metrics, report, REPORT, parameters)
    return {
        "weights": weights,
        "config": config,
        "answers": answers,
        "metrics": metrics,
        "reliability": reliability,
        "report": report,
        "figure": figure,
    }


@pytest.fixture(scope="module")
def shop() -> dict[str, Any]:
    return run(shop_tables(), PARAMETERS)


def test_every_customer_has_a_chance_in_every_category(shop: dict[str, Any]) -> None:
    answers = shop["answers"]
    assert list(answers.columns) == ["customer_id", "category", "period", "probability"]
    assert len(answers) == 400 * 3
    assert not answers.duplicated(["customer_id", "category"]).any()
    assert answers["probability"].between(0, 1, inclusive="neither").all()
    first = datetime.date(1970, 1, 1) + datetime.timedelta(days=FIRST_DAY + 720)
    last = first + datetime.timedelta(days=29)
    assert set(answers["period"]) == {f"{first}/{last}"}


def test_customers_of_one_category_are_expected_there(shop: dict[str, Any]) -> None:
    # Customer 3 buys every 60 days, and only sofas.
    own = shop["answers"].query("customer_id == 'c0003'").set_index("category")["probability"]
    assert own.idxmax() == "sofas"
    assert own["sofas"] > 3 * own["lamps"]


def test_judged_on_all_test_periods_against_the_baseline(shop: dict[str, Any]) -> None:
    report, metrics = shop["report"], shop["metrics"]
    assert len(report["periods"]) == 3
    # Whoever had bought by the cut is asked three times a period, in each category once.
    log = rhythmic_shop(400)
    cuts = [VALIDATION_UNTIL + 30 * number for number in range(3)]
    assert report["questions"] == sum(3 * len(log.known(cut)) for cut in cuts)
    bought = [log.pairs_bought(cut, cut + 30) // 3 for cut in cuts]
    known = [np.isin(users, log.known(cut)).sum() for users, cut in zip(bought, cuts, strict=True)]
    assert report["purchases"] == sum(known)
    assert report["lead_over_baseline"]["average_precision"]["ci_low"] > 0
    wide = metrics[metrics["slice"] == "overall"].pivot(
        index="model", columns="metric", values="value"
    )
    assert wide.loc[report["model"], "auc"] > wide.loc["recency_frequency", "auc"]
    assert wide.loc[report["model"], "calibration_error"] < 0.05
    # By then everybody in this shop has bought at least twice.
    names = {"overall", "history=2-4", "history=5+"}
    assert set(metrics["slice"]) == names | {f"category={name}" for name in NAMES}
    assert not metrics.duplicated(["model", "slice", "metric"]).any()


def test_reliability_table_counts_every_question(shop: dict[str, Any]) -> None:
    table = shop["reliability"]
    assert (table.groupby("model")["questions"].sum() == shop["report"]["questions"]).all()
    assert (table.groupby("model")["purchases"].sum() == shop["report"]["purchases"]).all()
    assert (table["low"] <= table["purchase_share"]).all()
    assert (table["purchase_share"] <= table["high"]).all()


def test_config_is_json_and_says_what_was_learnt_from(shop: dict[str, Any]) -> None:
    import json

    config = json.loads(json.dumps(shop["config"]))
    assert len(config["cuts"]["training"]) == 12
    assert config["learning"]["chosen"] == config["chosen"]["name"]
    assert json.dumps(shop["report"], allow_nan=False)


def test_one_category_asks_whether_somebody_comes_again() -> None:
    one = run(shop_tables(categories=("lamps",)), PARAMETERS)
    assert set(one["answers"]["category"]) == {"lamps"}
    assert len(one["answers"]) == 400
    assert not one["metrics"]["slice"].str.startswith("category=").any()
    assert one["report"]["lead_over_baseline"]["auc"]["ci_low"] > 0


def test_test_part_shorter_than_a_period_is_said_and_not_measured() -> None:
    long = PARAMETERS.model_copy(update={"period_days": 100})
    found = run(shop_tables(), long)
    assert found["metrics"].empty
    assert found["reliability"].empty
    assert found["report"]["questions"] == 0
    words = " ".join(found["report"]["notes"])
    assert "test part (90 days) is shorter than a period of 100 days" in words
    assert "test part" in found["figure"].layout.annotations[0].text
    assert len(found["answers"]) == 400 * 3


def test_a_handful_of_purchases_gets_the_rate_of_the_category() -> None:
    found = run(small_world(), PropensityParameters(period_days=5, n_resamples=100))
    assert found["config"]["chosen"]["name"] == "base_rate"
    addresses = [tensor.data_ptr() for tensor in found["weights"].values()]
    assert len(set(addresses)) == len(addresses)  # safetensors refuses shared memory
    assert "Too few purchases" in " ".join(found["report"]["notes"])
    answers = found["answers"]
    assert set(answers["customer_id"]) == {"anna", "bert", "cleo", "dora", "emil"}
    assert (answers.groupby("category")["probability"].nunique() == 1).all()
    last = EPOCH + datetime.timedelta(days=44)
    assert answers["period"].iloc[0].startswith(str(last + datetime.timedelta(days=1)))


def test_test_periods_without_a_purchase_are_said() -> None:
    tables = shop_tables(100)
    frame = tables["interactions"].to_pandas()
    late = frame["day"] > VALIDATION_UNTIL
    # What is left of the test: newcomers' purchases on its last day, by nobody known before.
    frame = pd.concat([frame[~late], frame[late].tail(1).assign(user=99, day=FIRST_DAY + 719)])
    frame = frame[(frame["user"] != 99) | (frame["day"] == FIRST_DAY + 719)]
    found = run(tables | {"interactions": ibis.memtable(frame)}, PARAMETERS)
    assert found["report"]["purchases"] == 0
    assert "No known customer bought" in " ".join(found["report"]["notes"])
    assert set(found["metrics"]["metric"]) == {"mean_probability", "purchase_share"}


def test_repeated_reviews_are_no_purchases() -> None:
    tables = shop_tables(100)
    frame = tables["interactions"].to_pandas()
    repeated = frame[frame["split"] == "train"].assign(
        split="test", day=FIRST_DAY + 640, is_repeat=True
    )
    with_repeats = tables | {"interactions": ibis.memtable(pd.concat([frame, repeated]))}
    plain, repeats = (run(of, PARAMETERS) for of in (tables, with_repeats))
    pd.testing.assert_frame_equal(plain["answers"], repeats["answers"])
    assert plain["report"]["purchases"] == repeats["report"]["purchases"]


def test_halves_keep_their_customers() -> None:
    tables = shop_tables(200)
    coded = [tables[name] for name in ("interactions", "customer_ids", "product_ids")]
    arrays = nodes.read_interactions(*coded)
    in_tune = nodes._tune_customers(arrays, seed=0)
    assert in_tune[arrays.users[arrays.in_tune]].all()
    assert not in_tune[arrays.users[arrays.in_blend]].any()


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="period_days"):
        PropensityParameters(period_days=0)
    with pytest.raises(ValidationError, match="candidates"):
        PropensityParameters(candidates=["oracle"])
    with pytest.raises(ValidationError, match="Extra inputs"):
        PropensityParameters(periods=3)


def test_tiny_world_has_its_outputs(tiny_run: Any) -> None:
    answers = tiny_run.load("purchase_propensity").to_pandas()
    customers = tiny_run.load("customer_ids").to_pandas()
    assert set(answers["customer_id"]) == set(customers["customer_id"])
    assert tiny_run.load("propensity_report")["questions"] > 0
    label = tiny_run.load("propensity_reliability_figure").layout.title.text
    assert "generated data" in label
