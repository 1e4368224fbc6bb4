"""Ways to divide the same purchases, on purchases that fit on a page."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.split_questions import (
    Question,
    describe,
    distinct_pairs,
    few_items_ranking,
    full_ranking,
    global_time,
    per_user_time,
    random_split,
)
from benchmarks.splits import _figure, markdown

from product_recommender.evaluation_cuts import make_cut
from product_recommender.interactions import Interactions
from product_recommender.model_inputs import interaction_arrays
from product_recommender.recommenders.registry import recommender_class
from small_world import small_world

LOG3 = np.log2(3)


def purchases(rows: list[tuple[int, int, int, int]], n_items: int = 6) -> Interactions:
    """From ``user, item, stars, day``."""
    users, items, stars, days = (
        np.array(column, dtype=np.int32) for column in zip(*rows, strict=True)
    )
    return Interactions(
        users=users,
        items=items,
        stars=stars.astype(np.float32),
        days=days,
        n_users=int(users.max()) + 1,
        n_items=n_items,
        item_categories=np.arange(n_items, dtype=np.int16) % 2,
        categories=("even", "odd"),
    )


THREE = purchases(
    [
        (0, 5, 5, 1),  # customer 0: training, validation, test
        (0, 1, 4, 2),
        (0, 2, 3, 9),
        (1, 2, 2, 3),  # customer 1: training and test
        (1, 1, 5, 4),
        (2, 1, 1, 8),  # customer 2: one purchase, for training
        (3, 2, 4, 1),
        (3, 0, 4, 2),  # of a product that nobody else bought: no target
    ]
)


def asked(question: Question) -> dict[int, list[int]]:
    """Customer (code of the data) to categories of targets, which survive recoding."""
    rows = question.targets
    return {
        int(customer): sorted(rows.indices[rows.indptr[i] : rows.indptr[i + 1]].tolist())
        for i, customer in enumerate(question.customers)
    }


def test_the_last_purchase_is_the_test_and_the_one_before_validation() -> None:
    question = per_user_time(THREE, seed=0)
    assert len(question.train) == 1 + 1 + 1 + 1
    assert len(question.validation) == 1
    assert sorted(asked(question)) == [0, 1]
    assert describe(question) == {
        "training_purchases": 4,
        "customers_asked": 2,
        "with_history": 2,
        "targets": 2,
        "left_out_targets": 1,
        "candidates": 3,
        "customers_with_one_target": 2,
    }
    # Customer 0 has seen two products, customer 1 one; what they bought last is not among them.
    assert np.diff(question.seen.indptr).tolist() == [2, 1]
    assert question.seen.multiply(question.targets).nnz == 0
    assert sorted(question.stars.data.tolist()) == [3.0, 5.0]


def test_training_comes_first_in_the_codes_and_categories_follow() -> None:
    question = per_user_time(THREE, seed=0)
    train = question.train
    assert (train.n_users, train.n_items) == (4, 3)  # products 1, 2 and 5
    assert set(train.items.tolist()) == {0, 1, 2}
    assert train.item_categories[:3].tolist() == [1, 0, 1]
    assert train.item_categories[question.validation.items].tolist() == [1]


def test_purchases_of_one_day_are_ordered_by_lot() -> None:
    same_day = purchases([(user, item, 3, 7) for user in range(30) for item in (0, 1)])
    last = [per_user_time(same_day, seed).targets.indices.tolist() for seed in (0, 0, 1)]
    assert last[0] == last[1] != last[2]
    assert 5 < sum(last[0]) < 25


def test_a_pair_counts_once_at_its_first_purchase() -> None:
    twice = purchases([(0, 1, 5, 9), (0, 1, 1, 3), (1, 1, 4, 5), (0, 0, 2, 1)])
    once = distinct_pairs(twice)
    assert sorted(zip(once.users, once.items, once.days, strict=True)) == [
        (0, 0, 1),
        (0, 1, 3),
        (1, 1, 5),
    ]


def test_lots_divide_without_remainder_or_overlap() -> None:
    rng = np.random.default_rng(0)
    world = distinct_pairs(
        purchases(
            [(int(u), int(i), 4, int(d)) for u, i, d in rng.integers(0, 60, (2000, 3))], n_items=60
        )
    )
    question = random_split(world, seed=5)
    counts = question.counts
    assert len(question.train) + len(question.validation) + counts["targets"] + counts[
        "left_out_targets"
    ] == len(world)
    assert len(question.validation) / len(world) == pytest.approx(0.1, abs=0.03)
    assert counts["targets"] / len(world) == pytest.approx(0.1, abs=0.03)
    assert question.seen.multiply(question.targets).nnz == 0
    assert asked(question) == asked(random_split(world, seed=5))
    assert asked(question) != asked(random_split(world, seed=6))


def test_global_time_asks_what_the_project_asks() -> None:
    tables = small_world()
    ids = tables["customer_ids"], tables["product_ids"]
    arrays = interaction_arrays(tables["interactions"], *ids)
    cut = make_cut(arrays, ids[1], "test")
    world = Interactions(
        users=arrays.users,
        items=arrays.items,
        stars=arrays.stars,
        days=arrays.days,
        n_users=2,
        n_items=2,
        item_categories=np.zeros(5, dtype=np.int16),
        categories=("one",),
    )
    question = global_time(world, arrays, cut)
    # bert buys the desk (2 stars) and dora, who is new, the lamp (3); vase and rug came later.
    assert asked(question) == {1: [2], 3: [0]}
    assert question.stars.data.tolist() == [2.0, 3.0]
    assert question.counts["with_history"] == 1
    assert question.counts["left_out_targets"] == 3
    assert len(question.known[0]) == 7
    model = recommender_class("popularity")().fit(question.train)
    found = full_ranking(model, question, k=2)
    # Lamp (2 purchases) before sofa; bert has both, so the desk comes first for him.
    assert found["ndcg"].tolist() == [1.0, 1.0]


class Fixed:
    """Scores products by their code, the same for everyone."""

    n_items = 6

    def __init__(self, scores: list[float]) -> None:
        self.scores = np.array(scores)

    def follow(self, *purchases: np.ndarray) -> Fixed:
        return self

    def score(self, users: np.ndarray) -> np.ndarray:
        return np.tile(self.scores, (len(users), 1))


def few_items(scores: list[float]) -> dict[str, np.ndarray]:
    question = random_split(THREE, seed=0)
    # Customer a has products 0 (5 stars) and 1 (2 stars), customer b product 2 (1 star).
    import scipy.sparse

    stars = scipy.sparse.csr_matrix(
        (np.array([5.0, 2.0, 1.0]), ([0, 0, 1], [0, 1, 2])), shape=(2, 6)
    )
    changed = {**question.__dict__, "users": np.array([0, 1]), "stars": stars}
    return few_items_ranking(Fixed(scores), Question(**changed), seed=0)


def test_few_items_are_scored_by_their_order_alone() -> None:
    good, bad = few_items([9, 1, 0, 0, 0, 0]), few_items([1, 9, 0, 0, 0, 0])
    assert good["liked"][0] == 1.0
    assert bad["liked"][0] == pytest.approx(1 / LOG3)
    assert np.isnan(good["liked"][1])  # has no product of four stars
    assert good["graded"].tolist() == [1.0, 1.0]
    assert bad["graded"][0] == pytest.approx((2 + 5 / LOG3) / (5 + 2 / LOG3))


def test_equal_scores_of_few_items_are_ordered_by_lot() -> None:
    stars = np.tile([5.0, 1.0], 4000)
    import scipy.sparse

    matrix = scipy.sparse.csr_matrix(
        (stars, np.tile([0, 1], 4000), np.arange(0, 8001, 2)), shape=(4000, 6)
    )
    question = random_split(THREE, seed=0)
    changed = {**question.__dict__, "users": np.zeros(4000, dtype=int), "stars": matrix}
    found = few_items_ranking(Fixed([0] * 6), Question(**changed), seed=0)
    assert found["liked"].mean() == pytest.approx((1 + 1 / LOG3) / 2, abs=0.02)


def test_a_figure_is_the_mean_over_seeds_with_customers_matched() -> None:
    import pandas as pd

    first = pd.Series([0.0, 1.0], index=[3, 4])
    second = pd.Series([1.0, 1.0], index=[4, 5])
    figure = _figure([first, second])
    assert figure["value"] == pytest.approx(0.75)
    assert figure["sd_over_seeds"] == pytest.approx(np.std([0.5, 1.0], ddof=1))
    assert figure["customers"] == 2
    assert 0.0 <= figure["low"] <= 0.75 <= figure["high"] <= 1.0


def test_the_page_explains_itself() -> None:
    row = {"value": 0.5, "low": 0.4, "high": 0.6, "sd_over_seeds": None, "customers": 7}
    keys = [("global time", "ndcg"), ("random", "ndcg"), ("few items", "graded")]
    counts = describe(random_split(THREE, seed=0))
    content = {
        "data": {"label": "made up", "sha256": "0" * 64},
        "seeds": [0],
        "trials": 0,
        "wall_seconds": 1.0,
        "peak_memory_mb": 1.0,
        "models_not_registered": ["oracle"],
        "splits": {"random": counts},
        "table": [
            {"protocol": protocol, "metric": metric, "model": model, **row}
            for protocol, metric in keys
            for model in ("random", "popularity")
        ],
    }
    page = markdown(content, "python -m benchmarks.splits")
    assert "| random | 0.5000 [0.4000, 0.6000] | 0.5000 [0.4000, 0.6000] |" in page
    assert "Chance alone scores 0.5000" in page
    assert "Not measured: oracle" in page
    assert "per-user time |" not in page.split("\n\n")[4]  # no column without a number
