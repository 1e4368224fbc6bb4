"""The ensemble pipeline on small tables: hand-worked weights, no leak, a whole served list."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
import torch
from tests.pipelines.shop_tables import Shop, random_shop, train

from product_recommender.code_names import CodeNames
from product_recommender.model_inputs import interaction_arrays
from product_recommender.pipelines.ensemble import nodes, ratings, serving
from product_recommender.pipelines.ensemble.parameters import (
    EnsembleParameters,
    PurchaseBlendParameters,
    RatingBlendParameters,
)
from product_recommender.pipelines.ensemble.pipeline import MEMBERS, create_pipeline
from product_recommender.recommenders.popularity import Popularity
from product_recommender.recommenders.registry import MODELS as REGISTERED
from product_recommender.recommenders.stages import REFIT_PREFIX, load_stage

MODELS = ("popularity", "recent_popularity", "bias")


def parameters(**changed: Any) -> EnsembleParameters:
    settings = {
        "rating": RatingBlendParameters(min_pairs=1, shrinkage_pairs=0.0),
        "purchase": PurchaseBlendParameters(),
    }
    return EnsembleParameters(**(settings | changed))


def test_chance_is_no_member() -> None:
    assert {*MEMBERS, "random"} == set(REGISTERED)
    inputs = create_pipeline().inputs()
    assert {f"{name}.config" for name in MEMBERS} <= inputs
    assert not [name for name in inputs if name.startswith("random.")]


# ------------------------------------------------------------------ ratings


def star_tables(n: int = 40) -> tuple[ibis.Table, dict[str, pd.DataFrame]]:
    """Model `left` is right for segment L and says 3 elsewhere, `right` the other way round."""
    customer = [f"c{i:02}" for i in range(n)]
    segment = np.where(np.arange(n) % 2 == 0, "L", "R")
    stars = 1 + np.arange(n) % 5
    rows = []
    for split, half in (("validation", "tune"), ("validation", "blend"), ("test", None)):
        rows.append(
            pd.DataFrame(
                {
                    "customer_id": [
                        f"{name} {half}" if half == "tune" else name for name in customer
                    ],
                    "product_id": "p",
                    "split": split,
                    "validation_part": half,
                    "star_rating": stars.astype(np.int8),
                    "segment": segment,
                }
            )
        )
    truth = pd.concat(rows, ignore_index=True)
    found = {}
    for name, letter in (("left", "L"), ("right", "R")):
        of_model = truth.drop(columns="segment")
        of_model["prediction"] = np.where(
            truth["segment"] == letter, truth["star_rating"], 3
        ).astype(np.float32)
        of_model["is_fallback"] = truth["segment"].to_numpy() != letter
        found[name] = of_model
    segments = truth[["customer_id", "segment"]].drop_duplicates()
    return ibis.memtable(segments), found


def blended_ratings(
    segments: ibis.Table, tables: dict[str, pd.DataFrame], **changed: Any
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    configs = [{"model": name, "predicts": "stars"} for name in tables]
    silent = {"model": "popularity", "predicts": None}
    empty = next(iter(tables.values())).iloc[:0]
    return nodes.blend_ratings(
        segments,
        parameters(**changed),
        *configs,
        silent,
        *(ibis.memtable(table) for table in tables.values()),
        ibis.memtable(empty),
    )


def test_each_segment_gets_the_model_that_is_right_for_it() -> None:
    segments, tables = star_tables()
    blended, equal, learnt = blended_ratings(segments, tables)
    assert learnt["weights"]["L"] == pytest.approx({"left": 1.0, "right": 0.0}, abs=1e-6)
    assert learnt["weights"]["R"] == pytest.approx({"left": 0.0, "right": 1.0}, abs=1e-6)
    assert learnt["pairs"] == {"L": 20, "R": 20, "overall": 40}
    few = RatingBlendParameters(min_pairs=21, shrinkage_pairs=0.0)
    fallen_back = blended_ratings(segments, tables, rating=few)[2]
    assert fallen_back["pairs"] == {"L": 0, "R": 0, "overall": 40}
    np.testing.assert_allclose(blended["prediction"], blended["star_rating"], atol=1e-5)
    # Half the way from 3 to the truth: errors 1, .5, 0, .5, 1 for stars 1 to 5.
    assert learnt["blend_rmse"]["ensemble_equal"] == pytest.approx(np.sqrt(0.5), abs=1e-6)
    # One model alone is right for every other customer: errors 2, 1, 0, 1, 2 for half of them.
    assert learnt["blend_rmse"]["left"] == pytest.approx(1.0, abs=1e-6)
    assert learnt["chosen"] == "ensemble"
    assert len(equal) == len(blended) == 80


def test_only_blend_and_test_are_answered_and_fallback_needs_all_models() -> None:
    segments, tables = star_tables()
    blended, _, _ = blended_ratings(segments, tables)
    assert set(blended["validation_part"].dropna()) == {"blend"}
    assert list(blended.columns) == list(tables["left"].columns)
    assert not blended["is_fallback"].any()
    for table in tables.values():
        table["is_fallback"] = True
    assert blended_ratings(segments, tables)[0]["is_fallback"].all()


def test_no_customer_is_answered_by_weights_learnt_from_their_own_stars() -> None:
    segments, tables = star_tables()
    rng = np.random.default_rng(0)
    for table in tables.values():
        table["prediction"] += rng.normal(size=len(table)).astype(np.float32)
    before = blended_ratings(segments, tables)[0]
    mine = (tables["left"]["customer_id"] == "c04") & (tables["left"]["split"] == "validation")
    for table in tables.values():
        table.loc[mine, "star_rating"] = 1
    after = blended_ratings(segments, tables)[0]
    blend = (before["split"] == "validation").to_numpy()
    changed = (before["prediction"] != after["prediction"]).to_numpy()
    assert not changed[blend & (before["customer_id"] == "c04").to_numpy()].any()
    assert changed[blend].any()  # others learnt from those stars
    assert changed[~blend].any()


def test_folds_are_even_and_cover_everybody() -> None:
    folds = ratings.draw_folds(23, 5, seed=3)
    assert sorted(np.bincount(folds, minlength=5)) == [4, 4, 5, 5, 5]
    np.testing.assert_array_equal(folds, ratings.draw_folds(23, 5, seed=3))


def test_models_that_answered_different_ratings_are_refused() -> None:
    segments, tables = star_tables()
    tables["right"] = tables["right"].iloc[1:]
    with pytest.raises(ValueError, match=r"right\.predictions 119.*--pipeline=modeling"):
        blended_ratings(segments, tables)


def test_empty_blend_names_the_parameter() -> None:
    segments, tables = star_tables()
    kept = {
        name: table[table["validation_part"].to_numpy() != "blend"]
        for name, table in tables.items()
    }
    with pytest.raises(ValueError, match=r"data_processing\.split\.validation_share"):
        blended_ratings(segments, kept)


# ------------------------------------------------------------------ purchases


@pytest.fixture(scope="module")
def shop() -> Shop:
    return train(random_shop(), *MODELS)


@pytest.fixture(scope="module")
def purchases(shop: Shop) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    return blended_purchases(shop)


def blended_purchases(
    shop: Shop, **changed: Any
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    return nodes.blend_purchases(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        shop.customer_segments,
        parameters(**changed),
        *shop.parts("configs", "weights", "recommendations"),
    )


def test_known_customers_are_ranked_by_the_model_that_knows_their_taste(purchases: Any) -> None:
    *_, learnt = purchases
    for segment in ("overall", "Even", "Odd"):
        weights = learnt["blend"]["weights"][segment]
        assert weights["recent_popularity"] > 0.9
        assert sum(weights.values()) == pytest.approx(1.0)
        assert min(weights.values()) >= 0
    ndcg = learnt["blend_ndcg@10"]
    assert ndcg["ensemble"] > ndcg["ensemble_equal"] > ndcg["bias"]
    assert learnt["best_single"] == "recent_popularity"
    assert learnt["chosen"] in ("ensemble", "recent_popularity")
    # 420 customers buy once in validation, 280 of them in `blend`, 80 of those as strangers.
    assert learnt["purchases"] == {"overall": 200, "Even": 100, "Odd": 100, "New": 80}


def test_counts_are_of_what_was_learnt_from_and_equal_weights_are_said(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    few = PurchaseBlendParameters(min_purchases=90)  # strangers have 80 in `blend`, 40 in `tune`
    learnt = blended_purchases(shop, purchase=few)[2]
    assert learnt["purchases"] == {"overall": 200, "Even": 100, "Odd": 100, "New": 0}
    assert set(learnt["blend"]["weights"]["New"].values()) == {1 / 3}
    (message,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert "new customers" in message
    assert "ensemble.purchase.min_purchases: 90" in message


def test_models_are_built_again_only_after_a_refit(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[str] = []

    def recorded(state: Any, config: Any, stage: Any) -> Any:
        stages.append(stage)
        return load_stage(state, config, stage)

    monkeypatch.setattr(nodes, "load_stage", recorded)
    blended_purchases(shop)
    assert stages == ["validation"] * len(MODELS)
    stages.clear()
    refitted = Shop(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        shop.customer_segments,
        {n: c | {"refit_parameters": c["parameters"]} for n, c in shop.configs.items()},
        {
            name: state | {REFIT_PREFIX + key: value for key, value in state.items()}
            for name, state in shop.weights.items()
        },
        shop.recommendations,
    )
    blended_purchases(refitted)
    assert stages == ["validation"] * len(MODELS) + ["test"] * len(MODELS)


def test_lists_have_no_gap_no_repeat_and_nothing_bought_before(shop: Shop, purchases: Any) -> None:
    bought = (
        shop.interactions.to_pandas()
        .merge(shop.customer_ids.to_pandas())
        .merge(shop.product_ids.to_pandas())
    )
    for lists in purchases[:2]:
        assert (
            lists.groupby(["split", "customer_id"])["rank"]
            .apply(list)
            .map(lambda ranks: ranks == list(range(1, 11)))
            .all()
        )
        assert not lists.duplicated(["split", "customer_id", "product_id"]).any()
        for split, earlier in (("validation", ["train"]), ("test", ["train", "validation"])):
            before = bought[bought["split"].isin(earlier)]
            known = lists[lists["split"] == split].merge(before, on=["customer_id", "product_id"])
            assert known.empty
        assert lists[lists["split"] == "validation"]["customer_id"].nunique() == 280
        assert lists[lists["split"] == "test"]["customer_id"].nunique() == 420
    reference = shop.recommendations["bias"].to_pandas()
    assert list(purchases[0].columns) == list(reference.columns)


def test_lists_do_not_depend_on_the_customers_own_purchases_of_that_part(
    shop: Shop, purchases: Any
) -> None:
    # Customer 4 of `blend` buys something else in validation: the own list must stay.
    changed = shop.interactions.to_pandas()
    mine = (changed["user"] == 4) & (changed["split"] == "validation")
    owned = set(changed.loc[changed["user"] == 4, "item"])
    changed.loc[mine, "item"] = next(item for item in range(40) if item not in owned)
    after = blended_purchases(
        Shop(
            ibis.memtable(changed),
            shop.customer_ids,
            shop.product_ids,
            shop.customer_segments,
            shop.configs,
            shop.weights,
            shop.recommendations,
        )
    )[0]
    before = purchases[0]
    for lists in (before, after):
        lists["own"] = (lists["customer_id"] == "customer 004") & (lists["split"] == "validation")
    pd.testing.assert_frame_equal(before[before["own"]], after[after["own"]])


def test_weights_table_sums_to_one_in_every_row_group(shop: Shop, purchases: Any) -> None:
    *_, rating = nodes.blend_ratings(
        shop.customer_segments, parameters(), *shop.parts("configs", "predictions")
    )
    config, table = nodes.describe_blends(rating, purchases[2])
    assert list(table.columns) == ["kind", "segment", "model", "weight", "n"]
    sums = table.groupby(["kind", "segment"])["weight"].sum()
    np.testing.assert_allclose(sums, 1.0)
    assert set(sums.index) == {
        (kind, segment)
        for kind in ("rating", "purchase")
        for segment in ("overall", "Even", "Odd", "New")
    }
    assert config["served"] == purchases[2]["chosen"]


# ------------------------------------------------------------------ serving


def served(shop: Shop, purchases: Any, chosen: str) -> pd.DataFrame:
    reader = nodes.recommend_to_everyone(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        shop.customer_segments,
        {"served": chosen, "purchase": purchases[2]},
        parameters(),
        *shop.parts("configs", "weights"),
    )
    return reader.read_all().to_pandas()


@pytest.mark.parametrize("chosen", ["ensemble", "ensemble_equal", "bias", "popularity"])
def test_everyone_is_served_and_nobody_what_they_have(
    shop: Shop, purchases: Any, chosen: str
) -> None:
    lists = served(shop, purchases, chosen)
    assert lists.groupby("customer_id").size().eq(10).all()
    assert lists["customer_id"].nunique() == 420
    assert set(lists["model"]) == {chosen}
    assert not lists.duplicated(["customer_id", "product_id"]).any()
    bought = (
        shop.interactions.to_pandas()
        .merge(shop.customer_ids.to_pandas())
        .merge(shop.product_ids.to_pandas())
    )
    assert lists.merge(bought, on=["customer_id", "product_id"]).empty
    stranger = lists["customer_id"] >= "customer 300"
    # The list of `popularity` is its own for everybody.
    np.testing.assert_array_equal(lists["is_fallback"], stranger & (chosen != "popularity"))


def test_strangers_get_what_the_model_would_tell_each_of_them(
    shop: Shop, purchases: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "USERS_IN_BLOCK", 7)
    lists = served(shop, purchases, "bias")
    model = load_stage(shop.weights["bias"], shop.configs["bias"], "test")
    arrays = interaction_arrays(shop.interactions, shop.customer_ids, shop.product_ids)
    from product_recommender.evaluation_cuts import purchases_so_far

    users = np.arange(420)
    items, scores = model.recommend(
        users,
        10,
        exclude_seen=False,
        candidates=np.arange(40),
        seen=purchases_so_far(arrays, users),
    )
    assert list(lists["customer_id"]) == [f"customer {u:03}" for u in np.repeat(users, 10)]
    np.testing.assert_allclose(lists["score"], scores.ravel())
    found = lists["product_id"].str.removeprefix("product ").astype(int).to_numpy()
    np.testing.assert_array_equal(found, items.ravel())


def test_customers_who_bought_everything_get_short_lists(shop: Shop, purchases: Any) -> None:
    everything = shop.interactions.to_pandas()
    of_last = everything[everything["user"] == 419].iloc[:1]
    extra = pd.concat([of_last.assign(item=np.int32(i), is_repeat=False) for i in range(37)])
    kept = everything[everything["user"] != 419]
    shop = Shop(
        ibis.memtable(pd.concat([kept, extra], ignore_index=True)),
        shop.customer_ids,
        shop.product_ids,
        shop.customer_segments,
        shop.configs,
        shop.weights,
    )
    lists = served(shop, purchases, "popularity")
    mine = lists[lists["customer_id"] == "customer 419"]
    assert set(mine["product_id"]) == {"product 037", "product 038", "product 039"}
    assert list(mine["rank"]) == [1, 2, 3]


def test_strangers_keep_what_they_have_where_the_model_leaves_products_out() -> None:
    class LeavesOut(Popularity):
        """Never recommends product 0, so that its whole list ends in -1; the last is its best."""

        def _score_strangers(self, users: Any) -> Any:
            return torch.tensor([[-torch.inf, 1.0, 2.0, 3.0]])

    model = LeavesOut()
    model.n_users, model.n_items, model._fallback = 0, 4, np.zeros(4, dtype=np.float32)
    model._seen_indptr, model._seen_indices = np.zeros(1, np.int64), np.empty(0, np.int32)
    names = CodeNames(np.array(["one", "two"]), np.array(["a", "b", "c", "d"]))
    purchases = scipy.sparse.csr_matrix(np.array([[0, 0, 0, 1], [0, 0, 0, 0]]))
    batches = serving.served_batches(model, "it", purchases, np.arange(4), names, 3)
    lists = pa.Table.from_batches(batches, serving.SCHEMA).to_pandas()
    told = lists.groupby("customer_id")["product_id"].apply(list).to_dict()
    assert told == {"one": ["c", "b"], "two": ["d", "c", "b"]}
