"""Refitting on validation: two models in one file, and which of them answers when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from planted_tastes import planted_world

from product_recommender.interactions import Interactions
from product_recommender.recommenders.ncf_per_segment import NCFPerSegment, PerSegmentConfig
from product_recommender.recommenders.popularity import Popularity
from product_recommender.recommenders.stages import (
    join_stages,
    load_stage,
    refit_config,
    refit_interactions,
)
from product_recommender.recommenders.training import TrainingConfig


def late_customer(train: Interactions) -> Interactions:
    """One validation purchase: a customer after the prefix buys a product after the prefix."""
    return replace(
        train,
        users=np.array([train.n_users], dtype=np.int32),
        items=np.array([train.n_items], dtype=np.int32),
        stars=np.array([4.0], dtype=np.float32),
        days=train.days[-1:] + 1,
        item_categories=np.append(train.item_categories, 0).astype(np.int16),
    )


def test_refit_extends_the_prefixes() -> None:
    train = planted_world(n_users=30, n_items=20, purchases_per_user=5, n_segments=2).train
    listed = replace(train, item_categories=np.append(train.item_categories, 0).astype(np.int16))
    joined = refit_interactions(listed, late_customer(train))
    assert (joined.n_users, joined.n_items) == (train.n_users + 1, train.n_items + 1)
    assert len(joined) == len(train) + 1
    assert joined.user_features is not None
    assert joined.user_features[-1].tolist() == [0.0] * joined.user_features.shape[1]
    assert joined.user_segments is not None
    assert joined.segments[joined.user_segments[-1]] == "New"


def test_the_first_stage_answers_validation_and_the_second_the_test() -> None:
    train = planted_world(n_users=30, n_items=20, purchases_per_user=5).train
    listed = replace(train, item_categories=np.append(train.item_categories, 0).astype(np.int16))
    first = Popularity().fit(listed)
    second = Popularity().fit(refit_interactions(listed, late_customer(train)))
    weights = join_stages(first, second)
    parameters = first.config.model_dump()
    config = {"model": "popularity", "parameters": parameters, "refit_parameters": parameters}
    assert load_stage(weights, config, "validation").n_items == train.n_items
    assert load_stage(weights, config, "test").n_items == train.n_items + 1
    alone = join_stages(first, None)
    assert load_stage(alone, config, "test").n_items == train.n_items


def test_refit_trains_as_long_as_early_stopping_kept() -> None:
    config = PerSegmentConfig(training=TrainingConfig(epochs=40), segments={"a": {"factors": 4}})
    report = {
        "best_epoch": 7,
        "stars_head": {"scale": 0.5},
        "segments": {
            "a": {"best_epoch": 3, "stars_head": {"scale": 0.25}},
            "b": {"best_epoch": 0},
            "c": "global",
        },
    }
    fixed = refit_config(config, report)
    assert isinstance(fixed, PerSegmentConfig)
    assert fixed.training.epochs == 7
    assert fixed.for_segment("a").training.epochs == 3
    assert fixed.for_segment("a").factors == 4
    assert fixed.for_segment("b").training.epochs == 0
    # What had no network of its own, or did not exist, gets none in the second training.
    assert fixed.for_segment("c").training.epochs == 0
    assert fixed.for_segment("New").training.epochs == 0
    assert fixed.stars_head_scale == 0.5
    assert fixed.for_segment("a").stars_head_scale == 0.25


def test_no_epochs_leave_the_start() -> None:
    world = planted_world(n_users=40, n_items=20, purchases_per_user=6, n_segments=2)
    untrained = {name: {"training": {"epochs": 0}} for name in world.train.segments}
    training = TrainingConfig(epochs=0)
    short = PerSegmentConfig(training=training, min_purchases=10, segments=untrained)
    model = NCFPerSegment(short).fit(world.train)
    items, _ = model.recommend(np.arange(5), 3)
    assert (items >= 0).all()


def test_models_without_epochs_are_refitted_as_they_are() -> None:
    config = Popularity.Config()
    assert refit_config(config, {}) is config
