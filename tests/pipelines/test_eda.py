"""eda: tables worked out by hand, the smallest data, and the whole graph."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from product_recommender.pipelines.eda import calendar, pipeline, tables
from product_recommender.pipelines.eda.parameters import EdaParameters, SpikeRule

SETTINGS = yaml.safe_load(
    (Path(__file__).parents[2] / "conf/base/parameters_eda.yml").read_text(encoding="utf-8")
)["eda"]
REPORT = {"data": {"label": "hand-made", "generated": True}, "split": {}}
DAY = datetime.date(2014, 5, 1)


@pytest.fixture(scope="module", autouse=True)
def engine() -> Any:
    connection = ibis.duckdb.connect(threads=1)
    ibis.set_backend(connection)
    return connection


def make_reviews(pairs: list[tuple[str, str]], **columns: list[Any]) -> ibis.Table:
    """Reviews of these (customer, product) pairs; other columns constant unless given."""
    n = len(pairs)
    frame = {
        "customer_id": [customer for customer, _ in pairs],
        "product_id": [product for _, product in pairs],
        "product_category": ["Furniture"] * n,
        "star_rating": np.full(n, 5, dtype="int8"),
        "helpful_votes": np.zeros(n, dtype="int32"),
        "total_votes": np.zeros(n, dtype="int32"),
        "verified_purchase": [True] * n,
        "review_body": ["fine"] * n,
        "review_date": [DAY] * n,
    } | columns
    frame["star_rating"] = np.asarray(frame["star_rating"], dtype="int8")
    return ibis.memtable(pd.DataFrame(frame))


def products_of(reviews: ibis.Table) -> ibis.Table:
    return reviews.select("product_id", "product_category").distinct()


def test_activity_by_hand() -> None:
    reviews = make_reviews([("a", "p"), ("a", "q"), ("b", "p"), ("c", "p")])
    table = tables.activity(reviews, "customer")
    assert table["reviews_each"].tolist() == [1, 2]
    assert table["customers"].tolist() == [2, 1]
    assert table["review_share"].tolist() == [0.5, 0.5]


def test_listed_products_without_reviews_count() -> None:
    reviews = make_reviews([("a", "p"), ("b", "p"), ("b", "q")])
    listed = ibis.memtable(pd.DataFrame({"product_id": ["p", "q", "r", "s"]}))
    table = tables.activity(reviews, "product", listed)
    assert dict(zip(table["reviews_each"], table["products"], strict=True)) == {0: 2, 1: 1, 2: 1}
    assert table["review_share"].sum() == pytest.approx(1)


def brute_force_core(pairs: set[tuple[str, str]], k: int) -> set[tuple[str, str]]:
    while True:
        kept = {
            (c, p)
            for c, p in pairs
            if sum(c == other for other, _ in pairs) >= k
            and sum(p == other for _, other in pairs) >= k
        }
        if kept == pairs:
            return kept
        pairs = kept


def test_k_cores_equal_brute_force() -> None:
    rng = np.random.default_rng(1)
    drawn = [
        (f"c{c}", f"p{p}")
        for c, p in zip(rng.integers(0, 25, 120), rng.integers(0, 12, 120), strict=True)
    ]
    table = tables.sparsity(make_reviews(drawn), [2, 3, 5], 100).set_index("filter")
    for k in (2, 3, 5):
        core = brute_force_core(set(drawn), k)
        row = table.loc[f"{k}-core"]
        assert row["reviews"] == len(core)
        assert row["customers"] == len({c for c, _ in core})
        assert row["products"] == len({p for _, p in core})
        assert row["converged"]
    assert table.loc["no filter", "reviews"] == len(set(drawn))  # repeats count once
    assert table.loc["2-core", "reviews"] > table.loc["5-core", "reviews"]


def test_a_chain_unravels_one_round_at_a_time() -> None:
    # Every customer but the first has two products, every product but the last two customers.
    chain = [(f"c{i}", f"p{i}") for i in range(6)] + [(f"c{i + 1}", f"p{i}") for i in range(5)]
    reviews = make_reviews(chain)
    table = tables.sparsity(reviews, [2], 100)
    assert table["reviews"].tolist() == [11, 0]
    assert np.isnan(table["density"].iloc[1])
    cut = tables.sparsity(reviews, [2], 2)
    assert not cut["converged"].iloc[1]
    assert 0 < cut["reviews"].iloc[1] < 11


def test_density_by_hand() -> None:
    table = tables.sparsity(make_reviews([("a", "p"), ("a", "q"), ("b", "p")]), [2], 10)
    assert table["density"].iloc[0] == pytest.approx(3 / 4)


def test_categories_by_hand() -> None:
    reviews = make_reviews(
        [("a", "p"), ("a", "q"), ("b", "q")],
        product_category=["A", "B", "B"],
        star_rating=[1, 2, 5],
        verified_purchase=[True, True, False],
    )
    listed = ibis.memtable(
        pd.DataFrame({"product_id": ["p", "q", "x"], "product_category": ["A", "B", "C"]})
    )
    table = tables.categories(reviews, listed).set_index("product_category")
    assert list(table.index) == ["B", "A", "C"]
    assert table["customers"].tolist() == [2, 1, 0]
    assert table["products"].tolist() == [1, 1, 1]
    assert table.loc["B", "star_mean"] == 3.5
    assert table.loc["B", "verified_share"] == 0.5


def test_a_category_called_all_stays_apart() -> None:
    reviews = make_reviews(
        [("a", "p"), ("a", "q"), ("b", "q")],
        product_category=["all", "B", "B"],
        star_rating=[1, 5, 5],
    )
    table = tables.stars(reviews)
    shares = {
        (r["product_category"], r["star_rating"]): r["share"] for r in table.to_dict("records")
    }
    assert shares["all", 5] == pytest.approx(2 / 3)
    assert shares["all (category)", 1] == 1
    assert shares["B", 3] == 0
    assert len(table) == 15


def test_review_length_by_hand() -> None:
    bodies = ["one", "two  words", "and\nthree\twords ", "", None, "a b c d e"]
    reviews = make_reviews([(str(i), "p") for i in range(6)], review_body=bodies)
    table = tables.review_length(reviews).set_index("stars")
    assert table.loc["5", "reviews"] == 6
    assert table.loc["all", "empty_share"] == pytest.approx(2 / 6)
    assert table.loc["5", "words_mean"] == pytest.approx((1 + 2 + 3 + 5) / 4)
    assert table.loc["all", "words_p50"] == pytest.approx(2.5)
    assert table.loc["1", "reviews"] == 0
    assert np.isnan(table.loc["1", "words_p50"])


def test_votes_by_hand() -> None:
    reviews = make_reviews(
        [("a", "p"), ("b", "p"), ("c", "p")],
        star_rating=[1, 1, 5],
        helpful_votes=np.array([3, 0, 0], dtype="int32"),
        total_votes=np.array([4, 0, 1], dtype="int32"),
    )
    table = tables.votes(reviews).set_index("stars")
    assert table.loc["1", "voted_share"] == 0.5
    assert table.loc["1", "helpful_share"] == 0.75
    assert table.loc["5", "helpful_share"] == 0
    assert table.loc["all", "helpful_share"] == pytest.approx(3 / 5)
    assert np.isnan(table.loc["3", "helpful_share"])


# ---- calendar


def daily(first: str, counts: np.ndarray) -> pd.DataFrame:
    days = pd.date_range(first, periods=len(counts), freq="D")
    return pd.DataFrame({"day": days, "reviews": counts.astype("int64")})


RULE = SpikeRule(window_weeks=5, threshold=4.0, minimum_excess=10)


def test_weeks_are_whole_mondays_and_the_spike_is_found() -> None:
    counts = np.full(7 * 12 + 2, 10)
    counts[7 * 6 + 1] += 200
    table = calendar.weekly_reviews(daily("2014-01-06", counts), RULE)
    assert table["week"].iloc[0] == "2014-01-06"
    assert table["reviews"].tolist() == [70] * 6 + [270] + [70] * 5 + [20]
    assert table["days"].iloc[-1] == 2
    assert table.loc[table["is_spike"], "week"].tolist() == ["2014-02-17"]
    # No spread among the neighbours: the scale is the root of the median, 200 / sqrt(70).
    assert table["robust_z"].iloc[6] == pytest.approx(200 / np.sqrt(70))
    assert np.isnan(table["robust_z"].iloc[-1])


def test_robust_z_uses_the_median_absolute_deviation() -> None:
    weekly = np.array([100, 140, 400, 60, 120, 80, 100])
    counts = np.repeat(weekly / 7, 7)
    frame = daily("2014-01-06", counts * 7)  # whole numbers per day; weeks are seven times as large
    table = calendar.weekly_reviews(frame, RULE)
    window = 7 * weekly[:5]
    median = np.median(window)
    deviation = np.median(np.abs(window - median))
    expected = (7 * 400 - median) / (1.4826 * deviation)
    assert table["robust_z"].iloc[2] == pytest.approx(expected)


def test_thin_data_has_no_spikes() -> None:
    counts = np.zeros(70)
    counts[35] = 8  # z is 8, but eight reviews are no event
    assert not calendar.weekly_reviews(daily("2014-01-06", counts), RULE)["is_spike"].any()


# ---- the graph


SMALLEST = {
    "one review": [("a", "p")],
    "one customer": [("a", "p"), ("a", "q"), ("a", "r")],
    "one product": [("a", "p"), ("b", "p"), ("c", "p")],
}


@pytest.mark.parametrize("case", list(SMALLEST))
@pytest.mark.parametrize("topic", list(pipeline.TOPICS))
def test_every_topic_lives_with_the_smallest_data(case: str, topic: str) -> None:
    reviews = make_reviews(SMALLEST[case])
    inputs = {
        "reviews": reviews,
        "products": products_of(reviews),
        "data_quality_report": REPORT,
        "params:eda": EdaParameters(**SETTINGS),
    }
    function, names = pipeline.TOPICS[topic]
    table, figure = function(*[inputs[name] for name in names])
    assert len(table) > 0
    drawn = json.loads(figure.to_json())
    assert "hand-made · generated data" in drawn["layout"]["title"]["text"]
    assert "NaN" not in json.dumps(drawn)
    if topic == "votes":
        assert any("no votes" in note["text"] for note in drawn["layout"]["annotations"])


def test_outputs_fall_into_the_catalogs_factories() -> None:
    graph = pipeline.create_pipeline()
    assert graph.inputs() == {"reviews", "products", "data_quality_report", "params:eda"}
    for node in graph.nodes:
        table, figure = node.outputs
        assert node.name == f"describe_{table[4:-6]}_node"
        assert (table[:4], table[-6:]) == ("eda_", "_table")
        assert (figure[:4], figure[-7:]) == ("eda_", "_figure")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"core_sizes": [3, 2]}, "ascend"),
        ({"core_sizes": [1]}, "greater than or equal to 2"),
        ({"colour": 1}, "Extra inputs"),
        ({"spikes": SETTINGS["spikes"] | {"window_weeks": 12}}, "odd"),
    ],
)
def test_wrong_parameters_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EdaParameters(**(SETTINGS | change))
