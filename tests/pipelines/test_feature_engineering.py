"""feature_engineering on a data set small enough to work out by hand.

Training ends on 2015-03-31, a Tuesday.

customer  product  parent  category  stars  day                  headline / body
ann       p1       m1      Books     5      2015-01-05 (Monday)  good / good
ann       p2       m1      Books     3      2015-03-16 (Monday)  (empty) / bad
ann       p3       m3      Toys      4      2015-03-31 (Tuesday) (empty) / (null)
bob       p1       m1      Books     1      2014-12-01 (Monday)  bad / (blank)
cat       p2       m1      Books     2      validation           ann also buys p4 there
dan       p0       m0      Games     4      test
"""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner
from pydantic import ValidationError

from product_recommender.datasets import (
    AtomicDataset,
)
from product_recommender.pipelines.feature_engineering import create_pipeline
from product_recommender.pipelines.feature_engineering.customer_nodes import category_slugs
from product_recommender.pipelines.feature_engineering.parameters import (
    FeatureEngineeringParameters,
)

GOOD, BAD = 0.4404, -0.5423  # VADER's compound of the single words
OUTPUTS = (
    "review_texts@table",
    "text_sentiment",
    "review_sentiment",
    "customer_features",
    "product_features",
    "product_parent_features",
    "customer_ids",
    "product_ids",
    "interactions",
)
FEATURES = OUTPUTS[:6]

REVIEW_SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("product_id", pa.string()),
        ("product_parent", pa.string()),
        ("product_title", pa.string()),
        ("product_category", pa.string()),
        ("star_rating", pa.int8()),
        ("helpful_votes", pa.int32()),
        ("total_votes", pa.int32()),
        ("vine", pa.bool_()),
        ("verified_purchase", pa.bool_()),
        ("review_headline", pa.string()),
        ("review_body", pa.string()),
        ("review_date", pa.date32()),
        ("split", pa.string()),
        ("validation_part", pa.string()),
        ("is_repeat", pa.bool_()),
    ]
)
PRODUCT_SCHEMA = pa.schema(
    [
        ("product_id", pa.string()),
        ("product_parent", pa.string()),
        ("product_title", pa.string()),
        ("product_category", pa.string()),
        ("first_review_date", pa.date32()),
        ("list_price", pa.float64()),
    ]
)


def review(
    customer: str,
    product: str,
    parent: str | None,
    category: str | None,
    stars: int,
    day: str,
    **more: Any,
) -> dict[str, Any]:
    row = {
        "customer_id": customer,
        "product_id": product,
        "product_parent": parent,
        "product_title": product.upper(),
        "product_category": category,
        "star_rating": stars,
        "helpful_votes": 1,
        "total_votes": 2,
        "vine": False,
        "verified_purchase": True,
        "review_headline": "",
        "review_body": "",
        "review_date": datetime.date.fromisoformat(day),
        "split": "train",
        "validation_part": None,
        "is_repeat": False,
    }
    return row | more


REVIEWS = [
    review(
        "ann", "p1", "m1", "Books", 5, "2015-01-05", review_headline="good", review_body="good"
    ),
    review("ann", "p2", "m1", "Books", 3, "2015-03-16", review_body="bad"),
    review("ann", "p3", "m3", "Toys", 4, "2015-03-31", verified_purchase=None, review_body=None),
    review(
        "bob", "p1", "m1", "Books", 1, "2014-12-01",
        verified_purchase=False, review_headline="bad", review_body=" \n",
    ),
    review(
        "cat", "p2", "m1", "Books", 2, "2015-04-02",
        split="validation", validation_part="tune", review_body="awful",
    ),
    review(
        "ann", "p4", "m4", "Books", 2, "2015-04-03",
        split="validation", validation_part="blend", is_repeat=True,
    ),
    review("dan", "p0", "m0", "Games", 4, "2015-05-01", split="test"),
    review("bob", "p4", "m4", "Books", 4, "2015-05-02", split="test"),
]  # fmt: skip
PRICES = {"p0": 9.0, "p1": 10.5, "p2": 20.0, "p3": None, "p4": 1.0}


def product_rows(
    reviews: list[dict[str, Any]], prices: dict[str, float | None]
) -> list[dict[str, Any]]:
    rows = {}
    for row in sorted(reviews, key=lambda r: r["review_date"]):
        rows.setdefault(
            row["product_id"],
            {
                "product_id": row["product_id"],
                "product_parent": row["product_parent"],
                "product_title": row["product_title"],
                "product_category": row["product_category"],
                "first_review_date": row["review_date"],
                "list_price": prices.get(row["product_id"]),
            },
        )
    return list(rows.values())


def run(
    folder: Path,
    reviews: list[dict[str, Any]],
    prices: dict[str, float | None] | None = None,
    only: str | None = None,
    **parameters: Any,
) -> dict[str, pa.Table]:
    """Run the pipeline (or what leads to ``only``) through files, and read what it wrote."""
    connection = {"backend": "duckdb", "database": ":memory:", "threads": 2}
    table = {
        "type": "product_recommender.datasets.ParquetTableDataset",
        "connection": connection,
    }

    def entry(name: str) -> AtomicDataset:
        return AtomicDataset(filepath=str(folder / f"{name}.parquet"), dataset=table)

    names = ("reviews", "products", *(name for name in OUTPUTS if "@" not in name))
    datasets: dict[str, Any] = {name: entry(name) for name in names}
    datasets["review_texts@table"] = entry("review_texts")
    datasets["review_texts@batches"] = AtomicDataset(
        filepath=str(folder / "review_texts.parquet"),
        dataset={"type": "product_recommender.datasets.ParquetBatchesDataset", "batch_size": 2},
    )
    catalog = DataCatalog(datasets)
    settings = FeatureEngineeringParameters(**parameters)
    catalog["params:feature_engineering"] = settings
    catalog.save("reviews", pa.Table.from_pylist(reviews, schema=REVIEW_SCHEMA))
    products = product_rows(reviews, prices or {})
    catalog.save("products", pa.Table.from_pylist(products, schema=PRODUCT_SCHEMA))
    pipeline = create_pipeline()
    SequentialRunner().run(pipeline.to_outputs(only) if only else pipeline, catalog)
    files = {name: folder / f"{name.partition('@')[0]}.parquet" for name in OUTPUTS}
    return {name: pq.read_table(file) for name, file in files.items() if file.exists()}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    return run(tmp_path_factory.mktemp("features"), REVIEWS, PRICES)


def rows_by(table: pa.Table, key: str) -> dict[str, dict[str, Any]]:
    rows = table.to_pylist()
    assert len({row[key] for row in rows}) == len(rows)
    return {row[key]: row for row in rows}


def test_each_training_text_once(outputs: dict[str, pa.Table]) -> None:
    texts = {row["text"]: row["text_id"] for row in outputs["review_texts@table"].to_pylist()}
    # From `printf good | md5sum`; the blank body and the validation review's text are not there.
    assert texts == {
        "good": "755f85c2723bb39381c7379a604160d8",
        "bad": "bae60998ffe4923b131e3d6e4c19993e",
    }
    scores = {row["text_id"]: row["compound"] for row in outputs["text_sentiment"].to_pylist()}
    assert scores == {texts["good"]: GOOD, texts["bad"]: BAD}


def test_review_sentiment(outputs: dict[str, pa.Table]) -> None:
    assert [tuple(row.values()) for row in outputs["review_sentiment"].to_pylist()] == [
        ("ann", "p1", GOOD, GOOD, GOOD),
        ("ann", "p2", None, BAD, BAD),
        ("ann", "p3", None, None, None),
        ("bob", "p1", BAD, None, BAD),
    ]


def test_customer_features(outputs: dict[str, pa.Table]) -> None:
    customers = rows_by(outputs["customer_features"], "customer_id")
    assert list(customers) == ["ann", "bob"]
    ann, bob = customers["ann"], customers["bob"]

    assert ann["purchase_count"] == 3
    assert ann["recency_days"] == 0
    assert ann["tenure_days"] == 26 + 28 + 31  # 2015-01-05 to 2015-03-31
    assert ann["purchases_per_month"] == pytest.approx(3 / (86 / 30.4375))
    assert ann["days_between_purchases"] == 42.5
    assert ann["star_mean"] == 4
    assert ann["star_std"] == pytest.approx(math.sqrt(2 / 3))
    assert ann["sentiment_mean"] == pytest.approx((GOOD + BAD) / 2)
    assert ann["verified_share"] == pytest.approx(2 / 3)  # unknown counts as not verified
    assert ann["category_count"] == 2
    third = 1 / 3
    assert ann["category_entropy"] == pytest.approx(
        -(2 * third * math.log(2 * third) + third * math.log(third))
    )
    assert (ann["value_sum"], ann["value_mean"], ann["unpriced_count"]) == (30.5, 15.25, 1)
    assert ann["month_01_share"] == pytest.approx(third)
    assert ann["month_03_share"] == pytest.approx(2 * third)
    assert ann["weekday_1_share"] == pytest.approx(2 * third)  # Mondays
    assert ann["weekday_2_share"] == pytest.approx(third)
    assert ann["affinity_books"] == pytest.approx(2 * third)
    assert ann["affinity_toys"] == pytest.approx(third)
    assert ann["top_category"] == "Books"

    assert bob["purchase_count"] == 1
    assert bob["recency_days"] == bob["tenure_days"] == 31 + 31 + 28 + 30  # from 2014-12-01
    assert bob["days_between_purchases"] is None
    assert bob["star_std"] == 0
    assert bob["sentiment_mean"] == BAD
    assert bob["verified_share"] == 0
    assert (bob["category_count"], bob["category_entropy"]) == (1, 0)
    assert (bob["value_sum"], bob["value_mean"], bob["unpriced_count"]) == (10.5, 10.5, 0)
    for row in customers.values():
        assert sum(row[f"month_{m:02d}_share"] for m in range(1, 13)) == pytest.approx(1)
        assert sum(row[f"weekday_{d}_share"] for d in range(1, 8)) == pytest.approx(1)


def test_customer_feature_columns_are_in_the_documented_order(
    outputs: dict[str, pa.Table],
) -> None:
    schema = outputs["customer_features"].schema
    assert schema.names == [
        "customer_id", "purchase_count", "purchases_per_month", "recency_days", "tenure_days",
        "days_between_purchases", "star_mean", "star_std", "sentiment_mean", "verified_share",
        "category_count", "category_entropy", "value_sum", "value_mean", "unpriced_count",
        *(f"month_{m:02d}_share" for m in range(1, 13)),
        *(f"weekday_{d}_share" for d in range(1, 8)),
        "affinity_books", "affinity_toys", "top_category",
    ]  # fmt: skip
    whole = {
        "purchase_count", "recency_days", "tenure_days", "category_count", "unpriced_count"
    }  # fmt: skip
    for field in schema:
        if field.name in ("customer_id", "top_category"):
            assert field.type == pa.string()
        else:
            assert field.type == (pa.int64() if field.name in whole else pa.float64()), field


def test_product_features(tmp_path: Path) -> None:
    features = run(
        tmp_path, REVIEWS, PRICES, "product_features", recent_days=30, star_prior_strength=2.0
    )
    assert features["product_features"].schema.names == [
        "product_id", "product_category", "popularity", "recent_popularity", "trend", "star_mean",
        "star_std", "sentiment_mean", "list_price", "price_band",
    ]  # fmt: skip
    products = rows_by(features["product_features"], "product_id")
    counts = [features["product_features"].schema.field(2 + i).type for i in range(2)]
    assert counts == [pa.int64(), pa.int64()]
    assert list(products) == ["p1", "p2", "p3"]
    p1, p2, p3 = products.values()

    # The window is 2015-03-02 to 2015-03-31. p1 sold 2 in the 91 days before it, from 2014-12-01.
    assert (p1["popularity"], p1["recent_popularity"]) == (2, 0)
    assert p1["trend"] == pytest.approx(math.log((0 + 1) / (2 * 30 / 91 + 1)))
    assert (p2["popularity"], p2["recent_popularity"]) == (1, 1)
    assert p2["trend"] == pytest.approx(math.log(2))  # nothing before: 1 + 1 against 0 + 1

    # Books: stars 5, 1, 3, mean 3, variance 8/3. p1: 5 and 1, variance 4.
    assert p1["star_mean"] == pytest.approx((6 + 2 * 3) / 4)
    assert p1["star_std"] == pytest.approx(math.sqrt((2 * 4 + 2 * 8 / 3) / 4))
    assert p2["star_mean"] == pytest.approx((3 + 2 * 3) / 3)
    assert p2["star_std"] == pytest.approx(math.sqrt((0 + 2 * 8 / 3) / 3))
    assert (p3["star_mean"], p3["star_std"]) == (4, 0)

    assert p1["sentiment_mean"] == pytest.approx((GOOD + BAD) / 2)
    assert p3["sentiment_mean"] is None
    assert [p["product_category"] for p in products.values()] == ["Books", "Books", "Toys"]
    assert [p["list_price"] for p in products.values()] == [10.5, 20.0, None]
    # Of two prices, none is below the first and half are below the second.
    assert [p["price_band"] for p in products.values()] == ["low", "high", "unknown"]


def test_trend_of_a_product_that_began_just_before_the_window(tmp_path: Path) -> None:
    rows = [
        review("ann", "p1", "m1", "Books", 5, "2015-03-01"),
        review("bob", "p2", "m1", "Books", 5, "2015-03-31"),
    ]
    p1 = run(tmp_path, rows, only="product_features", recent_days=30)[
        "product_features"
    ].to_pylist()[0]
    # One purchase on the day before counts as one in 30 days.
    assert p1["trend"] == pytest.approx(math.log((0 + 1) / (1 + 1)))


def test_product_parent_features(tmp_path: Path) -> None:
    rows = [*REVIEWS, review("eve", "p5", None, "Toys", 5, "2015-03-01")]
    rows += [review(f"x{i}", "p6", "m3", "Books", 5, "2015-03-01") for i in range(2)]
    prices = PRICES | {"p6": 4.0}
    features = run(tmp_path, rows, prices, "product_parent_features", star_prior_strength=0)[
        "product_parent_features"
    ]
    assert features.schema.names[:3] == ["product_parent", "product_category", "popularity"]
    parents = rows_by(features, "product_parent")
    assert list(parents) == ["m1", "m3", "p5"]  # p5 has no parent and stands for itself
    m1, m3, p5 = parents.values()
    assert (m1["popularity"], m1["recent_popularity"], m1["product_category"]) == (3, 2, "Books")
    assert m1["list_price"] == 15.25
    assert m1["star_mean"] == 3
    assert m1["star_std"] == pytest.approx(math.sqrt(8 / 3))
    assert m1["sentiment_mean"] == pytest.approx((GOOD + 2 * BAD) / 3, abs=1e-12)
    assert (m3["popularity"], m3["product_category"], m3["list_price"]) == (3, "Books", 4.0)
    assert (m3["price_band"], m1["price_band"]) == ("low", "high")
    assert (p5["product_category"], p5["list_price"], p5["price_band"]) == ("Toys", None, "unknown")


def test_price_bands_are_quartiles_and_equal_prices_share_one(tmp_path: Path) -> None:
    prices = {f"p{i}": price for i, price in enumerate([1.0, 2, 2, 3, 4, 5, 6, 7])}
    rows = [review("ann", p, p, "Books", 5, "2015-01-05") for p in prices]
    rows.append(review("ann", "toy", "toy", "Toys", 5, "2015-01-05"))
    table = run(tmp_path, rows, prices | {"toy": 100.0}, "product_features")["product_features"]
    bands = {row["product_id"]: row["price_band"] for row in table.to_pylist()}
    assert list(bands.values()) == [
        "low", "low", "low", "mid", "high", "high", "premium", "premium", "low",
    ]  # fmt: skip


def test_codes_are_ordered_by_part_then_id(outputs: dict[str, pa.Table]) -> None:
    assert [tuple(row.values()) for row in outputs["customer_ids"].to_pylist()] == [
        ("ann", 0, True),
        ("bob", 1, True),
        ("cat", 2, False),  # validation
        ("dan", 3, False),  # test
    ]
    product_ids = outputs["product_ids"].to_pylist()
    assert [(row["product_id"], row["item"], row["in_training"]) for row in product_ids] == [
        ("p1", 0, True), ("p2", 1, True), ("p3", 2, True), ("p4", 3, False), ("p0", 4, False),
    ]  # fmt: skip
    assert product_ids[0]["first_review_date"] == datetime.date(2014, 12, 1)
    assert product_ids[4]["product_category"] == "Games"
    assert outputs["customer_ids"].schema.field("user").type == pa.int32()
    assert outputs["product_ids"].schema.names == [
        "product_id", "item", "in_training", "product_category", "first_review_date",
    ]  # fmt: skip


def test_interactions(outputs: dict[str, pa.Table]) -> None:
    table = outputs["interactions"]
    assert table.schema.names == [
        "user", "item", "star_rating", "day", "split", "validation_part", "is_repeat",
        "verified_purchase",
    ]  # fmt: skip
    assert [table.schema.field(name).type for name in ("user", "item", "star_rating", "day")] == [
        pa.int32(), pa.int32(), pa.int8(), pa.int32(),
    ]  # fmt: skip
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert len(rows) == len(REVIEWS)
    # 2014-12-01 is day 16405: 44 years of 365 days, 11 leap days, 334 days of 2014.
    assert rows[0] == (1, 0, 1, 16405, "train", None, False, False)
    assert rows[5] == (0, 3, 2, 16405 + 123, "validation", "blend", True, True)


def test_the_future_changes_no_feature(tmp_path: Path, outputs: dict[str, pa.Table]) -> None:
    changed = [
        row
        if row["split"] == "train"
        else row
        | {
            "star_rating": 6 - row["star_rating"],
            "review_headline": "wonderful",
            "review_body": "horrible",
            "helpful_votes": 500,
            "total_votes": 900,
            "verified_purchase": False,
        }
        for row in REVIEWS
    ]
    changed.append(review("ann", "p1", "m1", "Books", 1, "2015-06-01", split="test"))
    changed.append(review("zoe", "p9", "m9", "Music", 1, "2015-06-02", split="test"))
    again = run(tmp_path, changed, PRICES)
    for name in FEATURES:
        key = again[name].schema.names[0]
        assert again[name].sort_by(key).equals(outputs[name].sort_by(key)), name
    n = len(outputs["customer_ids"])
    assert again["customer_ids"].slice(0, n).equals(outputs["customer_ids"])
    assert len(again["customer_ids"]) == n + 1


def test_votes_change_nothing(tmp_path: Path, outputs: dict[str, pa.Table]) -> None:
    voted = [row | {"helpful_votes": 77, "total_votes": 99} for row in REVIEWS]
    again = run(tmp_path, voted, PRICES)
    for name in OUTPUTS:
        key = again[name].schema.names[0]
        assert again[name].sort_by(key).equals(outputs[name].sort_by(key)), name


def test_a_training_review_changes_features(tmp_path: Path, outputs: dict[str, pa.Table]) -> None:
    """The two tests above would also pass if nothing depended on the reviews."""
    changed = [REVIEWS[0] | {"star_rating": 1, "review_body": "bad"}, *REVIEWS[1:]]
    again = run(tmp_path, changed, PRICES)
    for name in FEATURES[2:]:
        assert not again[name].equals(outputs[name]), name


def test_one_customer_one_product_no_price_no_text(tmp_path: Path) -> None:
    rows = [review("ann", "p1", "m1", None, 5, "2015-01-05", review_headline=None)]
    features = run(tmp_path, rows)
    assert len(features["text_sentiment"]) == 0
    assert features["review_sentiment"].to_pylist()[0]["sentiment"] is None
    (ann,) = features["customer_features"].to_pylist()
    assert (ann["recency_days"], ann["tenure_days"], ann["purchases_per_month"]) == (0, 0, 1)
    assert ann["affinity_unknown"] == 1
    assert ann["top_category"] == "unknown"
    assert (ann["value_sum"], ann["value_mean"], ann["unpriced_count"]) == (None, None, 1)
    for name in ("product_features", "product_parent_features"):
        (row,) = features[name].to_pylist()
        assert (row["product_category"], row["star_mean"], row["star_std"]) == ("unknown", 5, 0)
        assert row["price_band"] == "unknown"
    assert features["interactions"].to_pylist()[0]["user"] == 0


def test_prices_that_are_no_numbers_count_as_unknown(tmp_path: Path) -> None:
    prices = {"p1": float("nan"), "p2": float("inf"), "p3": 1e300}
    rows = [review("ann", p, p, "Books", 5, "2015-01-05") for p in prices]
    (ann,) = run(tmp_path, rows, prices, "customer_features")["customer_features"].to_pylist()
    assert (ann["value_sum"], ann["unpriced_count"]) == (None, 3)


def test_no_training_review_names_the_way_out(tmp_path: Path) -> None:
    rows = [review("ann", "p1", "m1", "Books", 5, "2015-01-05", split="test")]
    with pytest.raises(ValueError, match=r"parameters_data_processing\.yml"):
        run(tmp_path, rows, only="customer_features")


def test_category_slugs_stay_apart() -> None:
    assert category_slugs(["Major Appliances", "PC"]) == ["major_appliances", "pc"]
    assert category_slugs(["A B", "A+B", "A_B_2", "a-b"]) == ["a_b", "a_b_3", "a_b_2", "a_b_4"]


def test_top_category_takes_the_first_of_equals(tmp_path: Path) -> None:
    rows = [
        review("ann", "p1", "p1", "Toys", 5, "2015-01-05"),
        review("ann", "p2", "p2", "Books", 5, "2015-01-05"),
    ]
    (ann,) = run(tmp_path, rows, only="customer_features")["customer_features"].to_pylist()
    assert ann["top_category"] == "Books"
    assert ann["days_between_purchases"] == 0
    assert ann["category_entropy"] == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    "wrong",
    [
        {"recent_days": 0},
        {"star_prior_strength": -1},
        {"trend_smoothing": 0},
        {"sentiment_processes": 0},
        {"recent_day": 3},
    ],
)
def test_wrong_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        FeatureEngineeringParameters(**wrong)
