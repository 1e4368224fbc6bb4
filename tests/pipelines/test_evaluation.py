"""The evaluation pipeline on a shop of five customers whose every number was worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from tests.pipelines.shop_tables import Shop, shop_of

from product_recommender.figures import evaluation as figures
from product_recommender.leakage.findings import LEAKS, Finding, LeakageError, findings_table
from product_recommender.pipelines.evaluation import nodes
from product_recommender.pipelines.evaluation.comparison import compare_rankings, compare_ratings
from product_recommender.pipelines.evaluation.parameters import EvaluationParameters
from product_recommender.pipelines.evaluation.resampling import resampled_sums
from product_recommender.recommendation_lists import read_lists

SETTINGS = EvaluationParameters(list_length=2, n_resamples=200)
CLEAN = findings_table(Finding(leak, "table", "rows", 1, 0) for leak in LEAKS)
REPORT = {
    "data": {"name": "five", "generated": True, "label": "generated data, by hand", "sha256": "x"},
    "accepted": 13,
    "customers": 5,
    "products": 5,
    "split": {"train_until": "1970-01-10"},
}

# user, item, stars, day, part (1.5 is the blend half of validation)
PURCHASES = [
    (0, 0, 5, 1, 0),
    (0, 1, 4, 1, 0),
    (1, 0, 4, 2, 0),
    (2, 2, 4, 3, 0),
    (2, 3, 3, 3, 0),
    (1, 1, 5, 11, 1.5),
    (3, 0, 3, 11, 1.5),
    (0, 2, 5, 21, 2),
    (1, 2, 3, 21, 2),
    (1, 3, 1, 22, 2),
    (3, 0, 2, 22, 2),  # a repeat: no target
    (3, 1, 4, 22, 2),
    (4, 3, 5, 23, 2),
    (4, 4, 2, 23, 2),  # not on sale before the test: no target
]
CATEGORIES = ["Audio", "Audio", "Beds", "Beds", "Beds"]
SEGMENTS = {0: "Casual Optimists", 1: "Casual Optimists", 2: "Steady and Satisfied"}

LISTS = {
    ("validation", 1): [1, 2],
    ("validation", 3): [1, 2],
    ("test", 0): [2, 3],
    ("test", 1): [3, 1],
    ("test", 3): [2, 1],
    ("test", 4): [0, 1],
}
PREDICTED = {(0, 2): 4, (1, 2): 3, (1, 3): 3, (3, 1): 4, (4, 3): 4, (4, 4): 4}
SECOND = 1 / np.log2(3)  # gain of the second place


def lists_table(lists: dict[tuple[str, int], list[int]]) -> ibis.Table:
    rows = [
        (f"customer {user:03}", split, rank + 1, f"product {item:03}", 1.0 - rank, user > 2)
        for (split, user), items in lists.items()
        for rank, item in enumerate(items)
    ]
    columns = ["customer_id", "split", "rank", "product_id", "score", "is_fallback"]
    return ibis.memtable(pd.DataFrame(rows, columns=columns))


def predictions_table(shift: float = 0.0) -> ibis.Table:
    given = {(user, item): stars for user, item, stars, _, part in PURCHASES if part > 0}
    wanted = {(1, 1): ("validation", 5), (3, 0): ("validation", 4)}
    wanted |= {pair: ("test", stars) for pair, stars in PREDICTED.items()}
    rows = [
        (
            f"customer {user:03}",
            f"product {item:03}",
            split,
            "blend" if split == "validation" else None,
            3 if (user, item) == (3, 0) else given[user, item],
            prediction + shift,
            False,
        )
        for (user, item), (split, prediction) in wanted.items()
    ]
    columns = ["customer_id", "product_id", "split", "validation_part", "star_rating"]
    return ibis.memtable(pd.DataFrame(rows, columns=[*columns, "prediction", "is_fallback"]))


@pytest.fixture(scope="module")
def shop() -> Shop:
    frame = pd.DataFrame(PURCHASES, columns=["user", "item", "stars", "day", "part"])
    shop = shop_of(frame, SEGMENTS, CATEGORIES)
    for name, ranks_by in (
        ("recent_popularity", "recent purchases"),
        ("bias", "predicted stars"),
        ("ensemble", "chances"),
    ):
        predicts = None if name == "recent_popularity" else "stars"
        shop.configs[name] = {
            "model": name,
            "predicts": predicts,
            "ranks_by": ranks_by,
            "seconds": 1.5,
            "seed": 7,
            "trials": 0,
            "rating": {"chosen": "bias", "best_single": "bias"},
            "purchase": {"chosen": "ensemble", "best_single": "bias"},
        }
    worst = {key: [0, 4] if key[0] == "test" else items for key, items in LISTS.items()}
    for name in (*shop.configs, "ensemble_equal"):
        shop.recommendations[name] = lists_table(LISTS if name == "ensemble" else worst)
        shop.predictions[name] = predictions_table(1.0 if name == "bias" else 0.0)
    shop.predictions["recent_popularity"] = predictions_table().limit(0)
    return shop


def measured(shop: Shop, settings: EvaluationParameters = SETTINGS) -> pd.DataFrame:
    return nodes.measure_models(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        shop.customer_segments,
        CLEAN,
        settings,
        *shop.parts("configs", "recommendations", "predictions"),
    )


@pytest.fixture(scope="module")
def metrics(shop: Shop) -> pd.DataFrame:
    return measured(shop)


def value(metrics: pd.DataFrame, slice_name: str, metric: str, model: str = "ensemble") -> Any:
    row = metrics[
        (metrics["model"] == model)
        & (metrics["split"] == "test")
        & (metrics["slice"] == slice_name)
        & (metrics["metric"] == metric)
    ]
    assert len(row) == 1, (slice_name, metric, len(row))
    return row.iloc[0]


# Customer 0 hits first place of one target; customer 1 the first of two; customer 3 the second
# place; customer 4, who has no history, nothing.
NDCG = {0: 1.0, 1: 1 / (1 + SECOND), 3: SECOND, 4: 0.0}


@pytest.mark.parametrize(
    ("slice_name", "customers"),
    [
        ("overall", [0, 1, 3, 4]),
        ("warm", [0, 1, 3]),
        ("cold", [4]),
        ("history=0", [4]),
        ("history=1", [3]),
        ("history=2-4", [0, 1]),
        ("segment=Casual Optimists", [0, 1]),
        ("segment=New", [3, 4]),
        ("category=Audio", [3]),
        ("category=Beds", [0, 1, 4]),
    ],
)
def test_ndcg_of_every_slice(metrics: pd.DataFrame, slice_name: str, customers: list[int]) -> None:
    row = value(metrics, slice_name, "ndcg@2")
    assert row["value"] == pytest.approx(np.mean([NDCG[c] for c in customers]), abs=1e-6)
    assert row["n_users"] == len(customers)
    assert row["ci_low"] - 1e-9 <= row["value"] <= row["ci_high"] + 1e-9


def test_slices_without_customers_have_no_row(metrics: pd.DataFrame) -> None:
    assert "history=5+" not in set(metrics["slice"])
    assert "segment=Steady and Satisfied" not in set(metrics["slice"])
    assert metrics["value"].notna().all()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("precision@2", (0.5 + 0.5 + 0.5 + 0) / 4),
        ("recall@2", (1 + 0.5 + 1 + 0) / 4),
        ("f1@2", (2 / 3 + 2 / 4 + 2 / 3 + 0) / 4),
        ("hit_rate@2", 3 / 4),
        ("map@2", (1 + 0.5 + 0.5 + 0) / 4),
        ("mrr", (1 + 1 + 0.5 + 0) / 4),
        ("coverage@2", 4 / 4),  # products 0 to 3 are on sale by the test, all are recommended
        ("diversity@2", 2 / 4),  # customers 1 and 3 see both categories
        ("fallback_share@2", 2 / 4),
        # Errors of 1, 0, 2, 0, 1, 2 stars; the repeat is left out, the new product is not.
        ("rmse", np.sqrt(10 / 6)),
        ("mse", 10 / 6),
        ("mae", 6 / 6),
    ],
)
def test_other_metrics_overall(metrics: pd.DataFrame, metric: str, expected: float) -> None:
    assert value(metrics, "overall", metric)["value"] == pytest.approx(expected, abs=1e-6)


def test_rmse_by_slice_and_of_the_global_mean(metrics: pd.DataFrame) -> None:
    assert value(metrics, "cold", "rmse")["value"] == pytest.approx(np.sqrt(5 / 2))
    assert value(metrics, "category=Audio", "rmse")["value"] == 0.0
    # The training stars 5, 4, 4, 4, 3 have the mean 4: errors 1, 1, 3, 0, 1, 2.
    mean = value(metrics, "overall", "rmse", "global_mean")
    assert mean["value"] == pytest.approx(np.sqrt(16 / 6))
    assert mean["n_users"] == 4
    ratings = metrics[metrics["metric"] == "rmse"]
    assert set(ratings["model"]) == {"global_mean", "bias", "ensemble", "ensemble_equal"}


def test_validation_is_measured_on_blend(metrics: pd.DataFrame) -> None:
    rows = metrics[(metrics["split"] == "validation") & (metrics["model"] == "ensemble")]
    found = rows.set_index(["slice", "metric"])["value"]
    assert found["overall", "ndcg@2"] == 0.5  # customer 1 first place, customer 3 nothing
    assert found["cold", "hit_rate@2"] == 0.0
    assert found["overall", "rmse"] == pytest.approx(np.sqrt(1 / 2))


def test_intervals_only_where_a_number_is_a_mean_over_customers(metrics: pd.DataFrame) -> None:
    without = metrics[metrics["ci_low"].isna()]
    assert set(without["metric"]) == {
        f"{name}@2"
        for name in ("coverage", "gini", "diversity", "novelty", "tail_share", "fallback_share")
    }
    assert (metrics["ci_low"].isna() == metrics["ci_high"].isna()).all()


def test_customer_metrics_hold_every_customer_of_every_model(shop: Shop) -> None:
    table = nodes.measure_customers(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        CLEAN,
        SETTINGS,
        *shop.parts("configs", "recommendations"),
    )
    assert len(table) == 4 * (2 + 4)
    mine = table[(table["model"] == "ensemble") & (table["split"] == "test")]
    found = mine.set_index("customer_id")["ndcg@2"]
    for user, expected in NDCG.items():
        assert found[f"customer {user:03}"] == pytest.approx(expected, abs=1e-6)


def test_nothing_is_measured_where_something_leaks(shop: Shop) -> None:
    leak = Finding("test_pairs", "bias.weights", "pairs", 5, 1, "one purchase too many.")
    report = pd.concat([CLEAN, findings_table([leak])])
    coded = (shop.interactions, shop.customer_ids, shop.product_ids)
    of_customers, of_models = (
        shop.parts("configs", "recommendations", *more) for more in ((), ("predictions",))
    )
    with pytest.raises(LeakageError, match=r"bias\.weights"):
        nodes.measure_customers(*coded, report, SETTINGS, *of_customers)
    with pytest.raises(LeakageError, match=r"bias\.weights"):
        nodes.measure_models(*coded, shop.customer_segments, report, SETTINGS, *of_models)


def test_leaderboard_is_sorted_and_labelled(shop: Shop, metrics: pd.DataFrame) -> None:
    board = nodes.rank_models(metrics, REPORT, SETTINGS, *shop.parts("configs"))
    assert board["model"].iloc[0] == "ensemble"
    assert board["model"].iloc[-1] == "global_mean"
    assert set(board["data"]) == {"generated data, by hand"}
    best = board.iloc[0]
    assert best["ndcg@2 warm"] == pytest.approx((1 + 1 / (1 + SECOND) + SECOND) / 3, abs=1e-6)
    assert best["ndcg@2 cold"] == 0.0
    assert (best["ranks_by"], best["predicts"]) == ("chances", "stars")


def test_report_counts_what_was_excluded_and_compares(shop: Shop, metrics: pd.DataFrame) -> None:
    customer_metrics = nodes.measure_customers(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        CLEAN,
        SETTINGS,
        *shop.parts("configs", "recommendations"),
    )
    report = nodes.report_evaluation(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        ibis.memtable(customer_metrics),
        metrics,
        REPORT,
        CLEAN,
        SETTINGS,
        *shop.parts("configs", "predictions"),
    )
    json.dumps(report)
    assert report["cuts"]["test"] == {
        "customers": 4,
        "warm": 3,
        "cold": 1,
        "targets": 5,
        "candidates": 4,
        "cold_candidates": 0,
        "cold_targets": 0,
        "customers_with_cold_target": 0,
        "excluded_not_on_sale": 1,
        "excluded_repeats": 1,
    }
    assert report["data"]["label"] == "generated data, by hand"
    assert report["seeds"] == [7]
    assert report["leakage_check"]["outcome"] == "clean"
    compared = {(row["model"], row["metric"]): row for row in report["comparisons"]}
    ensemble = compared["ensemble", "ndcg@2"]
    # The baseline lists products 0 and 4 for everyone and never hits.
    assert ensemble["difference"] == pytest.approx(np.mean(list(NDCG.values())), abs=1e-6)
    # Bias predicts one star more: errors 0, 1, 3, 1, 0, 3.
    expected = np.sqrt(10 / 6) - np.sqrt(20 / 6)
    assert compared["ensemble", "rmse"]["difference"] == pytest.approx(expected)
    assert not {"node", "hostname"} & set(report["machine"])


@pytest.fixture(scope="module")
def shop_with_a_new_product() -> Shop:
    """The same shop where customer 1 buys product 5 in `blend`, and customers 0 and 4 at the test.

    No training purchase speaks of it; from its first sale, in validation, it is a candidate.
    """
    rows = [*PURCHASES, (1, 5, 4, 12, 1.5), (0, 5, 5, 24, 2), (4, 5, 4, 24, 2)]
    frame = pd.DataFrame(rows, columns=["user", "item", "stars", "day", "part"])
    # Codes go by first appearance: what is sold first in validation comes before the test's own.
    frame["item"] = frame["item"].map({0: 0, 1: 1, 2: 2, 3: 3, 5: 4, 4: 5})
    shop = shop_of(frame, SEGMENTS, [*CATEGORIES, "Audio"])
    predicts = {"recent_popularity": None, "bias": "stars", "ensemble": "stars"}
    for name, what in predicts.items():
        shop.configs[name] = {"model": name, "predicts": what, "ranks_by": "", "rating": {}}
    knows = dict(LISTS) | {("test", 0): [2, 4], ("test", 4): [4, 1]}
    for name in (*shop.configs, "ensemble_equal"):
        shop.recommendations[name] = lists_table(knows if name == "ensemble" else LISTS)
        shop.predictions[name] = predictions_table()
    return shop


def test_cold_products_are_a_slice_of_targets(shop_with_a_new_product: Shop) -> None:
    found = measured(shop_with_a_new_product)
    # Customer 0 has the targets 2 and the new product, customer 4 the targets 3 and the new one.
    cold = value(found, "cold products", "ndcg@2")
    assert cold["n_users"] == 2
    assert cold["value"] == pytest.approx((SECOND + 1.0) / 2, abs=1e-6)
    assert value(found, "cold products", "hit_rate@2")["value"] == 1.0
    assert value(found, "cold products", "ndcg@2", "bias")["value"] == 0.0
    known = value(found, "known products", "ndcg@2")
    assert known["n_users"] == 4
    # Without the new product 0 and 4 have one target each: found first, and not at all.
    assert known["value"] == pytest.approx((1.0 + NDCG[1] + NDCG[3] + 0.0) / 4, abs=1e-6)
    validation = set(found.loc[found["split"] == "validation", "slice"])
    assert not validation & {"cold products", "known products"}


def test_slices_of_cold_products_change_no_other_number(
    metrics: pd.DataFrame, shop_with_a_new_product: Shop
) -> None:
    assert not {"cold products", "known products"} & set(metrics["slice"])
    found = measured(shop_with_a_new_product)
    overall = value(found, "overall", "ndcg@2", "bias")["value"]
    # The lists of `bias` are those of `ensemble` in the other shop; two customers have one target
    # more than there, which they do not meet.
    assert overall == pytest.approx((1 / (1 + SECOND) + NDCG[1] + NDCG[3]) / 4, abs=1e-6)


def test_report_and_leaderboard_say_what_models_make_of_cold_products(
    shop_with_a_new_product: Shop,
) -> None:
    shop = shop_with_a_new_product
    coded = (shop.interactions, shop.customer_ids, shop.product_ids)
    found = measured(shop)
    of_customers = nodes.measure_customers(
        *coded, CLEAN, SETTINGS, *shop.parts("configs", "recommendations")
    )
    for config in shop.configs.values():
        config["rating"] = config["purchase"] = {"chosen": "bias", "best_single": "bias"}
    report = nodes.report_evaluation(
        *coded,
        ibis.memtable(of_customers),
        found,
        REPORT,
        CLEAN,
        SETTINGS,
        *shop.parts("configs", "predictions"),
    )
    json.dumps(report)
    test = report["cuts"]["test"]
    assert (test["cold_candidates"], test["cold_targets"]) == (1, 2)
    assert test["customers_with_cold_target"] == 2
    assert report["cuts"]["validation"]["cold_targets"] == 0
    rows = {(row["model"], row["metric"]): row for row in report["cold_products"]}
    assert rows["ensemble", "ndcg@2"]["value"] == pytest.approx((SECOND + 1.0) / 2, abs=1e-6)
    assert rows["bias", "hit_rate@2"]["value"] == 0.0
    assert len(rows) == 2 * 4
    board = nodes.rank_models(found, REPORT, SETTINGS, *shop.parts("configs")).set_index("model")
    assert board.loc["ensemble", "ndcg@2 cold products"] == pytest.approx((SECOND + 1) / 2)


def test_nobody_with_a_target_is_an_error_that_names_the_key(shop: Shop) -> None:
    frame = shop.interactions.to_pandas()
    frame["is_repeat"] |= frame["split"] == "test"
    with pytest.raises(ValueError, match=r"0 purchases.*7 were repeats.*split\.train_share"):
        measured(replace(shop, interactions=ibis.memtable(frame)))


def test_lists_of_other_data_are_refused(shop: Shop) -> None:
    lists = {key: items for key, items in LISTS.items() if key != ("test", 3)}
    other = dict(shop.recommendations, ensemble=lists_table(lists))
    with pytest.raises(ValueError, match=r"1 of 4 test customers have no list.*of ensemble"):
        measured(replace(shop, recommendations=other))


def test_lists_are_read_in_rank_order_and_cut(shop: Shop) -> None:
    from product_recommender.evaluation_cuts import make_cut
    from product_recommender.model_inputs import interaction_arrays

    arrays = interaction_arrays(shop.interactions, shop.customer_ids, shop.product_ids)
    cut = make_cut(arrays, shop.product_ids, "test")
    shuffled = ibis.memtable(shop.recommendations["ensemble"].to_pandas().iloc[::-1])
    lists = read_lists(shuffled, shop.customer_ids, shop.product_ids, cut, 2)
    np.testing.assert_array_equal(lists.items, [[2, 3], [3, 1], [2, 1], [0, 1]])
    np.testing.assert_array_equal(lists.is_fallback, [False, False, True, True])
    shorter = read_lists(shuffled, shop.customer_ids, shop.product_ids, cut, 1)
    np.testing.assert_array_equal(shorter.items, [[2], [3], [2], [0]])
    with pytest.raises(
        ValueError, match=r"2 products at most, 3 .*modeling\.settings\.list_length"
    ):
        read_lists(shuffled, shop.customer_ids, shop.product_ids, cut, 3)


# ------------------------------------------------------------------ comparisons


def test_a_difference_needs_more_than_luck() -> None:
    rng = np.random.default_rng(0)
    baseline = rng.random(800)
    rows = compare_rankings(
        {
            "recent_popularity": baseline,
            "good": baseline + 0.1 + 0.1 * rng.normal(size=800),
            "bad": baseline - 0.1 + 0.1 * rng.normal(size=800),
            "same": baseline + 0.1 * rng.normal(size=800),
        },
        EvaluationParameters(n_resamples=1000),
    )
    assert {row["model"]: row["verdict"] for row in rows} == {
        "good": "better than recent_popularity",
        "bad": "worse than recent_popularity",
        "same": "no difference from recent_popularity shown",
    }


def test_smaller_rmse_is_better_and_many_comparisons_cost() -> None:
    counts = np.ones(500)
    rng = np.random.default_rng(1)
    baseline = rng.random(500) + 1
    one = {"bias": baseline, "smaller": baseline * rng.uniform(0.9, 1.06, 500)}
    settings = EvaluationParameters(n_resamples=1000)
    alone = compare_ratings(counts, one, settings)[0]
    assert alone["difference"] < 0
    assert alone["verdict"] == "better than bias"
    noise = {f"copy {i}": baseline * rng.uniform(0.99, 1.01, 500) for i in range(15)}
    among_many = compare_ratings(counts, one | noise, settings)[0]
    assert among_many["model"] == "smaller"
    assert among_many["p_holm"] > alone["p_holm"]


def test_all_columns_share_the_draws_of_customers() -> None:
    table = np.random.default_rng(0).random((50, 3))
    table[:10] = 0.0
    table[:, 2] = 1.0
    table = np.vstack([table, np.zeros((5, 3))])
    sums = resampled_sums(table, 40, seed=3)
    drawn = np.random.default_rng(3).integers(0, 55, size=(40, 55))
    np.testing.assert_allclose(sums, table[drawn].sum(axis=1))


# ------------------------------------------------------------------ figures


def test_every_figure_says_that_the_data_is_generated(metrics: pd.DataFrame) -> None:
    for draw in (
        nodes.draw_rankings,
        nodes.draw_ratings,
        nodes.draw_segments,
        nodes.draw_history,
        nodes.draw_cold_products,
    ):
        figure = draw(metrics, REPORT)
        assert "generated data, by hand" in figure.layout.title.text
        json.loads(figure.to_json())


def test_ranking_figure_puts_the_best_on_top_with_its_interval(metrics: pd.DataFrame) -> None:
    figure = figures.ranking_figure(metrics, REPORT)
    assert figure.layout.yaxis.ticktext[-1] == "<b>ensemble</b>"
    overall = next(t for t in figure.data if t.name.startswith("all customers"))
    row = value(metrics, "overall", "ndcg@2")
    assert overall.x[-1] == pytest.approx(row["value"])
    assert overall.x[-1] + overall.error_x.array[-1] == pytest.approx(row["ci_high"])
    assert overall.name == "all customers (4)"


def test_cold_products_figure_shows_both_kinds_of_targets_or_says_there_is_one(
    metrics: pd.DataFrame, shop_with_a_new_product: Shop
) -> None:
    figure = figures.cold_products_figure(measured(shop_with_a_new_product), REPORT)
    assert figure.layout.yaxis.ticktext[-1] == "<b>ensemble</b>"
    cold = next(t for t in figure.data if t.name == "products without (2 customers)")
    assert cold.x[-1] == pytest.approx((SECOND + 1) / 2)
    assert len(figure.data) == 2
    empty = figures.cold_products_figure(metrics, REPORT)
    assert not empty.data
    assert "had a training purchase" in empty.layout.annotations[0].text


def test_rating_figure_has_a_dot_for_every_model_that_predicts_stars(metrics: pd.DataFrame) -> None:
    figure = figures.rating_figure(metrics, REPORT)
    assert sum(len(trace.x) for trace in figure.data) == 4
    assert sorted(figure.layout.yaxis.ticktext) == [
        "<b>ensemble equal</b>",
        "<b>ensemble</b>",
        "bias",
        "global mean",
    ]


def test_segments_figure_shows_values_and_escapes_names(metrics: pd.DataFrame) -> None:
    hostile = metrics.replace({"slice": {"segment=New": "segment=<b>New"}})
    figure = figures.segments_figure(hostile, REPORT)
    grid = figure.data[0]
    assert grid.customdata[-1][
        list(figure.layout.xaxis.ticktext).index("&lt;b&gt;New<br>2 customers")
    ] == pytest.approx(SECOND / 2)
    assert len(figure.layout.annotations) == grid.customdata.size


def test_history_figure_has_the_buckets_that_exist(metrics: pd.DataFrame) -> None:
    figure = figures.history_figure(metrics, REPORT)
    assert list(figure.layout.xaxis.ticktext) == [
        "0<br>1 customers",
        "1<br>1 customers",
        "2-4<br>2 customers",
    ]
    ensemble = next(trace for trace in figure.data if trace.name == "ensemble")
    assert ensemble.y == pytest.approx([0.0, SECOND, (1 + 1 / (1 + SECOND)) / 2])
