"""Eight leaks, each made as one would make it by mistake, and the check that names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from leakage.small_run import (
    FEATURE_SETTINGS,
    MODEL_NAMES,
    MODELING,
    Catalog,
    LastBought,
    add_content,
    add_features,
    arrays_and_world,
    content_report,
    encode,
    everything,
    held,
    models_report,
    report_of,
    report_of_one,
    segmentation_settings,
    segments_report,
    small_run,
    tables_report,
)
from product_recommender.leakage.findings import LEAKS, LeakageError, refuse_leaks
from product_recommender.model_inputs import TEST
from product_recommender.pipelines.feature_engineering.customer_nodes import (
    compute_customer_features,
)
from product_recommender.pipelines.feature_engineering.product_nodes import (
    compute_product_features,
)
from product_recommender.pipelines.modeling.nodes import recommend_at_cuts
from product_recommender.pipelines.segmentation import nodes as segmentation
from product_recommender.recommenders.registry import recommender_class


@pytest.fixture(scope="module")
def clean() -> Catalog:
    return small_run()


@pytest.fixture(scope="module")
def of_all_reviews(clean: Catalog) -> Catalog:
    """Sentiments and features as they come out where nobody filtered on the split."""
    items = dict(clean)
    add_features(items, clean["reviews"].mutate(split=ibis.literal("train")))
    return items


def leaks(report: pd.DataFrame) -> dict[str, set[str]]:
    """Leak to the datasets that it was found in."""
    found = report[report["outcome"] == "leak"]
    return found.groupby("leak")["dataset"].agg(set).to_dict()


def with_column(table: ibis.Table, other: ibis.Table, key: str, column: str) -> ibis.Table:
    """The table with one column taken from another of the same key."""
    right = other.select(key, taken=column)
    joined = table.drop(column).left_join(right, key).drop(f"{key}_right")
    return held(joined.rename({column: "taken"}))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_clean_run_passes_and_every_leak_was_looked_for(seed: int, clean: Catalog) -> None:
    report = report_of(clean if seed == 0 else small_run(seed))
    assert set(report["outcome"]) == {"clean"}, report[report["outcome"] != "clean"].to_dict()
    assert set(report["leak"]) == set(LEAKS)
    assert (report["rows"] > 0).all()
    refuse_leaks(report)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 20))
def test_twenty_clean_runs_pass(seed: int) -> None:
    """The other eighteen of twenty."""
    report = report_of(small_run(seed, n_reviews=300 + 20 * seed))
    refuse_leaks(report)
    assert set(report["outcome"]) == {"clean"}


# ---------------------------------------------------------------- target rating in features


@pytest.mark.parametrize(
    ("dataset", "key"),
    [("product_features", "product_id"), ("customer_features", "customer_id")],
)
def test_mean_stars_of_all_reviews_are_caught(
    dataset: str, key: str, clean: Catalog, of_all_reviews: Catalog
) -> None:
    mixed = with_column(clean[dataset], of_all_reviews[dataset], key, "star_mean")
    report = report_of_one(clean | {dataset: mixed}, dataset)
    assert leaks(report) == {"target_rating": {dataset}}
    detail = report.loc[0, "detail"]
    assert "star_mean" in detail
    assert "star_std" not in detail
    with pytest.raises(LeakageError, match=rf"target_rating: {dataset}: (.|\n)*training reviews"):
        refuse_leaks(report)


def test_a_new_column_that_follows_later_stars_is_caught(clean: Catalog) -> None:
    reviews = clean["reviews"]
    opinion = reviews.group_by("product_id").aggregate(opinion=reviews.star_rating.mean())
    joined = clean["product_features"].left_join(opinion, "product_id").drop("product_id_right")
    report = report_of_one(clean | {"product_features": held(joined)}, "product_features")
    assert leaks(report) == {"target_rating": {"product_features"}}
    assert "column opinion, correlation +" in report.loc[0, "detail"]


# ---------------------------------------------------------------- id maps


def test_codes_ordered_over_everything_are_caught(clean: Catalog) -> None:
    ids = clean["customer_ids"]
    order = ibis.window(order_by=ids.customer_id)
    items = clean | {
        "customer_ids": held(ids.mutate(user=ibis.row_number().over(order).cast("int32")))
    }
    encode(items)
    assert leaks(tables_report(items)) == {"id_map": {"customer_ids"}}


def test_products_known_before_their_first_sale_are_caught(clean: Catalog) -> None:
    ids = clean["product_ids"].mutate(in_training=ibis.literal(True))
    report = report_of_one(clean | {"product_ids": held(ids)}, "codes")
    assert leaks(report) == {"id_map": {"product_ids"}}
    assert "in_training" in report.loc[0, "detail"]


def test_a_model_sized_for_the_future_is_caught(clean: Catalog) -> None:
    arrays, world = arrays_and_world(clean)
    model = recommender_class("popularity")()
    model.fit(replace(world, n_users=arrays.n_users_listed))
    found = leaks(models_report(clean | {"popularity.weights": model.state()}))
    assert found == {"id_map": {"popularity.weights"}}


# ---------------------------------------------------------------- popularity


@pytest.mark.parametrize("column", ["popularity", "recent_popularity", "trend"])
def test_popularity_of_all_reviews_is_caught(
    column: str, clean: Catalog, of_all_reviews: Catalog
) -> None:
    mixed = with_column(
        clean["product_features"], of_all_reviews["product_features"], "product_id", column
    )
    found = leaks(report_of_one(clean | {"product_features": mixed}, "product_features"))
    assert found == {"popularity": {"product_features"}}


@pytest.mark.parametrize(
    ("name", "tensor"),
    [("popularity", "counts"), ("recent_popularity", "recent"), ("bias", "base/fallback")],
)
def test_counts_that_include_the_test_are_caught(name: str, tensor: str, clean: Catalog) -> None:
    knows_all = recommender_class(name)().fit(everything(clean)).state()
    mixed = clean[f"{name}.weights"] | {tensor: knows_all[tensor]}
    report = models_report(clean | {f"{name}.weights": mixed})
    assert leaks(report) == {"popularity": {f"{name}.weights"}}
    assert tensor in report.loc[0, "detail"]


# ---------------------------------------------------------------- scaler, PCA, segments


@pytest.fixture(scope="module")
def segmented_on_all(of_all_reviews: Catalog) -> dict[str, Any]:
    model, _ = segmentation.fit_segmentation(
        of_all_reviews["customer_features"], segmentation_settings()
    )
    return model


@pytest.mark.parametrize("part", ["space", "pca"])
def test_scaler_or_pca_of_all_customers_is_caught(
    part: str, clean: Catalog, segmented_on_all: dict[str, Any]
) -> None:
    model = clean["segmentation_model"] | {part: segmented_on_all[part]}
    found = leaks(segments_report(clean | {"segmentation_model": model}))
    assert found["scaler_or_pca"] == {"segmentation_model"}


def test_centroids_of_all_customers_are_caught(
    clean: Catalog, segmented_on_all: dict[str, Any]
) -> None:
    model = clean["segmentation_model"]
    if len(model["pca"]["components"]) != len(segmented_on_all["pca"]["components"]):
        pytest.skip("the two projections differ in size; centroids cannot be swapped")
    taken = {key: segmented_on_all[key] for key in ("centroids", "names")}
    found = leaks(segments_report(clean | {"segmentation_model": model | taken}))
    assert "segmentation_model" in found["segments"]
    assert "scaler_or_pca" not in found


def test_segments_from_future_purchases_are_caught(clean: Catalog, of_all_reviews: Catalog) -> None:
    assigned = segmentation.assign_segments(
        of_all_reviews["customer_features"], clean["customer_ids"], clean["segmentation_model"]
    )
    report = segments_report(clean | {"customer_segments": ibis.memtable(assigned)})
    assert leaks(report) == {"segments": {"customer_segments"}}
    assert "not New" in report.loc[0, "detail"] or "segment" in report.loc[0, "detail"]


# ---------------------------------------------------------------- test pairs in training


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_model_fitted_on_test_pairs_is_caught(name: str, clean: Catalog) -> None:
    arrays, world = arrays_and_world(clean)
    rows = np.flatnonzero(
        (arrays.parts == TEST) & (arrays.users < arrays.n_users) & (arrays.items < arrays.n_items)
    )[:1]  # one pair is enough
    more = replace(
        world,
        users=np.append(world.users, arrays.users[rows]),
        items=np.append(world.items, arrays.items[rows]),
        stars=np.append(world.stars, arrays.stars[rows]),
        days=np.append(world.days, arrays.days[rows]),
    )
    report = models_report(clean | {f"{name}.weights": recommender_class(name)().fit(more).state()})
    assert leaks(report)["test_pairs"] == {f"{name}.weights"}
    detail = report[report["leak"] == "test_pairs"].iloc[0]["detail"]
    assert detail.startswith("1 purchases too many, 1 of them from after the cut")


def test_a_history_saved_after_it_was_followed_is_caught(clean: Catalog) -> None:
    arrays, world = arrays_and_world(clean)
    fitted = LastBought().fit(world)
    told = fitted.follow(arrays.users, arrays.items, arrays.days).state()
    only_history = fitted.state() | {k: v for k, v in told.items() if k.startswith("history/")}
    report = models_report(clean | {"last_bought.weights": only_history})
    assert leaks(report) == {"test_pairs": {"last_bought.weights"}}
    assert "from after the cut" in report.loc[0, "detail"]


def test_a_test_purchase_called_training_is_caught(clean: Catalog) -> None:
    table = clean["interactions"].to_pandas()
    table.loc[table["split"] == "test", "split"] = "train"
    report = report_of_one(clean | {"interactions": ibis.memtable(table)}, "interactions")
    assert leaks(report) == {"test_pairs": {"interactions"}}


def test_a_repeat_that_is_not_known_as_one_is_caught(clean: Catalog) -> None:
    """A customer buys in the test what they bought in training: the pair is no target."""
    reviews = clean["reviews"].to_pandas()
    repeats = reviews["is_repeat"]
    assert repeats.any(), "the generated world should hold a repeat; change its seed"
    reviews["is_repeat"] = False
    found = leaks(report_of_one(clean | {"reviews": ibis.memtable(reviews)}, "split"))
    assert "reviews" in found["test_pairs"]


# ---------------------------------------------------------------- not on sale


def test_a_list_with_a_product_of_the_future_is_caught(clean: Catalog) -> None:
    reviews = clean["reviews"]
    first = reviews.group_by("product_id").aggregate(day=reviews.review_date.min()).to_pandas()
    newest = first.sort_values("day").iloc[-1]
    lists = clean["popularity.recommendations"].to_pandas()
    place = lists.index[lists["split"] == "validation"][0]
    lists.loc[place, "product_id"] = newest["product_id"]
    items = clean | {"popularity.recommendations": ibis.memtable(lists)}
    report = models_report(items)
    assert leaks(report) == {"not_on_sale": {"popularity.recommendations"}}
    assert newest["product_id"] in report.loc[0, "detail"]


def test_candidates_of_the_whole_catalogue_are_caught(clean: Catalog) -> None:
    """The model recommends everything that has a code, on sale or not."""
    everybody = dict(clean)
    ids = clean["product_ids"].mutate(first_review_date=ibis.date("1990-01-01"))
    everybody["product_ids"] = held(ids)
    arrays, _ = arrays_and_world(clean)
    model = recommender_class("random")().fit(
        replace(everything(clean), n_items=arrays.n_items_listed)
    )
    config = clean["popularity.config"] | {"model": "random", "parameters": {}}
    lists = recommend_at_cuts(
        model.state(),
        config,
        everybody["interactions"],
        everybody["customer_ids"],
        everybody["product_ids"],
        MODELING,
    )
    items = clean | {"popularity.recommendations": ibis.memtable(lists)}
    assert leaks(models_report(items)) == {"not_on_sale": {"popularity.recommendations"}}
    assert leaks(report_of_one(everybody, "codes")) == {"not_on_sale": {"product_ids"}}


# ---------------------------------------------------------------- target text, helpful votes


def test_helpful_votes_in_features_are_caught(clean: Catalog) -> None:
    reviews = clean["reviews"]
    votes = reviews.group_by("product_id").aggregate(useful=reviews.helpful_votes.mean())
    joined = clean["product_features"].left_join(votes, "product_id").drop("product_id_right")
    report = report_of_one(clean | {"product_features": held(joined)}, "product_features")
    assert leaks(report) == {"target_text": {"product_features"}}
    with pytest.raises(LeakageError, match="helpful votes never"):
        refuse_leaks(report)


@pytest.mark.parametrize("column", ["review_body", "helpful_votes", "review_headline"])
def test_review_columns_among_the_interactions_are_caught(column: str, clean: Catalog) -> None:
    items = clean | {"interactions": clean["interactions"].mutate(**{column: ibis.literal("1")})}
    report = report_of_one(items, "interactions")
    assert leaks(report) == {"target_text": {"interactions"}}
    assert column in report.loc[0, "detail"]


def test_sentiment_of_test_texts_is_caught(clean: Catalog, of_all_reviews: Catalog) -> None:
    taken = {key: of_all_reviews[key] for key in ("text_sentiment", "review_sentiment")}
    found = leaks(report_of_one(clean | taken, "review_sentiment"))
    assert "review_sentiment" in found["target_text"]


def test_mean_sentiment_of_all_texts_is_caught(clean: Catalog, of_all_reviews: Catalog) -> None:
    reviews = clean["reviews"].mutate(split=ibis.literal("train"))
    later = compute_customer_features(
        reviews, clean["products"], of_all_reviews["review_sentiment"]
    )
    mixed = with_column(clean["customer_features"], later, "customer_id", "sentiment_mean")
    found = leaks(report_of_one(clean | {"customer_features": mixed}, "customer_features"))
    assert found == {"target_text": {"customer_features"}}


# ---------------------------------------------------------------- and what is no leak


def test_a_refitted_stage_may_hold_validation_and_no_more(clean: Catalog) -> None:
    from product_recommender.pipelines.modeling.nodes import train_model

    arrays, world = arrays_and_world(clean)
    settings = MODELING.model_copy(update={"refit_on_validation": True})
    weights, config = train_model(
        "popularity", arrays, world, settings, recommender_class("popularity").Config()
    )
    items = clean | {"popularity.weights": weights, "popularity.config": config}
    report = models_report(items)
    assert set(report["outcome"]) == {"clean"}
    assert "popularity.weights (refitted)" in set(report["dataset"])
    # The refitted stage in place of the first one knows validation too early.
    swapped = {
        key.removeprefix("refit/"): value
        for key, value in weights.items()
        if key.startswith("refit/")
    }
    found = leaks(models_report(items | {"popularity.weights": swapped}))
    assert found["test_pairs"] == {"popularity.weights"}


def test_features_of_another_setting_are_told_apart(clean: Catalog) -> None:
    """The rule knows the settings: a stronger prior gives other stars."""
    settings = FEATURE_SETTINGS.model_copy(update={"star_prior_strength": 50.0})
    tables = (clean["reviews"], clean["products"], clean["review_sentiment"])
    other = compute_product_features(*tables, settings)
    found = leaks(report_of_one(clean | {"product_features": held(other)}, "product_features"))
    assert found == {"target_rating": {"product_features"}}


# ---------------------------------------------------------------- content


def test_product_texts_of_later_reviews_are_caught(clean: Catalog) -> None:
    items = dict(clean)
    add_content(items, clean["reviews"].mutate(split=ibis.literal("train")))
    report = content_report(items)
    assert leaks(report) == {"target_text": {"product_texts", "text_embeddings"}}
    with pytest.raises(LeakageError, match=r"target_text: product_texts: (.|\n)*text"):
        refuse_leaks(report)
