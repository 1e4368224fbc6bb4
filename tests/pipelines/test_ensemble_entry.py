"""Conditional members of the ensemble: planted ones that help, and planted ones that do not."""

from __future__ import annotations

import logging
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from tests.pipelines.shop_tables import Shop, random_shop, train

from product_recommender.pipelines.ensemble import nodes
from product_recommender.pipelines.ensemble.parameters import (
    EnsembleParameters,
    PurchaseBlendParameters,
    RatingBlendParameters,
)


def parameters(*conditional: str, **changed: Any) -> EnsembleParameters:
    settings = {
        "rating": RatingBlendParameters(min_pairs=1, shrinkage_pairs=0.0),
        "purchase": PurchaseBlendParameters(),
        "conditional_members": conditional,
    }
    return EnsembleParameters(**(settings | changed))


@pytest.fixture(scope="module")
def shop() -> Shop:
    """Two tastes: `recent_popularity` knows them, `bias` and `popularity` do not."""
    return train(random_shop(), "popularity", "recent_popularity", "bias")


def blended(shop: Shop, *conditional: str) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    return nodes.blend_purchases(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        shop.customer_segments,
        parameters(*conditional),
        *shop.parts("configs", "weights", "recommendations"),
    )


@pytest.fixture(scope="module")
def with_the_one_who_knows(shop: Shop) -> Any:
    return blended(shop, "recent_popularity")


@pytest.fixture(scope="module")
def with_one_who_does_not(shop: Shop) -> Any:
    return blended(shop, "bias")


def test_a_member_that_helps_enters(shop: Shop, with_the_one_who_knows: Any) -> None:
    lists, _, learnt = with_the_one_who_knows
    decision = learnt["conditional_members"]["recent_popularity"]
    assert decision["entered"]
    assert 0 < decision["ci_low"] <= decision["difference"] <= decision["ci_high"]
    assert decision["difference"] == pytest.approx(decision["with"] - decision["without"])
    assert decision["metric"] == "ndcg@10"
    assert decision["customers"] == 280
    # Once in, nothing is different from a run where it was a member from the start.
    always, _, unconditional = blended(shop)
    pd.testing.assert_frame_equal(lists, always)
    assert learnt["blend"]["weights"] == unconditional["blend"]["weights"]
    assert unconditional["conditional_members"] == {}


def test_a_member_that_does_not_help_stays_out(shop: Shop, with_one_who_does_not: Any) -> None:
    lists, equal, learnt = with_one_who_does_not
    decision = learnt["conditional_members"]["bias"]
    assert not decision["entered"]
    assert decision["ci_low"] <= 0
    assert set(learnt["blend"]["members"]) == {"popularity", "recent_popularity"}
    assert "bias" not in learnt["blend"]["weights"]["overall"]
    assert set(learnt["equal_blend"]["weights"]["overall"].values()) == {0.5}
    # It is measured all the same, and may win alone.
    assert set(learnt["blend_ndcg@10"]) >= {"bias", "popularity", "ensemble"}
    assert lists.groupby("split")["customer_id"].nunique().to_dict() == {
        "test": 420,
        "validation": 280,
    }
    assert len(equal) == len(lists)


def test_the_order_of_the_settings_is_the_order_of_the_trials(shop: Shop) -> None:
    learnt = blended(shop, "recent_popularity", "popularity")[2]
    decisions = learnt["conditional_members"]
    assert list(decisions) == ["recent_popularity", "popularity"]
    assert decisions["recent_popularity"]["entered"]
    # `popularity` is compared with the blend that the first one is in already.
    with_it = decisions["recent_popularity"]["with"]
    assert decisions["popularity"]["without"] == pytest.approx(with_it)


@pytest.mark.parametrize("chosen", ["ensemble", "ensemble_equal", "bias"])
def test_a_blend_without_a_model_of_the_run_can_be_served(
    shop: Shop, with_one_who_does_not: Any, chosen: str
) -> None:
    reader = nodes.recommend_to_everyone(
        shop.interactions,
        shop.customer_ids,
        shop.product_ids,
        shop.customer_segments,
        {"served": chosen, "purchase": with_one_who_does_not[2]},
        parameters("bias"),
        *shop.parts("configs", "weights"),
    )
    lists = reader.read_all().to_pandas()
    assert lists.groupby("customer_id").size().eq(10).all()
    assert set(lists["model"]) == {chosen}


def test_the_decision_is_logged_and_kept(
    shop: Shop, with_one_who_does_not: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    blended(shop, "bias")
    message = next(r.getMessage() for r in caplog.records if "stays out" in r.getMessage())
    assert message.startswith("ranking blend: bias stays out: ndcg@10 ")
    assert message.endswith("with it (280 customers of `blend`)")
    rating = nodes.blend_ratings(
        shop.customer_segments, parameters(), *shop.parts("configs", "predictions")
    )[2]
    config, weights = nodes.describe_blends(rating, with_one_who_does_not[2])
    assert not config["purchase"]["conditional_members"]["bias"]["entered"]
    ranking = weights[weights["kind"] == "purchase"]
    assert set(ranking["model"]) == {"popularity", "recent_popularity"}


# ------------------------------------------------------------------ stars

SURE, TRIED = "bias", "matrix_factorization"


def star_tables(error_of_tried: float) -> tuple[ibis.Table, dict[str, ibis.Table]]:
    """200 customers with two ratings each; the first model is off by up to two stars."""
    rng = np.random.default_rng(0)
    rows = [
        (f"c{i % 200:03}", f"p{i // 200}", split, half, 1 + i % 5)
        for split, half in (("validation", "blend"), ("test", None))
        for i in range(400)
    ]
    columns = ["customer_id", "product_id", "split", "validation_part", "star_rating"]
    truth = pd.DataFrame(rows, columns=columns).astype({"star_rating": np.int8})
    tables = {}
    for name, error in ((SURE, 1.0), (TRIED, error_of_tried)):
        noise = error * rng.normal(size=len(truth))
        predicted = truth["star_rating"] + noise if error else pd.Series(3.0, truth.index)
        tables[name] = ibis.memtable(
            truth.assign(prediction=predicted.astype(np.float32), is_fallback=False)
        )
    segments = truth[["customer_id"]].drop_duplicates().assign(segment="All")
    return ibis.memtable(segments), tables


def rating_blend(error_of_tried: float, *conditional: str) -> dict[str, Any]:
    segments, tables = star_tables(error_of_tried)
    configs = [{"model": name, "predicts": "stars"} for name in tables]
    return nodes.blend_ratings(segments, parameters(*conditional), *configs, *tables.values())[2]


def test_an_independent_opinion_enters_the_stars() -> None:
    learnt = rating_blend(1.0, TRIED)
    decision = learnt["conditional_members"][TRIED]
    assert decision["entered"]
    assert decision["metric"] == "rmse"
    assert decision["ci_high"] < 0
    # Two independent errors of one star make one of sqrt(1 / 2).
    assert decision["without"] == pytest.approx(1.0, abs=0.1)
    assert decision["with"] == pytest.approx(np.sqrt(0.5), abs=0.1)
    assert learnt["blend_rmse"]["ensemble"] == pytest.approx(decision["with"])
    assert set(learnt["weights"]["overall"]) == {SURE, TRIED}


def test_a_much_worse_opinion_stays_out_of_the_stars() -> None:
    learnt = rating_blend(40.0, TRIED)
    decision = learnt["conditional_members"][TRIED]
    assert not decision["entered"]
    assert learnt["weights"]["overall"] == {SURE: 1.0}
    assert learnt["blend_rmse"]["ensemble"] == pytest.approx(decision["without"])
    assert TRIED in learnt["blend_rmse"]


def test_who_does_not_predict_stars_is_not_asked_about_them() -> None:
    assert rating_blend(1.0, "popularity")["conditional_members"] == {}


# ------------------------------------------------------------------ settings


def test_a_model_that_was_not_trained_is_named(shop: Shop) -> None:
    with pytest.raises(ValueError, match=r"conditional_members names ease.*Members: popularity"):
        blended(shop, "ease")


def test_somebody_has_to_be_a_member_in_any_case(shop: Shop) -> None:
    with pytest.raises(ValueError, match="leave at least one"):
        blended(shop, "popularity", "bias", "recent_popularity")
    with pytest.raises(ValueError, match="leave at least one"):
        rating_blend(1.0, SURE, TRIED)


@pytest.mark.parametrize("names", [("no_such_model",), ("random",), ("bias", "bias")])
def test_settings_name_members_once(names: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="conditional_members"):
        parameters(*names)
