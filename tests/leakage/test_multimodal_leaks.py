"""A multimodal model that was told what customers bought after the cut is found out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.recommenders.planted_tastes import planted_world

from product_recommender.interactions import Interactions
from product_recommender.leakage.findings import Finding
from product_recommender.leakage.models import KnownPurchases, check_weights
from product_recommender.model_inputs import TEST, TRAIN, VALIDATION, InteractionArrays
from product_recommender.recommenders.multimodal import Multimodal, MultimodalConfig

WORLD = planted_world(n_users=40, n_items=25, purchases_per_user=10)
PARTS = (WORLD.train, WORLD.validation, WORLD.test)


def arrays() -> InteractionArrays:
    joined = WORLD.train.concatenate(WORLD.validation).concatenate(WORLD.test)
    no = np.zeros(len(joined), dtype=bool)
    lengths = [len(part) for part in PARTS]
    parts = np.repeat(np.array([TRAIN, VALIDATION, TEST], dtype=np.int8), lengths)
    return InteractionArrays(
        joined.users, joined.items, joined.stars, joined.days, parts, no, no, no, 40, 25, 40, 25
    )


def trained(on: Interactions, **settings: Any) -> Multimodal:
    short = {"epochs": 1, "device": "cpu"}
    return Multimodal(
        MultimodalConfig(training=short, explained_customers=0, own_vector_from=9, **settings)
    ).fit(on)


def check(state: dict[str, torch.Tensor], model: Multimodal) -> list[Finding]:
    known = arrays()
    return check_weights(
        "multimodal",
        state,
        {"parameters": model.config.model_dump(mode="json")},
        KnownPurchases.until_training(known),
        KnownPurchases.until_validation(known),
    )


def leaky(findings: list[Finding]) -> set[str]:
    return {finding.compared.split(" ")[0] for finding in findings if finding.differing}


@pytest.fixture(scope="module")
def clean() -> Multimodal:
    return trained(WORLD.train)


@pytest.fixture(scope="module")
def told() -> Multimodal:
    """Trained on all three parts as if they were one."""
    return trained(WORLD.train.concatenate(WORLD.validation).concatenate(WORLD.test))


def test_a_clean_model_is_clean(clean: Multimodal) -> None:
    findings = check(clean.state(), clean)
    assert not leaky(findings)
    assert sum(finding.rows for finding in findings) > 1000
    assert {"customers", "stars/items", "history"} <= {f.compared.split(" ")[0] for f in findings}


def test_a_model_trained_on_the_future_is_caught(clean: Multimodal, told: Multimodal) -> None:
    found = leaky(check(told.state(), told))
    assert {"base/seen", "base/fallback", "history", "stars/items", "customers"} <= found


@pytest.mark.parametrize(
    ("prefix", "caught"),
    [("history/", "history"), ("stars/", "stars/items"), ("customers", "customers")],
)
def test_every_part_that_knows_purchases_is_looked_at(
    clean: Multimodal, told: Multimodal, prefix: str, caught: str
) -> None:
    taken = {key: value for key, value in told.state().items() if key.startswith(prefix)}
    assert taken
    assert leaky(check(clean.state() | taken, clean)) == {caught}


def test_a_followed_model_that_is_saved_is_caught(clean: Multimodal) -> None:
    joined = WORLD.train.concatenate(WORLD.validation)
    followed = clean.follow(joined.users, joined.items, joined.days)
    assert {"base/seen", "history"} <= leaky(check(followed.state(), clean))


def test_new_products_known_by_content_are_no_leak() -> None:
    from product_recommender.interactions import ItemContent

    vectors = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    world = replace(
        WORLD.train,
        item_categories=np.zeros(30, np.int16),
        item_features=None,
        contents={"text": ItemContent(vectors, np.ones(30, bool), "planted")},
    )
    model = trained(world)
    assert model.n_items_scored == 30
    assert not leaky(check(model.state(), model))
