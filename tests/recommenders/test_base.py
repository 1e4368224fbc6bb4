"""What the base class does for every recommender, shown with one whose scores are given."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
import torch

from product_recommender.interactions import Interactions
from product_recommender.recommenders import base
from product_recommender.recommenders.base import (
    NotTrainedError,
    Recommender,
    RecommenderConfig,
    recent_popularity,
)
from product_recommender.recommenders.registry import (
    MODELS,
    load_recommender,
    recommender_class,
)

MINUS_INFINITY = -np.inf


def interactions(users, items, n_users, n_items, days=None, stars=None, categories=None):
    categories = np.zeros(n_items) if categories is None else np.asarray(categories)
    return Interactions(
        users=np.asarray(users, dtype=np.int32),
        items=np.asarray(items, dtype=np.int32),
        stars=np.full(len(users), 4.0, np.float32) if stars is None else np.float32(stars),
        days=np.zeros(len(users), np.int32) if days is None else np.int32(days),
        n_users=n_users,
        n_items=n_items,
        item_categories=categories.astype(np.int16),
        categories=tuple(f"category {i}" for i in range(int(categories.max(initial=0)) + 1)),
    )


class Given(Recommender):
    """Scores known users by a table."""

    name = "given"
    ranks_by = "what the test says"

    def __init__(self, config=None, table=None):
        super().__init__(config)
        self.table = None if table is None else torch.tensor(table, dtype=torch.float32)

    def _fit(self, train, validation):
        pass

    def _score(self, users):
        return self.table[users]

    def _state(self):
        return {"table": self.table}

    def _load_state(self, state):
        self.table = state["table"]


def given(table, users=(0,), items=(0,), seed=0, **more):
    """A fitted model with these scores that has seen these purchases."""
    table = np.asarray(table, dtype=np.float32)
    train = interactions(users, items, *table.shape, **more)
    return Given(RecommenderConfig(seed=seed), table).fit(train)


TABLE = [[0.1, 0.9, 0.5, 0.7], [4.0, 3.0, 2.0, 1.0], [-5.0, -1.0, -3.0, -2.0]]
BOUGHT = {"users": [0, 0, 1, 2], "items": [1, 3, 0, 2]}


def test_best_first_without_what_was_bought():
    model = given(TABLE, **BOUGHT)
    items, scores = model.recommend(np.array([0, 1, 2]), 2)
    np.testing.assert_array_equal(items, [[2, 0], [1, 2], [1, 3]])
    np.testing.assert_allclose(scores, [[0.5, 0.1], [3, 2], [-1, -2]])
    assert items.dtype == np.int32
    assert scores.dtype == np.float32


def test_what_was_bought_may_be_allowed():
    model = given(TABLE, **BOUGHT)
    items, _ = model.recommend(np.array([0, 1]), 3, exclude_seen=False)
    np.testing.assert_array_equal(items, [[1, 3, 2], [0, 1, 2]])


def test_fewer_left_than_asked_for_is_padded():
    model = given(TABLE, **BOUGHT)
    items, scores = model.recommend(np.array([0, 1]), 100)
    np.testing.assert_array_equal(items, [[2, 0, -1, -1], [1, 2, 3, -1]])
    np.testing.assert_array_equal(np.isneginf(scores), items == -1)


def test_the_model_is_not_changed_by_answering():
    model = given(TABLE, **BOUGHT)
    model.recommend(np.array([0, 1, 2]), 4)
    np.testing.assert_array_equal(model.table.numpy(), np.float32(TABLE))


def test_order_and_repetition_of_users_are_free():
    model = given(TABLE, **BOUGHT)
    plain, _ = model.recommend(np.array([0, 1, 2]), 3)
    items, _ = model.recommend(np.array([2, 0, 2, 1]), 3)
    np.testing.assert_array_equal(items, plain[[2, 0, 2, 1]])


def test_further_purchases_are_left_out_row_by_row():
    model = given(TABLE, **BOUGHT)
    # row i belongs to users[i]; column 6 is a product that the model has never heard of
    seen = scipy.sparse.csr_matrix(([1.0, 1, 1, 1], ([0, 1, 1, 1], [1, 2, 3, 6])), shape=(2, 7))
    items, _ = model.recommend(np.array([1, 0]), 4, seen=seen)
    np.testing.assert_array_equal(items, [[2, 3, -1, -1], [0, -1, -1, -1]])
    with pytest.raises(ValueError, match="given: seen has 2 rows for 3 users"):
        model.recommend(np.array([0, 1, 2]), 1, seen=seen)


def test_only_candidates_are_recommended():
    model = given(TABLE, **BOUGHT)
    items, _ = model.recommend(np.array([0, 1, 2]), 2, candidates=np.array([3, 0, 3]))
    np.testing.assert_array_equal(items, [[0, -1], [3, -1], [3, 0]])
    none, scores = model.recommend(np.array([0, 1]), 2, candidates=np.array([], dtype=int))
    assert none.shape == scores.shape == (2, 0)


def test_products_without_a_purchase_rank_below_all_others():
    model = given(TABLE, **BOUGHT)
    items, scores = model.recommend(np.array([0, 2]), 4, candidates=np.array([9, 2, 0, 1]))
    np.testing.assert_array_equal(items, [[2, 0, 9, -1], [1, 0, 9, -1]])
    assert scores[1, 2] < scores[1, 1] == -5
    seen = scipy.sparse.csr_matrix(([1.0], ([0], [9])), shape=(1, 10))
    items, _ = model.recommend(np.array([0]), 4, candidates=np.array([9, 2]), seen=seen)
    np.testing.assert_array_equal(items, [[2, -1]])


class KnowsNewProducts(Given):
    """Scores the first product after the training ones as well."""

    name = "knows_new_products"

    @property
    def n_items_scored(self):
        return self.n_items + 1


def test_products_that_a_model_knows_otherwise_are_ranked_by_their_scores():
    table = [[3.0, 1.0, 2.0, 9.0], [0.0, 5.0, 1.0, -4.0]]
    model = KnowsNewProducts(table=table).fit(interactions([0, 1], [0, 2], 2, 3))
    users = np.array([0, 1])
    items, scores = model.recommend(users, 5, candidates=np.array([4, 3, 2, 1, 0]))
    assert items.tolist() == [[3, 2, 1, 4, -1], [1, 0, 3, 4, -1]]
    assert scores[:, 0].tolist() == [9.0, 5.0]
    assert model.score(users).tolist() == table
    # Unless they are asked for, the candidates are the training products.
    assert model.recommend(users, 5)[0].tolist() == [[2, 1, -1], [1, 0, -1]]
    only_those = model.recommend(users, 5, candidates=np.array([0, 1, 2, 3]))[0]
    assert only_those.tolist() == [[3, 2, 1, -1], [1, 0, 3, -1]]


def test_a_model_that_cannot_explain_says_nothing():
    model = Given(table=[[1.0, 0.0]]).fit(interactions([0], [0], 1, 2))
    assert model.explain(0, 1) is None


def test_products_without_a_purchase_rank_below_scores_that_swallow_a_one():
    model = given([[1e9, 1e9, 2e9]])
    scores = model.score(np.array([0]), np.array([0, 7, -1]))
    assert scores[0, 1] < scores[0, 0]
    assert scores[0, 2] < scores[0, 0]


def test_a_request_that_makes_no_sense_is_an_error():
    model = given(TABLE)
    with pytest.raises(ValueError, match="k is 0"):
        model.recommend(np.array([0]), 0)
    with pytest.raises(ValueError, match="candidates hold -1"):
        model.recommend(np.array([0]), 1, candidates=np.array([-1, 2]))


def test_a_diverged_model_is_found_out():
    model = given([[np.nan, 1.0, 2.0]], items=[1])
    with pytest.raises(ValueError, match="given: a score is NaN"):
        model.recommend(np.array([0]), 1)


def test_no_users_no_lists():
    items, scores = given(TABLE).recommend(np.array([], dtype=int), 3)
    assert items.shape == scores.shape == (0, 3)
    assert given(TABLE).score(np.array([], dtype=int)).shape == (0, 4)


# ---------------------------------------------------------------- strangers


def test_strangers_get_recent_popularity():
    model = given(TABLE, users=[0, 1, 2, 0], items=[3, 3, 1, 0], days=[100, 100, 100, 40])
    items, scores = model.recommend(np.array([7, 1, -1]), 3)
    np.testing.assert_array_equal(items[[0, 2]], [[3, 1, 0], [3, 1, 0]])
    np.testing.assert_allclose(scores[0], [2, 1, 0.5])
    np.testing.assert_array_equal(items[1], [0, 1, 2])  # user 1 bought item 3
    np.testing.assert_array_equal(model.is_known(np.array([7, 1, -1])), [False, True, False])
    np.testing.assert_array_equal(model.uses_fallback(np.array([7, 1, -1])), [True, False, True])


def test_strangers_purchases_since_training_are_left_out():
    model = given(TABLE, users=[0, 1, 2, 0], items=[3, 3, 1, 0], days=[100, 100, 100, 40])
    seen = scipy.sparse.csr_matrix(
        ([1.0] * 6, ([0, 0, 2, 2, 2, 2], [3, 0, 0, 1, 2, 3])), shape=(3, 4)
    )
    items, scores = model.recommend(np.array([5, 6, 8]), 2, seen=seen)
    np.testing.assert_array_equal(items, [[1, 2], [3, 1], [-1, -1]])
    np.testing.assert_array_equal(np.isneginf(scores), items == -1)


def test_scores_of_known_users_and_strangers_together():
    model = given(TABLE, users=[0, 0, 1], items=[2, 1, 2])
    scores = model.score(np.array([9, 1]))
    np.testing.assert_allclose(scores, [[0, 1, 2, 0], [4, 3, 2, 1]])
    np.testing.assert_allclose(model.score(np.array([9, 1]), np.array([2, 0])), [[2, 0], [2, 4]])


def test_recent_popularity_halves_in_a_half_life():
    train = interactions([0, 0, 1, 1], [0, 1, 1, 2], 2, 4, days=[100, 70, 100, 40])
    np.testing.assert_allclose(recent_popularity(train, 30.0), [1, 1.5, 0.25, 0])


# ---------------------------------------------------------------- ties


def by_definition(scores, hidden, priority, k):
    """Lists by sorting everything in Python."""
    lists = []
    for row in range(len(scores)):
        order = sorted(
            (j for j in range(scores.shape[1]) if not hidden[row, j]),
            key=lambda j: (-scores[row, j], priority[j]),
        )[:k]
        lists.append(order + [-1] * (k - len(order)))
    return np.array(lists)


@pytest.mark.parametrize("k", [1, 3, 7, 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_ties_follow_one_order_of_the_items_wherever_the_cut_goes(k, seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 3, (40, 20)).astype(float)
    users, items = np.nonzero(rng.random((40, 20)) < 0.2)
    model = given(table, users, items, seed=seed)
    hidden = np.zeros((40, 20), dtype=bool)
    hidden[users, items] = True
    priority = np.random.default_rng(seed).permutation(20)
    found, _ = model.recommend(np.arange(40), k)
    np.testing.assert_array_equal(found, by_definition(table, hidden, priority, k))
    # the fallback's lists are made by other code: same rule
    fallback = np.tile(model.score(np.array([99])), (40, 1))
    found, _ = model.recommend(np.arange(40) + 40, k, seen=scipy.sparse.csr_matrix(hidden))
    np.testing.assert_array_equal(found, by_definition(fallback, hidden, priority, k))


def test_a_shorter_list_is_the_beginning_of_a_longer_one():
    table = np.random.default_rng(0).integers(0, 3, (30, 25)).astype(float)
    model = given(table)
    longest, _ = model.recommend(np.arange(30), 25)
    for k in (1, 5, 24):
        np.testing.assert_array_equal(model.recommend(np.arange(30), k)[0], longest[:, :k])


def test_no_item_is_favoured_by_ties():
    train = interactions([0], [0], 1, 10)
    firsts = np.zeros(10)
    for seed in range(600):
        model = Given(RecommenderConfig(seed=seed), np.ones((1, 10))).fit(train)
        firsts[model.recommend(np.array([0]), 1, exclude_seen=False)[0][0, 0]] += 1
    # binomial(600, 0.1): mean 60, standard deviation 7.3
    assert firsts.min() > 30
    assert firsts.max() < 95


@pytest.mark.parametrize("candidates", [None, np.array([1, 5, 6, 7, 19, 30])])
def test_the_size_of_blocks_changes_nothing(monkeypatch, candidates):
    rng = np.random.default_rng(3)
    users, items = np.nonzero(rng.random((50, 20)) < 0.2)
    model = given(rng.integers(0, 4, (50, 20)), users, items)
    asked = rng.permutation(70)  # strangers in between
    seen = scipy.sparse.csr_matrix(rng.random((70, 20)) < 0.1)
    whole = model.recommend(asked, 5, candidates=candidates, seen=seen)
    for cells in (1, 97, 20 * 13):
        monkeypatch.setattr(base, "BLOCK_CELLS", cells)
        parts = model.recommend(asked, 5, candidates=candidates, seen=seen)
        np.testing.assert_array_equal(whole[0], parts[0])
        np.testing.assert_array_equal(whole[1], parts[1])


# ---------------------------------------------------------------- training and keeping


def test_an_untrained_model_says_so():
    with pytest.raises(NotTrainedError, match="given is not trained: call fit"):
        Given().recommend(np.array([0]), 1)
    with pytest.raises(NotTrainedError):
        Given().score(np.array([0]))
    with pytest.raises(NotTrainedError):
        Given().state()


def test_nothing_to_train_on_is_an_error():
    with pytest.raises(ValueError, match="given: there is no training purchase"):
        Given().fit(interactions([], [], 3, 3))


def test_predict_of_a_model_that_only_ranks():
    with pytest.raises(NotImplementedError, match="given ranks products"):
        given(TABLE).predict(np.array([0]), np.array([0]))


def test_saved_and_loaded_it_answers_the_same(tmp_path):
    model = given(TABLE, **BOUGHT, seed=3)
    model.save(tmp_path / "model")
    again = Given.load(tmp_path / "model")
    assert again.config == model.config
    asked = np.array([2, 0, 1, 77])
    for before, after in zip(model.recommend(asked, 3), again.recommend(asked, 3), strict=True):
        np.testing.assert_array_equal(before, after)
    with pytest.raises(ValueError, match="holds the model 'given', not 'random'"):
        recommender_class("random").load(tmp_path / "model")


def test_state_is_flat_contiguous_and_untied():
    model = given(TABLE, **BOUGHT)
    state = model.state()
    assert all(tensor.is_contiguous() for tensor in state.values())
    state["table"].zero_()
    assert model.table[1, 0] == 4
    addresses = [tensor.data_ptr() for tensor in state.values()]
    assert len(set(addresses)) == len(addresses)


def test_nothing_to_tune_unless_a_model_says_so():
    assert Given.search_space(None) == {}


# ---------------------------------------------------------------- registry


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'no_such'.*random, popularity, .*ncf_per_segment"):
        recommender_class("no_such")


@pytest.mark.parametrize("name", MODELS)
def test_a_registered_class_bears_its_name(name):
    found = recommender_class(name)
    assert issubclass(found, Recommender)
    assert found.name == name
    assert issubclass(found.Config, RecommenderConfig)
    assert found.Config is not RecommenderConfig


def test_load_recommender_wants_model_and_parameters():
    with pytest.raises(ValueError, match=r"lacks 'parameters' \(it has 'model'\)"):
        load_recommender({}, {"model": "random"})


def test_recommenders_and_metrics_do_not_import_torch_at_the_top():
    modules = sorted(
        {place.split(":")[0] for place in MODELS.values()}
        | {"product_recommender.recommenders.registry"}
        | {
            f"product_recommender.metrics.{name}"
            for name in ("rating", "ranking", "beyond_accuracy", "calibration", "bootstrap")
        }
    )
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print([m for m in ('torch', 'sklearn', 'optuna', 'kedro') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=_env()
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]"


def _env() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
