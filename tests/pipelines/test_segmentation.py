"""segmentation: planted groups come back under their names; the smallest data lives."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError
from sklearn.metrics import adjusted_rand_score

from product_recommender.pipelines.segmentation import nodes, pipeline
from product_recommender.pipelines.segmentation.parameters import SegmentationParameters

SETTINGS = yaml.safe_load(
    (Path(__file__).parents[2] / "conf/base/parameters_segmentation.yml").read_text("utf-8")
)["segmentation"]
QUICK = SETTINGS | {"n_init": 3, "stability_seeds": [1, 2], "candidate_clusters": [2, 3, 4, 5]}
REPORT = {"data": {"label": "hand-made", "generated": True}}

# Persona: purchases, days since the last, stars, spread of stars, mean list price.
TYPES = {
    "Steady and Satisfied": (12, 40, 4.5, 0.6, 100),
    "Critical and Disengaged": (3, 600, 2.0, 0.8, 100),
    "High-Value Power Buyers": (60, 20, 4.0, 1.3, 300),
    "Casual Optimists": (2, 200, 4.9, 0.1, 30),
}


@pytest.fixture(scope="module", autouse=True)
def engine() -> Any:
    connection = ibis.duckdb.connect(threads=1)
    ibis.set_backend(connection)
    return connection


def parameters(**changes: Any) -> SegmentationParameters:
    return SegmentationParameters(**(QUICK | changes))


def planted(each: int = 60, seed: int = 0) -> pd.DataFrame:
    """Customers of four plain types; the column `type` is the truth."""
    rng = np.random.default_rng(seed)
    frames = []
    for name, (count, recency, stars, spread, price) in TYPES.items():
        purchases = np.maximum(1, rng.poisson(count, each)).astype(float)
        recent = recency * rng.lognormal(0, 0.2, each)
        star = np.clip(stars + rng.normal(0, 0.25, each), 1, 5)
        value = price * rng.lognormal(0, 0.2, each)
        frames.append(
            pd.DataFrame(
                {
                    "type": name,
                    "purchase_count": purchases,
                    "purchases_per_month": purchases / 20,
                    "recency_days": recent,
                    "tenure_days": recent + 300,
                    "days_between_purchases": np.where(purchases > 1, 300 / purchases, np.nan),
                    "star_mean": star,
                    "star_std": np.where(purchases > 1, spread, 0.0),
                    "sentiment_mean": (star - 3) / 2.2 + rng.normal(0, 0.1, each),
                    "verified_share": rng.choice([0.8, 0.9, 1.0], each),
                    "category_count": 1 + (purchases > 5),
                    "category_entropy": np.log1p(purchases) / 5,
                    "value_sum": purchases * value,
                    "value_mean": value,
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(0, "customer_id", [f"{i:04d}" for i in rng.permutation(len(frame))])
    return frame


def ids_of(features: pd.DataFrame, new: int = 0) -> pd.DataFrame:
    customers = [*features["customer_id"], *(f"new{i}" for i in range(new))]
    return pd.DataFrame(
        {"customer_id": customers, "user": np.arange(len(customers), dtype=np.int32)}
    )


def run(
    features: pd.DataFrame,
    settings: SegmentationParameters,
    new: int = 0,
    customers: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """All four nodes on these features."""
    if customers is None:
        customers = pd.DataFrame({"customer_id": pd.Series([], dtype=str)})
    table, everyone = ibis.memtable(features), ibis.memtable(ids_of(features, new))
    model, report = nodes.fit_segmentation(table, settings)
    model = json.loads(json.dumps(model))  # what the catalog does
    segments = nodes.assign_segments(table, everyone, model)
    profiles = nodes.describe_segments(
        ibis.memtable(segments), table, ibis.memtable(customers), settings
    )
    figures = nodes.draw_segmentation(table, profiles, model, report, REPORT, settings)
    for figure in figures:
        drawn = figure.to_json()
        assert "generated data" in drawn
        assert "NaN" not in drawn
    return {
        "model": model,
        "report": json.loads(json.dumps(report)),
        "segments": segments.to_pandas(),
        "profiles": profiles,
    }


def test_planted_types_come_back_under_their_names() -> None:
    features = planted()
    result = run(features, parameters(), new=5)
    joined = features.merge(result["segments"], on="customer_id")
    assert (joined["type"] == joined["segment"]).mean() > 0.97
    assert result["report"]["stability"]["lowest"] > 0.95
    assert result["report"]["weak_matches"] == []
    assert result["model"]["names"] == list(TYPES)


@pytest.mark.parametrize("change", ["seed", "order"])
def test_names_do_not_depend_on_seed_or_row_order(change: str) -> None:
    features = planted()
    before = run(features, parameters())["segments"].set_index("customer_id")
    if change == "seed":
        after = run(features, parameters(seed=99))["segments"].set_index("customer_id")
        agreement = (before["segment"] == after.loc[before.index, "segment"]).mean()
        assert agreement > 0.98
    else:
        shuffled = features.sample(frac=1, random_state=3)
        after = run(shuffled, parameters())["segments"].set_index("customer_id")
        pd.testing.assert_frame_equal(before.sort_index(), after.sort_index())


def test_every_customer_has_a_segment_and_strangers_are_new() -> None:
    features = planted(20)
    segments = run(features, parameters(), new=7)["segments"]
    assert len(segments) == 87
    new = segments["customer_id"].str.startswith("new")
    assert set(segments.loc[new, "segment"]) == {"New"}
    assert set(segments.loc[new, "cluster"]) == {-1}
    assert segments.loc[new, ["distance", "margin"]].isna().all().all()
    assert segments.loc[~new, ["distance", "margin"]].notna().all().all()
    assert (segments.loc[~new, "margin"] >= 0).all()
    assert segments["cluster"].dtype == np.int32


def test_profiles_by_hand() -> None:
    features = planted(20)
    customers = pd.DataFrame(
        {"customer_id": features["customer_id"].iloc[:60], "is_prime": [True, False, False] * 20}
    )
    result = run(features, parameters(), new=20, customers=customers)
    profiles = result["profiles"].set_index("segment")
    assert profiles["customers"].sum() == 100
    assert profiles["share"].sum() == pytest.approx(1)
    assert list(profiles.index)[-1] == "New"
    assert profiles.loc["New", "share"] == pytest.approx(0.2)
    joined = features.merge(result["segments"], on="customer_id")
    for name, group in joined.groupby("segment"):
        assert profiles.loc[name, "star_mean_mean"] == pytest.approx(group["star_mean"].mean())
        assert profiles.loc[name, "tenure_days_median"] == group["tenure_days"].median()
    known = joined.merge(customers, on="customer_id")
    expected = known.groupby("segment")["is_prime"].mean()
    for name, share in expected.items():
        assert profiles.loc[name, "prime_share"] == pytest.approx(share)
    assert profiles["customers_with_attributes"].sum() == 60
    assert not [column for column in profiles if "vote" in column]


def test_without_a_customers_table_the_columns_are_left_out() -> None:
    profiles = run(planted(10), parameters())["profiles"]
    assert "prime_share" not in profiles


def test_one_review_each_as_in_the_real_data() -> None:
    rng = np.random.default_rng(0)
    n = 500
    star = rng.choice([1.0, 3.0, 4.0, 5.0], n, p=[0.25, 0.1, 0.15, 0.5])
    recency = rng.integers(0, 2000, n).astype(float)
    features = pd.DataFrame(
        {
            "customer_id": [f"{i:04d}" for i in range(n)],
            "purchase_count": 1.0,
            "purchases_per_month": 1 / np.maximum((recency + 1) / 30.4375, 1.0),
            "recency_days": recency,
            "tenure_days": recency,
            "days_between_purchases": np.nan,
            "star_mean": star,
            "star_std": 0.0,
            "sentiment_mean": np.where(rng.random(n) < 0.1, np.nan, (star - 3) / 2.5),
            "verified_share": rng.choice([0.0, 1.0], n),
            "category_count": 1,
            "category_entropy": 0.0,
            "value_sum": np.nan,
            "value_mean": np.nan,
        }
    )
    result = run(features, parameters(), new=50)
    left_out = set(result["report"]["features_left_out"])
    assert {"purchase_count", "days_between_purchases", "star_std", "value_sum"} <= left_out
    assert len(result["profiles"]) == 5
    stars = result["profiles"].set_index("segment")["star_mean_mean"]
    assert stars["Critical and Disengaged"] < stars["Casual Optimists"]
    assert result["report"]["missing_share"]["sentiment_mean"] == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("customers", [1, 2, 3])
def test_fewer_customers_than_clusters(customers: int, caplog: pytest.LogCaptureFixture) -> None:
    features = planted(1).head(customers)
    with caplog.at_level(logging.WARNING):
        result = run(features, parameters(), new=2)
    assert result["report"]["clusters"] == customers
    assert f"{customers} instead of 4 clusters" in caplog.text
    names = result["segments"].loc[lambda s: s["cluster"] >= 0, "segment"]
    assert len(set(names)) == customers
    assert set(names) <= set(TYPES)


def test_equal_customers_are_one_cluster() -> None:
    features = planted(1).head(1).loc[[0] * 10].assign(customer_id=[f"{i}" for i in range(10)])
    result = run(features, parameters())
    assert result["report"]["clusters"] == 1
    assert result["segments"]["distance"].tolist() == [0.0] * 10
    assert result["segments"]["margin"].isna().all()


def test_more_clusters_than_personas_are_numbered() -> None:
    result = run(planted(), parameters(n_clusters=6))
    assert result["model"]["names"] == [*TYPES, "Segment 5", "Segment 6"]
    assert len(result["profiles"]) == 6


@pytest.mark.parametrize("rule", ["silhouette", "elbow"])
def test_the_rule_picks_the_planted_number(rule: str) -> None:
    report = run(planted(), parameters(n_clusters=rule))["report"]
    assert report["rule"] == rule
    assert report["chosen_k"] == report[f"{rule}_k"]


def test_a_weak_match_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        report = run(planted(), parameters(weak_margin=100.0))["report"]
    assert report["weak_matches"] == list(TYPES)
    assert caplog.text.count("weak match") == 4


def test_nothing_to_find_gives_low_agreement() -> None:
    features = planted()
    rng = np.random.default_rng(0)
    shuffled = features.copy()
    for column in features.columns[2:]:
        shuffled[column] = rng.permutation(features[column].to_numpy())
    segments = run(shuffled, parameters())["segments"]
    joined = shuffled.merge(segments, on="customer_id")
    assert adjusted_rand_score(joined["type"], joined["segment"]) < 0.05


def test_tables_of_different_runs_are_refused() -> None:
    features = planted(5)
    model, _ = nodes.fit_segmentation(ibis.memtable(features), parameters())
    with pytest.raises(ValueError, match="feature_engineering"):
        nodes.assign_segments(
            ibis.memtable(features), ibis.memtable(ids_of(features.head(3))), model
        )


def test_no_customer_and_unknown_features_are_clear_errors() -> None:
    features = planted(5)
    with pytest.raises(ValueError, match="no rows"):
        nodes.fit_segmentation(ibis.memtable(features.head(0)), parameters())
    with pytest.raises(ValueError, match="star_std"):
        nodes.fit_segmentation(ibis.memtable(features.drop(columns="star_std")), parameters())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"personas": {"P": {"colour": 1.0}}}, "colour"),
        ({"personas": {"New": {"star_mean": 1.0}}}, "names that the pipeline gives"),
        ({"n_clusters": 0}, "1 to 20"),
        ({"n_clusters": "best"}, "n_clusters"),
        ({"candidate_clusters": [4, 2]}, "ascend"),
        ({"features": {"star_mean": {"weight": 0}}}, "greater than 0"),
    ],
)
def test_wrong_parameters_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SegmentationParameters(**(SETTINGS | change))


def test_votes_are_never_an_input() -> None:
    settings = parameters()
    used = [*settings.features, *settings.described_features]
    assert not [name for name in used if "vote" in name or "helpful" in name]


def test_graph_meets_the_catalog() -> None:
    graph = pipeline.create_pipeline()
    assert graph.inputs() == {
        "customer_features",
        "customer_ids",
        "customers",
        "data_quality_report",
        "params:segmentation",
    }
    assert graph.all_outputs() == {
        "customer_segments",
        "segmentation_model",
        "segmentation_report",
        "segment_profiles",
        "segmentation_profiles_figure",
        "segmentation_selection_figure",
        "segmentation_map_figure",
    }
